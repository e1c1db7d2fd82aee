import { createContext, useContext, useSyncExternalStore } from 'react';
import type { ChatSession, SessionStore } from './session-store.ts';

export interface SessionContextValue {
  readonly session: ChatSession;
  readonly store: SessionStore;
}

export const SessionContext = createContext<SessionContextValue | undefined>(undefined);

/** The window's session, and the store that changes it. */
export function useSession(): SessionContextValue {
  const value = useContext(SessionContext);
  if (!value) throw new Error('useSession: there is no SessionContext around this component');
  return value;
}

/** Up to which seq the user has seen each thread. */
export function useSeen(): ReadonlyMap<string, number> {
  const { seen } = useSession().session;
  return useSyncExternalStore(seen.subscribe, seen.getSnapshot);
}
