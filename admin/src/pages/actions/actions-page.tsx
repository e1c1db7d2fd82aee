import type { ReactElement } from 'react';
import { usePoll } from '../../polling/use-poll.ts';
import { PageHead } from '../page-head.tsx';
import { AnnounceForm } from './announce-form.tsx';
import { DrainPanel } from './drain-panel.tsx';
import { RevokeForm } from './revoke-form.tsx';
import { RevokedTable } from './revoked-table.tsx';

const everyMs = 5000;

/** What an operator can do to the whole node, and to users who need not be connected. */
export function ActionsPage(): ReactElement {
  const { data, failure, refresh } = usePoll('revoked', {}, { everyMs });
  return (
    <>
      <PageHead title="Actions" facts="Each asks before it does anything, and is noted in the audit log." />
      <div className="panels">
        <AnnounceForm />
        <RevokeForm revoked={data?.users ?? []} onDone={refresh} />
        <DrainPanel />
      </div>
      <RevokedTable users={data?.users} failure={failure} onDone={refresh} />
    </>
  );
}
