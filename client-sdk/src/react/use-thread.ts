import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Thread } from '../thread.ts';
import type { ThreadSnapshot } from '../thread-state.ts';
import { useThreadwire } from './provider.ts';

/** Follows a thread while the component is there; another id follows another thread. */
export function useThread(id: string): { readonly thread: Thread; readonly snapshot: ThreadSnapshot } {
  const client = useThreadwire();
  const thread = useMemo(() => client.thread(id), [client, id]);
  useEffect(() => thread.subscribe().unsubscribe, [thread]);
  const subscribe = useCallback((listener: () => void) => thread.onChange(listener), [thread]);
  const getSnapshot = useCallback(() => thread.getSnapshot(), [thread]);
  return { thread, snapshot: useSyncExternalStore(subscribe, getSnapshot, getSnapshot) };
}
