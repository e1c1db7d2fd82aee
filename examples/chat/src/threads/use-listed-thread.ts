import { useThreadwire } from '@threadwire/client/react';
import { useCallback, useSyncExternalStore } from 'react';
import type { ThreadObject } from './thread-object.ts';

/** A thread as the list has it, where the list has it. */
export function useListedThread(id: string): ThreadObject | undefined {
  const { threadList } = useThreadwire();
  const subscribe = useCallback((listener: () => void) => threadList.onChange(listener), [threadList]);
  return useSyncExternalStore(subscribe, () => threadList.getSnapshot().threads.find((thread) => thread.id === id));
}
