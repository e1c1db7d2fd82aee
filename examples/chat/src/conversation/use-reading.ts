import type { ThreadSnapshot } from '@threadwire/client';
import { useCallback, useEffect, useState } from 'react';
import { usePageVisible } from '../hooks/use-page-visible.ts';
import { useSession } from '../session/session-context.ts';

interface Reading {
  /** Where the new messages begin: what lies above this position is new. Undefined where that says nothing. */
  readonly newAfter: number | undefined;
  /** Whoever writes has read. */
  readonly forgetNew: () => void;
}

/** Keeps what the user has seen of an open thread: all of it, while the page is in sight and stands at its end. */
export function useReading(threadId: string, snapshot: ThreadSnapshot, isAtBottom: boolean): Reading {
  const { seen } = useSession().session;
  const isVisible = usePageVisible();
  const [newAfter, setNewAfter] = useState(() => seen.getSnapshot().get(threadId));
  const [wasVisible, setWasVisible] = useState(isVisible);
  if (wasVisible !== isVisible) {
    setWasVisible(isVisible);
    // Back again: new is what came meanwhile.
    if (isVisible) setNewAfter(seen.getSnapshot().get(threadId));
  }

  const isRead = isVisible && isAtBottom && snapshot.status === 'live';
  const { messages, thread } = snapshot;
  useEffect(() => {
    if (!isRead) return;
    // An edit's seq is above those of the messages after it; the thread's own number comes a second late.
    const head = messages.reduce((highest, { seq }) => Math.max(highest, seq), thread?.head_seq ?? 0);
    seen.mark(threadId, head);
  }, [isRead, messages, thread, seen, threadId]);

  const forgetNew = useCallback(() => setNewAfter(undefined), []);
  return { newAfter, forgetNew };
}
