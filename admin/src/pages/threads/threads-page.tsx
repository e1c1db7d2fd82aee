import { useState } from 'react';
import type { ReactElement } from 'react';
import type { ThreadLine } from '../../connection/protocol.ts';
import { Age } from '../../format/age.tsx';
import { formatCount } from '../../format/number.ts';
import { FailureNote } from '../../polling/failure-note.tsx';
import { usePoll } from '../../polling/use-poll.ts';
import { hrefOf } from '../../route.ts';
import type { Column } from '../../table/column.ts';
import { CsvButton } from '../../table/csv-button.tsx';
import { DataTable } from '../../table/data-table.tsx';
import { sortRows } from '../../table/sort-rows.ts';
import { PauseButton, SearchField, Toolbar } from '../../table/toolbar.tsx';
import { useSort } from '../../table/use-sort.ts';
import { useDebounced } from '../../ui/use-debounced.ts';
import { UserText } from '../../ui/user-text.tsx';
import { useQuery } from '../../use-route.ts';
import { PageHead } from '../page-head.tsx';
import { threadsFacts } from './threads-facts.ts';

const limit = 500;
const debounceMs = 250;

const columns: readonly Column<ThreadLine>[] = [
  {
    key: 'title',
    title: 'Thread',
    value: ({ title, id }) => title || id,
    csv: ({ title }) => title,
    cell: ({ id, title }) => (
      <a className="row-link" href={hrefOf('threads', id)}>
        {title === '' ? <span className="untitled">Untitled</span> : <UserText text={title} />}
      </a>
    ),
  },
  {
    key: 'id',
    title: 'Id',
    width: 11,
    value: ({ id }) => id,
    cell: ({ id }) => <UserText text={id} className="code" />,
  },
  {
    key: 'subscribers',
    title: 'Subscribers',
    csvTitle: 'subscribers (connections)',
    hint: 'Connections on this node that follow it',
    isNumber: true,
    width: 8,
    value: ({ subscribers }) => subscribers,
    cell: ({ subscribers }) => formatCount(subscribers),
  },
  {
    key: 'changes',
    title: 'Changes/min',
    hint: 'Changes in the last minute, on this node',
    isNumber: true,
    width: 8.5,
    value: ({ changes_per_minute }) => changes_per_minute,
    cell: ({ changes_per_minute }) => formatCount(changes_per_minute),
  },
  {
    key: 'streams',
    title: 'Streams',
    csvTitle: 'streams (running)',
    hint: 'Replies that are being written',
    isNumber: true,
    width: 6.25,
    value: ({ streams }) => streams,
  },
  {
    key: 'head_seq',
    title: 'head_seq',
    hint: 'The number of its last change',
    isNumber: true,
    width: 6.75,
    value: ({ head_seq }) => head_seq,
    cell: ({ head_seq }) => formatCount(head_seq),
  },
  {
    key: 'activity',
    title: 'Last activity',
    csvTitle: 'last activity (UTC)',
    isNumber: true,
    width: 8.75,
    value: ({ updated_at }) => Date.parse(updated_at),
    csv: ({ updated_at }) => updated_at,
    cell: ({ updated_at }) => <Age at={Date.parse(updated_at)} />,
  },
];

/** The threads that were active last, or those that are searched for. */
export function ThreadsPage(): ReactElement {
  const [search, setSearch] = useQuery('q');
  const asked = useDebounced(search, debounceMs);
  const [sort, setSort] = useSort('-activity');
  const [isPaused, setPaused] = useState(false);
  const { data, failure, isOld } = usePoll('threads', { search: asked, limit }, { isPaused });
  const threads = data?.threads;
  return (
    <>
      <PageHead title="Threads" facts={data && threadsFacts(asked, { ...data, shown: data.threads.length })} />
      <Toolbar label="Threads">
        <SearchField label="Search titles and ids" value={search} onChange={setSearch} />
        <span className="toolbar-space" />
        <PauseButton isPaused={isPaused} onChange={setPaused} />
        <CsvButton
          what="threads"
          columns={columns}
          rows={() => sortRows(threads ?? [], columns, sort)}
          found={data?.found ?? 0}
        />
      </Toolbar>
      <FailureNote failure={failure} />
      <DataTable
        caption="Threads"
        columns={columns}
        rows={threads}
        keyOf={({ id }) => id}
        sort={sort}
        onSort={setSort}
        question={asked}
        isOld={isOld || asked !== search}
        empty={
          asked === ''
            ? 'No threads yet.'
            : data?.has_more
              ? 'None of these has it in its title or id. Any is found by its whole id.'
              : 'Nothing has this in its title or id.'
        }
        leaving="nothing"
      />
    </>
  );
}
