import { useCallback, useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import type { ConsoleAnswers } from '../../connection/protocol.ts';
import { exactTime, logTime } from '../../format/time.ts';
import { formatCount } from '../../format/number.ts';
import { FailureNote } from '../../polling/failure-note.tsx';
import { usePoll } from '../../polling/use-poll.ts';
import type { Column } from '../../table/column.ts';
import { CsvButton } from '../../table/csv-button.tsx';
import { DataTable } from '../../table/data-table.tsx';
import { isFound } from '../../table/is-found.ts';
import { sortRows } from '../../table/sort-rows.ts';
import { SearchField, SelectField, Toolbar } from '../../table/toolbar.tsx';
import { useSort } from '../../table/use-sort.ts';
import { Badge } from '../../ui/badge.tsx';
import { UserText } from '../../ui/user-text.tsx';
import { useQuery } from '../../use-route.ts';
import { PageHead } from '../page-head.tsx';
import { auditFacts } from './audit-facts.ts';
import { mergedEntries } from './merged-entries.ts';
import { searchOlder } from './search-older.ts';
import { unnamed } from './unnamed.ts';

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
    csvTitle: 'when (UTC)',
    isHighestFirst: true,
    width: 8,
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
    width: 8,
    value: ({ operator }) => operator,
    csv: (entry) => unnamed(entry) ?? entry.operator,
    cell: (entry) => {
      const without = unnamed(entry);
      return without === undefined ? (
        <UserText text={entry.operator} className="strong" />
      ) : (
        <span className="hint">{without}</span>
      );
    },
  },
  {
    key: 'address',
    title: 'From',
    width: 8,
    value: ({ address }) => address,
    cell: ({ address }) => <UserText text={address} className="code" />,
  },
  {
    key: 'action',
    title: 'What',
    width: 9,
    value: ({ action }) => action,
    cell: ({ action }) => <UserText text={action} className="code" />,
  },
  {
    key: 'target',
    title: 'To what',
    width: 17,
    value: ({ target }) => target,
    cell: ({ target }) => <UserText text={target} className="code" />,
  },
  {
    key: 'outcome',
    title: 'Outcome',
    width: 6.5,
    value: ({ outcome }) => outcome,
    cell: ({ outcome }) => <Badge tone={tones[outcome]}>{outcome}</Badge>,
  },
  {
    key: 'detail',
    title: 'Detail',
    value: ({ detail }) => detail,
    cell: ({ detail }) => <UserText text={detail} className="code whole" />,
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
  const isWanted = useCallback(
    (entry: Entry): boolean =>
      (outcome === '' || entry.outcome === outcome) &&
      isFound(search, unnamed(entry) ?? entry.operator, entry.address, entry.action, entry.target, entry.detail),
    [outcome, search],
  );
  const found = useMemo(() => entries?.filter(isWanted), [entries, isWanted]);
  const isFiltered = search.trim() !== '' || outcome !== '';
  const hasMore = !isAtEnd && (data?.entries.length ?? 0) >= limit;

  const readOlder = async (): Promise<void> => {
    const oldest = entries?.at(-1);
    if (!oldest || isLoading) return;
    setLoading(true);
    setOlderFailure(undefined);
    try {
      setSeen((last) => mergedEntries(data?.entries ?? [], last));
      const read = async (before: string, limit: number): Promise<readonly Entry[]> =>
        (await link.request('audit', { before, limit })).entries;
      const onPage = (page: readonly Entry[]): void => setOlder((last) => [...last, ...page]);
      setAtEnd(await searchOlder({ read, isFound: isWanted, before: oldest.id, onPage }));
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
        facts={entries && found && auditFacts({ found: found.length, known: entries.length, hasMore, isFiltered })}
      />
      <Toolbar label="Audit log">
        <SearchField label="Filter by who, what, from where" value={search} onChange={setSearch} />
        <SelectField label="Outcome" value={outcome} options={outcomes} onChange={setOutcome} />
        <span className="toolbar-space" />
        <CsvButton what="audit" columns={columns} rows={() => sortRows(found ?? [], columns, sort)} />
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
        empty={
          entries?.length === 0
            ? 'Nothing was done yet.'
            : hasMore
              ? `None of the latest ${formatCount(entries?.length ?? 0)} entries matches.`
              : 'No entry matches.'
        }
        leaving="nothing"
        toneOf={(entry) => (entry.outcome === 'ok' ? undefined : 'warn')}
      />
      <FailureNote failure={olderFailure} />
      {hasMore && (
        <button type="button" className="button" aria-disabled={isLoading} onClick={() => void readOlder()}>
          {isLoading ? 'Reading…' : isFiltered ? 'Search older' : 'Read older entries'}
        </button>
      )}
    </>
  );
}
