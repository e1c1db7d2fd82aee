import { useCallback, useEffect, useRef, useState } from 'react';
import { useLink, useLinkState } from '../../connection/link-context.ts';
import { useVisible } from '../../polling/use-visible.ts';
import { emptyTail, withAnswer } from './tail-state.ts';
import type { TailState } from './tail-state.ts';

const everyMs = 1000;

let views = 0;

interface Tail extends TailState {
  readonly failure: unknown;
  /** What the server calls this look at the thread. */
  readonly view: string;
  /** Begins anew: what was without text is read again. */
  readonly restart: () => void;
}

/** Follows the changes of a thread, while the page is seen. */
export function useTail(threadId: string): Tail {
  const link = useLink();
  const isOnline = useLinkState() === 'online';
  const isVisible = useVisible();
  const [view] = useState(() => String((views += 1)));
  const [tail, setTail] = useState(emptyTail);
  const [failure, setFailure] = useState<unknown>();
  const [round, setRound] = useState(0);
  const last = useRef(tail);
  useEffect(() => {
    if (!isOnline || !isVisible) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      const { seenSeq } = last.current;
      try {
        const answer = await link.request('tail', {
          thread_id: threadId,
          view,
          ...(seenSeq !== undefined && { after_seq: seenSeq }),
        });
        if (isOver) return;
        last.current = withAnswer(last.current, answer);
        setTail(last.current);
        setFailure(undefined);
      } catch (error) {
        if (!isOver) setFailure(error);
      }
      if (!isOver) timer = setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [link, threadId, view, isOnline, isVisible, round]);
  const restart = useCallback(() => {
    last.current = emptyTail;
    setRound((round) => round + 1);
  }, []);
  return { ...tail, failure, view, restart };
}
