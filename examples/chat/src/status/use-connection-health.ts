import type { ThreadwireError } from '@threadwire/client';
import { useConnectionStatus } from '@threadwire/client/react';
import { useOnline } from '../hooks/use-online.ts';

/** The connection, as people speak of it. */
export interface ConnectionHealth {
  readonly state: 'connected' | 'connecting' | 'reconnecting' | 'offline' | 'closed';
  readonly label: string;
  readonly error: ThreadwireError | undefined;
}

const labels = {
  connected: 'Connected',
  connecting: 'Connecting…',
  reconnecting: 'Reconnecting…',
  offline: 'Offline',
  closed: 'Disconnected',
} as const;

export function useConnectionHealth(): ConnectionHealth {
  const { state, error } = useConnectionStatus();
  const isOnline = useOnline();
  const isTrying = state === 'connecting' || state === 'reconnecting';
  const shown = isTrying && !isOnline ? 'offline' : state;
  return { state: shown, label: labels[shown], error };
}
