import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import type { ConsoleAnswers, Refusal } from '../../connection/protocol.ts';
import { counted, formatCount } from '../../format/number.ts';
import { exactTime, logTime } from '../../format/time.ts';
import { FailureNote } from '../../polling/failure-note.tsx';
import { usePoll } from '../../polling/use-poll.ts';
import { hrefOf } from '../../route.ts';
import type { Column } from '../../table/column.ts';
import { CsvButton } from '../../table/csv-button.tsx';
import { DataTable } from '../../table/data-table.tsx';
import { isFound } from '../../table/is-found.ts';
import { sortRows } from '../../table/sort-rows.ts';
import { PauseButton, SearchField, Toolbar } from '../../table/toolbar.tsx';
import { useSort } from '../../table/use-sort.ts';
import { UserText } from '../../ui/user-text.tsx';
import { useQuery } from '../../use-route.ts';
import { PageHead } from '../page-head.tsx';
import { CodeList } from './code-list.tsx';
import { codeNotes, refusedTotal } from './code-notes.ts';

const columns: readonly Column<Refusal>[] = [
  {
    key: 'at',
    title: 'Time',
    csvTitle: 'time (UTC)',
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
    cell: ({ message }) => <UserText text={message} className="whole" />,
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
  const note = codeNotes[code as Refusal['code']];
  const { data, failure } = usePoll('errors', {}, { isPaused });
  const lines = data?.recent;
  const found = useMemo(
    () =>
      lines?.filter(
        (line) =>
          (code === '' || line.code === code) &&
          isFound(search, line.code, line.request, line.message, line.user_id ?? '', line.client_id ?? ''),
      ),
    [lines, code, search],
  );
  return (
    <>
      <PageHead title="Errors" facts={data && sinceStart(data.counts)} />
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
            <CsvButton what="errors" columns={columns} rows={() => sortRows(found ?? [], columns, sort)} />
          </Toolbar>
          <FailureNote failure={failure} />
          {note !== undefined && <p className="hint">{note}</p>}
          <DataTable
            caption="Last refusals"
            columns={columns}
            rows={found}
            keyOf={({ number }) => String(number)}
            sort={sort}
            onSort={setSort}
            question={`${code} ${search}`}
            empty={emptyText(lines?.length ?? 0)}
            // What was refused stays so: others push it out.
            leaving="nothing"
          />
        </section>
      </div>
    </>
  );
}

function sinceStart(counts: ConsoleAnswers['errors']['counts']): string {
  const closed = counts.slow_consumer;
  const refused = `${formatCount(refusedTotal(counts))} refused`;
  return `${refused}${closed === 0 ? '' : `, ${counted(closed, 'connection')} closed as too slow`} since the node started`;
}

function emptyText(refusals: number): string {
  if (refusals === 0) return 'No request was refused since the node started.';
  return refusals === 1 ? 'The one refusal does not match.' : `None of the last ${refusals} refusals matches.`;
}
