import type { ReactElement } from 'react';
import type { Route } from '../route.ts';
import { ActionsPage } from './actions/actions-page.tsx';
import { AuditPage } from './audit/audit-page.tsx';
import { ConnectionPage } from './connections/connection-page.tsx';
import { ConnectionsPage } from './connections/connections-page.tsx';
import { ErrorsPage } from './errors/errors-page.tsx';
import { OverviewPage } from './overview/overview-page.tsx';
import { StreamsPage } from './streams/streams-page.tsx';
import { ThreadPage } from './threads/thread-page.tsx';
import { ThreadsPage } from './threads/threads-page.tsx';

/** The page that the address names. */
export function CurrentPage({ route: { page, id } }: { readonly route: Route }): ReactElement {
  switch (page) {
    case 'overview':
      return <OverviewPage />;
    case 'threads':
      return id === undefined ? <ThreadsPage /> : <ThreadPage key={id} threadId={id} />;
    case 'streams':
      return <StreamsPage />;
    case 'connections':
      return id === undefined ? <ConnectionsPage /> : <ConnectionPage clientId={id} />;
    case 'errors':
      return <ErrorsPage />;
    case 'actions':
      return <ActionsPage />;
    case 'audit':
      return <AuditPage />;
  }
}
