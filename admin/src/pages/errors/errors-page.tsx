import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import type { Refusal } from '../../connection/protocol.ts';
import { formatCount } from '../../format/number.ts';
import { exactTime, logTime } from '../../format/time.ts';
import { FailureNote } from '../../polling/failure-note.tsx';
import { usePoll } from '../../polling/use-poll.ts';
import { hrefOf } from '../../route.ts';
import type { Column } from '../../table/column.ts';
import { CsvButton } from '../../table/csv-button.tsx';
import { DataTable } from '../../table/data-table.tsx';
import { isFound } from '../../table/is-found.ts';
import { PauseButton, SearchField, Toolbar } from '../../table/toolbar.tsx';
import { useSort } from '../../table/use-sort.ts';
import { UserText } from '../../ui/user-text.tsx';
import { useQuery } from '../../use-route.ts';
import { PageHead } from '../page-head.tsx';
import { CodeList } from './code-list.tsx';

type Line = Refusal & { readonly key: string };

const columns: readonly Column<Line>[] = [
  {
    key: 'at',
    title: 'Time',
    isHighestFirst: true,
    width: 7.5,
    value: ({ at }) => at,
    csv: ({ at }) => exactTime(at),
    cell: ({ at }) => (
      <time dateTime={exactTime(at)} title={exactTime(at)}>
        {logTime(at, Date.now())}
      </time>
    ),
  },
  {
    key: 'code',
    title: 'Code',
    width: 10.5,
    value: ({ code }) => code,
    cell: ({ code }) => <span className="code">{code}</span>,
  },
  {
    key: 'request',
    title: 'Request',
    hint: 'The event, or the HTTP route',
    width: 11,
    value: ({ request }) => request,
    cell: ({ request }) => <UserText text={request} className="code" />,
  },
  {
    key: 'user',
    title: 'User',
    width: 9,
    value: ({ user_id: id }) => id,
    cell: ({ user_id: id, client_id: clientId }) =>
      id === null ? (
        <span className="hint">none</span>
      ) : clientId === null ? (
        <UserText text={id} />
      ) : (
        <a className="row-link" href={hrefOf('connections', clientId)} title="Its connection">
          <UserText text={id} />
        </a>
      ),
  },
  {
    key: 'message',
    title: 'Message',
    value: ({ message }) => message,
    cell: ({ message }) => <UserText text={message} />,
  },
  {
    key: 'client',
    title: 'Client id',
    width: 8,
    value: ({ client_id: id }) => id,
    cell: ({ client_id: id }) => (id === null ? '' : <UserText text={id} className="code" />),
  },
];

/** What was refused: how often by its code, and the last of it. */
export function ErrorsPage(): ReactElement {
  const [search, setSearch] = useQuery('q');
  const [code, setCode] = useQuery('code');
  const [sort, setSort] = useSort('-at');
  const [isPaused, setPaused] = useState(false);
  const { data, failure } = usePoll('errors', {}, { isPaused });
  const lines = useMemo(() => data && keyed(data.recent), [data]);
  const found = useMemo(
    () =>
      lines?.filter(
        (line) =>
          (code === '' || line.code === code) &&
          isFound(search, line.code, line.request, line.message, line.user_id ?? '', line.client_id ?? ''),
      ),
    [lines, code, search],
  );
  const total = data ? Object.values(data.counts).reduce((sum, count) => sum + count, 0) : 0;
  return (
    <>
      <PageHead title="Errors" facts={data && `${formatCount(total)} refused since the node started`} />
      <div className="errors">
        <section aria-labelledby="codes-title">
          <h2 id="codes-title">By code</h2>
          <CodeList counts={data?.counts} recent={data?.recent ?? []} chosen={code} onChoose={setCode} />
        </section>
        <section aria-labelledby="recent-title">
          <h2 id="recent-title">{code === '' ? 'Last refusals' : `Last refusals: ${code}`}</h2>
          <Toolbar label="Last refusals">
            <SearchField label="Filter by request, user, message" value={search} onChange={setSearch} />
            {code !== '' && (
              <button type="button" className="button" onClick={() => setCode('')}>
                All codes
              </button>
            )}
            <span className="toolbar-space" />
            <PauseButton isPaused={isPaused} onChange={setPaused} />
            <CsvButton what="errors" columns={columns} rows={() => found ?? []} />
          </Toolbar>
          <FailureNote failure={failure} />
          <DataTable
            caption="Last refusals"
            columns={columns}
            rows={found}
            keyOf={({ key }) => key}
            sort={sort}
            onSort={setSort}
            question={`${code} ${search}`}
            empty={
              lines?.length === 0 ? 'Nothing was refused since the node started.' : 'None of the last refusals matches.'
            }
          />
        </section>
      </div>
    </>
  );
}

/** Refusals have no ids, and several may be of one millisecond: those are counted, from the oldest on. */
function keyed(recent: readonly Refusal[]): Line[] {
  const seen = new Map<string, number>();
  return recent
    .toReversed()
    .map((refusal) => {
      const base = `${refusal.at} ${refusal.code} ${refusal.request} ${refusal.client_id}`;
      const count = (seen.get(base) ?? 0) + 1;
      seen.set(base, count);
      return { ...refusal, key: `${base} ${count}` };
    })
    .reverse();
}
