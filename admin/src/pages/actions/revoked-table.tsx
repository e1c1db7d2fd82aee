import { useMemo } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import type { RevokedLine } from '../../connection/protocol.ts';
import { useConfirm } from '../../dialog/confirm.tsx';
import { exactTime, logTime } from '../../format/time.ts';
import { restoreQuestion } from '../../operations/user-questions.tsx';
import { FailureNote } from '../../polling/failure-note.tsx';
import type { Column } from '../../table/column.ts';
import { CsvButton } from '../../table/csv-button.tsx';
import { DataTable } from '../../table/data-table.tsx';
import { isFound } from '../../table/is-found.ts';
import { sortRows } from '../../table/sort-rows.ts';
import { SearchField, Toolbar } from '../../table/toolbar.tsx';
import { useSort } from '../../table/use-sort.ts';
import { UserText } from '../../ui/user-text.tsx';
import { useQuery } from '../../use-route.ts';

interface RevokedTableProps {
  readonly users: readonly RevokedLine[] | undefined;
  readonly failure: unknown;
  readonly onDone: () => void;
}

/** Who is kept out, and the way to let somebody in again. */
export function RevokedTable({ users, failure, onDone }: RevokedTableProps): ReactElement {
  const link = useLink();
  const confirm = useConfirm();
  const [sort, setSort] = useSort('-at');
  const [search, setSearch] = useQuery('q');
  const columns = useMemo(
    (): readonly Column<RevokedLine>[] => [
      {
        key: 'user',
        title: 'User',
        value: ({ user_id }) => user_id,
        cell: ({ user_id }) => <UserText text={user_id} className="strong" />,
      },
      {
        key: 'at',
        title: 'Revoked',
        csvTitle: 'revoked (UTC)',
        isHighestFirst: true,
        width: 9,
        value: ({ revoked_at }) => Date.parse(revoked_at),
        csv: ({ revoked_at }) => revoked_at,
        cell: ({ revoked_at }) => (
          <time dateTime={revoked_at} title={exactTime(Date.parse(revoked_at))}>
            {logTime(Date.parse(revoked_at), Date.now())}
          </time>
        ),
      },
      {
        key: 'operator',
        title: 'By',
        width: 9,
        value: ({ operator }) => operator,
        cell: ({ operator }) => <UserText text={operator} />,
      },
      {
        key: 'reason',
        title: 'Reason',
        value: ({ reason }) => reason,
        cell: ({ reason }) => <UserText text={reason} className="whole" />,
      },
      {
        key: 'do',
        title: 'Actions',
        isAction: true,
        width: 6,
        value: () => null,
        cell: ({ user_id }) => (
          <button type="button" className="row-button" onClick={() => confirm(restoreQuestion(link, user_id, onDone))}>
            Restore
          </button>
        ),
      },
    ],
    [link, confirm, onDone],
  );
  const found = useMemo(
    () => users?.filter((line) => isFound(search, line.user_id, line.reason, line.operator)),
    [users, search],
  );
  return (
    <section aria-labelledby="revoked-title">
      <div className="section-head">
        <h2 id="revoked-title">Revoked users</h2>
        <Toolbar label="Revoked users">
          <SearchField label="Filter revoked users" value={search} onChange={setSearch} />
          <CsvButton what="revoked" columns={columns} rows={() => sortRows(found ?? [], columns, sort)} />
        </Toolbar>
      </div>
      <FailureNote failure={failure} />
      <DataTable
        caption="Revoked users"
        columns={columns}
        rows={found}
        keyOf={({ user_id }) => user_id}
        sort={sort}
        onSort={setSort}
        question={search}
        empty={users?.length === 0 ? 'Nobody is revoked.' : 'No revoked user matches.'}
      />
    </section>
  );
}
