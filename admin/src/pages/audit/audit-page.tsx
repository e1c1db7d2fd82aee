import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import type { ConsoleAnswers } from '../../connection/protocol.ts';
import { exactTime, logTime } from '../../format/time.ts';
import { counted } from '../../format/number.ts';
import { FailureNote } from '../../polling/failure-note.tsx';
import { usePoll } from '../../polling/use-poll.ts';
import type { Column } from '../../table/column.ts';
import { CsvButton } from '../../table/csv-button.tsx';
import { DataTable } from '../../table/data-table.tsx';
import { isFound } from '../../table/is-found.ts';
import { SearchField, SelectField, Toolbar } from '../../table/toolbar.tsx';
import { useSort } from '../../table/use-sort.ts';
import { Badge } from '../../ui/badge.tsx';
import { UserText } from '../../ui/user-text.tsx';
import { useQuery } from '../../use-route.ts';
import { PageHead } from '../page-head.tsx';
import { mergedEntries } from './merged-entries.ts';

type Entry = ConsoleAnswers['audit']['entries'][number];

const limit = 100;
const outcomes = [
  ['', 'Any outcome'],
  ['ok', 'ok'],
  ['refused', 'refused'],
  ['failed', 'failed'],
] as const;
const tones = { ok: 'good', refused: 'warn', failed: 'bad' } as const satisfies Record<Entry['outcome'], string>;

const columns: readonly Column<Entry>[] = [
  {
    key: 'at',
    title: 'When',
    isHighestFirst: true,
    width: 9,
    value: ({ at }) => at,
    csv: ({ at }) => exactTime(at),
    cell: ({ at }) => (
      <time dateTime={exactTime(at)} title={exactTime(at)}>
        {logTime(at, Date.now())}
      </time>
    ),
  },
  {
    key: 'operator',
    title: 'Who',
    width: 10,
    value: ({ operator }) => operator,
    // A login by another name is noted without it.
    cell: ({ operator }) =>
      operator === '' ? <span className="hint">another name</span> : <UserText text={operator} className="strong" />,
  },
  {
    key: 'address',
    title: 'From',
    width: 9,
    value: ({ address }) => address,
    cell: ({ address }) => <UserText text={address} className="code" />,
  },
  {
    key: 'action',
    title: 'What',
    width: 10,
    value: ({ action }) => action,
    cell: ({ action }) => <UserText text={action} className="code" />,
  },
  {
    key: 'target',
    title: 'To what',
    value: ({ target }) => target,
    cell: ({ target }) => <UserText text={target} className="code" />,
  },
  {
    key: 'outcome',
    title: 'Outcome',
    width: 7,
    value: ({ outcome }) => outcome,
    cell: ({ outcome }) => <Badge tone={tones[outcome]}>{outcome}</Badge>,
  },
  {
    key: 'detail',
    title: 'Detail',
    width: 11,
    value: ({ detail }) => detail,
    cell: ({ detail }) => <UserText text={detail} className="code" />,
  },
];

/** What operators did, and who tried to become one. */
export function AuditPage(): ReactElement {
  const link = useLink();
  const [search, setSearch] = useQuery('q');
  const [outcome, setOutcome] = useQuery('outcome');
  const [sort, setSort] = useSort('-at');
  const { data, failure } = usePoll('audit', { limit });
  const [older, setOlder] = useState<readonly Entry[]>([]);
  const [isAtEnd, setAtEnd] = useState(false);
  const [isLoading, setLoading] = useState(false);
  const [olderFailure, setOlderFailure] = useState<unknown>();
  const [seen, setSeen] = useState<readonly Entry[]>([]);
  // What was newest when older ones were read may have left the first page since.
  const entries = useMemo(() => data && mergedEntries(data.entries, seen, older), [data, seen, older]);
  const found = useMemo(
    () =>
      entries?.filter(
        (entry) =>
          (outcome === '' || entry.outcome === outcome) &&
          isFound(search, entry.operator, entry.address, entry.action, entry.target, entry.detail),
      ),
    [entries, outcome, search],
  );
  const hasMore = !isAtEnd && (data?.entries.length ?? 0) >= limit;

  const readOlder = async (): Promise<void> => {
    const oldest = entries?.at(-1);
    if (!oldest || isLoading) return;
    setLoading(true);
    setOlderFailure(undefined);
    try {
      const page = await link.request('audit', { before: oldest.id, limit: 500 });
      setSeen((last) => mergedEntries(data?.entries ?? [], last));
      setOlder((last) => [...last, ...page.entries]);
      if (page.entries.length < 500) setAtEnd(true);
    } catch (error) {
      setOlderFailure(error);
    } finally {
      setLoading(false);
    }
  };

  return (
    <>
      <PageHead
        title="Audit log"
        facts={found && `${counted(found.length, 'entry', 'entries')}${hasMore ? ', and older ones' : ''}`}
      />
      <Toolbar label="Audit log">
        <SearchField label="Filter by who, what, from where" value={search} onChange={setSearch} />
        <SelectField label="Outcome" value={outcome} options={outcomes} onChange={setOutcome} />
        <span className="toolbar-space" />
        <CsvButton what="audit" columns={columns} rows={() => found ?? []} />
      </Toolbar>
      <FailureNote failure={failure} />
      <DataTable
        caption="Audit log"
        columns={columns}
        rows={found}
        keyOf={({ id }) => id}
        sort={sort}
        onSort={setSort}
        question={`${search} ${outcome}`}
        empty={entries?.length === 0 ? 'Nothing was done yet.' : 'No entry matches.'}
        toneOf={(entry) => (entry.outcome === 'ok' ? undefined : 'warn')}
      />
      <FailureNote failure={olderFailure} />
      {hasMore && (
        <button type="button" className="button" aria-disabled={isLoading} onClick={() => void readOlder()}>
          {isLoading ? 'Reading…' : 'Read older entries'}
        </button>
      )}
    </>
  );
}
