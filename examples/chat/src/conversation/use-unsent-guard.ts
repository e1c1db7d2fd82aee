import { useThreadwire } from '@threadwire/client/react';
import { useEffect, useRef } from 'react';

/** Asks before the page is left while messages of threads that were open here wait in its memory. */
export function useUnsentGuard(threadId: string | undefined): void {
  const client = useThreadwire();
  const opened = useRef(new Set<string>());
  useEffect(() => {
    if (threadId !== undefined) opened.current.add(threadId);
  }, [threadId]);
  useEffect(() => {
    const onLeave = (event: BeforeUnloadEvent): void => {
      const isAnyPending = [...opened.current].some((id) => client.thread(id).getSnapshot().pending.length > 0);
      if (isAnyPending) event.preventDefault();
    };
    addEventListener('beforeunload', onLeave);
    return () => removeEventListener('beforeunload', onLeave);
  }, [client]);
}
