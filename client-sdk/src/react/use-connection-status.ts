import { useCallback, useSyncExternalStore } from 'react';
import type { ConnectionStatus } from '../client.ts';
import { useThreadwire } from './provider.ts';

/** How the one connection stands. */
export function useConnectionStatus(): ConnectionStatus {
  const client = useThreadwire();
  const subscribe = useCallback((listener: () => void) => client.onStatus(listener), [client]);
  const getSnapshot = useCallback(() => client.getStatus(), [client]);
  return useSyncExternalStore(subscribe, getSnapshot, getSnapshot);
}
