import { ThreadwireProvider } from '@threadwire/client/react';
import { useMemo, useSyncExternalStore } from 'react';
import type { ReactElement } from 'react';
import { SessionContext } from './session/session-context.ts';
import type { SessionStore } from './session/session-store.ts';
import { Shell } from './shell.tsx';

/** Everything below belongs to one session: another user, or another connection, begins anew. */
export function App({ store }: { readonly store: SessionStore }): ReactElement {
  const session = useSyncExternalStore(store.subscribe, store.getSnapshot);
  const value = useMemo(() => ({ session, store }), [session, store]);
  return (
    <SessionContext value={value}>
      <ThreadwireProvider client={session.client}>
        <Shell key={session.number} />
      </ThreadwireProvider>
    </SessionContext>
  );
}
