import { useCallback, useEffect, useSyncExternalStore } from 'react';
import type { ThreadListSnapshot } from '../thread-list.ts';
import { useThreadwire } from './provider.ts';

/** The live list of threads, watched while the component is there. */
export function useThreadList(): ThreadListSnapshot {
  const { threadList } = useThreadwire();
  useEffect(() => threadList.watch(), [threadList]);
  const subscribe = useCallback((listener: () => void) => threadList.onChange(listener), [threadList]);
  const getSnapshot = useCallback(() => threadList.getSnapshot(), [threadList]);
  return useSyncExternalStore(subscribe, getSnapshot, getSnapshot);
}
