import { useEffect, useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import type { ConsolePayload } from '../../connection/protocol.ts';
import { useConfirm } from '../../dialog/confirm.tsx';
import { formatCount } from '../../format/number.ts';
import { foundConnections } from '../../operations/connections-of.ts';
import { disconnectQuestion } from '../../operations/user-questions.tsx';
import { FailureNote } from '../../polling/failure-note.tsx';
import { usePoll } from '../../polling/use-poll.ts';
import { CsvButton } from '../../table/csv-button.tsx';
import { DataTable } from '../../table/data-table.tsx';
import { PauseButton, SearchField, Toolbar } from '../../table/toolbar.tsx';
import { useSort } from '../../table/use-sort.ts';
import { useDebounced } from '../../ui/use-debounced.ts';
import { useQuery } from '../../use-route.ts';
import { PageHead } from '../page-head.tsx';
import { connectionColumns } from './connection-columns.tsx';
import { lastPage, pageNumber } from './page-number.ts';
import { Pager } from './pager.tsx';

type Order = ConsolePayload<'connections'>['order'];

const pageSize = 100;
const maxExported = 5000;
const debounceMs = 250;
const orders: readonly string[] = [
  'user',
  'address',
  'client',
  'connected_at',
  'subscriptions',
  'buffered_bytes',
  'round_trip',
  'slow',
] satisfies Order[];

/** Who is connected. The server searches, orders and pages: there may be tens of thousands. */
export function ConnectionsPage(): ReactElement {
  const link = useLink();
  const confirm = useConfirm();
  const [search, setSearch] = useQuery('q');
  const [page, setPage] = useQuery('page', '1');
  const searched = useDebounced(search, debounceMs);
  const [sort, setSort] = useSort('-connected_at');
  const [isPaused, setPaused] = useState(false);
  const number = pageNumber(page);
  const asked = {
    search: searched,
    order: (orders.includes(sort.key) ? sort.key : 'connected_at') as Order,
    descending: sort.isDescending,
  };
  const view = { ...asked, offset: (number - 1) * pageSize, limit: pageSize };
  const { data, failure, isOld, refresh } = usePoll('connections', view, { isPaused });
  const columns = useMemo(
    () =>
      connectionColumns((line) => {
        const question = disconnectQuestion(link, line);
        confirm({ ...question, run: async (reason) => question.run(reason).finally(refresh) });
      }),
    [link, confirm, refresh],
  );
  const last = lastPage(data?.found ?? 0, pageSize);
  // It had more pages when its address was made.
  const isBeyond = data !== undefined && !isOld && number > last;
  useEffect(() => {
    if (isBeyond) setPage(String(last));
  }, [isBeyond, last, setPage]);
  return (
    <>
      <PageHead
        title="Connections"
        facts={
          data &&
          (searched === ''
            ? `${formatCount(data.total)} on this node`
            : `${formatCount(data.found)} found of ${formatCount(data.total)} on this node`)
        }
      />
      <Toolbar label="Connections">
        <SearchField
          label="Search user, address, client, id"
          value={search}
          onChange={(value) => {
            setSearch(value);
            setPage('1');
          }}
        />
        <span className="toolbar-space" />
        <Pager page={number} last={last} onChange={(next) => setPage(String(next))} />
        <PauseButton isPaused={isPaused} onChange={setPaused} />
        <CsvButton
          what="connections"
          columns={columns}
          rows={() => foundConnections(link, asked, maxExported)}
          found={data?.found ?? 0}
          says={
            last > 1
              ? `Saves what was found, of all pages, up to ${formatCount(maxExported)}, as a spreadsheet`
              : 'Saves what this table has, in its order, as a spreadsheet'
          }
        />
      </Toolbar>
      <FailureNote failure={failure} />
      <DataTable
        caption="Connections"
        columns={columns}
        rows={data?.connections}
        keyOf={({ client_id }) => client_id}
        sort={sort}
        onSort={setSort}
        isSorted
        question={JSON.stringify(view)}
        isOld={isOld || isBeyond || searched !== search}
        leaving={last > 1 ? 'moved' : 'ended'}
        empty={searched === '' ? 'Nobody is connected.' : 'No connection matches.'}
        toneOf={({ is_slow }) => (is_slow ? 'warn' : undefined)}
      />
    </>
  );
}
