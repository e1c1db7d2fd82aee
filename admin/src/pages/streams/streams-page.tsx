import { useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import { counted } from '../../format/number.ts';
import { FailureNote } from '../../polling/failure-note.tsx';
import { usePoll } from '../../polling/use-poll.ts';
import { CsvButton } from '../../table/csv-button.tsx';
import { HoldGroup } from '../../table/hold-group.tsx';
import { isFound } from '../../table/is-found.ts';
import { sortRows } from '../../table/sort-rows.ts';
import { PauseButton, SearchField, SelectField, Toolbar } from '../../table/toolbar.tsx';
import { useSort } from '../../table/use-sort.ts';
import { useQuery } from '../../use-route.ts';
import { PageHead } from '../page-head.tsx';
import { streamColumns } from './stream-columns.tsx';
import type { ShownStream } from './stream-columns.tsx';
import { StreamTable, streamOrders } from './stream-table.tsx';

const states = [
  ['', 'All that ended'],
  ['interrupted', 'Interrupted'],
  ['failed', 'Failed'],
  ['cancelled', 'Cancelled'],
  ['complete', 'Complete'],
] as const;

const columns = streamColumns('ended');

/** The replies that are being written, and those that ended lately. */
export function StreamsPage(): ReactElement {
  const link = useLink();
  const [search, setSearch] = useQuery('q');
  const [state, setState] = useQuery('state');
  const [isPaused, setPaused] = useState(false);
  const [running] = useSort(streamOrders.running, 'running');
  const [ended] = useSort(streamOrders.ended, 'ended');
  const { data, failure, refresh } = usePoll('streams', {}, { isPaused });
  const found = useMemo(() => {
    const has = (stream: ShownStream): boolean => isFound(search, stream.id, stream.thread_id, stream.user_id);
    return (
      data && {
        running: data.running.filter(has),
        ended: data.ended.filter((stream) => has(stream) && (state === '' || stream.state === state)),
      }
    );
  }, [data, search, state]);
  const interrupted = data?.ended.filter((stream) => stream.state === 'interrupted').length ?? 0;
  return (
    <>
      <PageHead
        title="Streams"
        facts={
          data &&
          `${formatRunning(data.running.length)}; of the last ${data.ended.length} that ended, ${interrupted} interrupted`
        }
      />
      <Toolbar label="Streams">
        <SearchField label="Filter by thread, producer, id" value={search} onChange={setSearch} />
        <span className="toolbar-space" />
        <PauseButton isPaused={isPaused} onChange={setPaused} />
        <CsvButton
          what="streams"
          columns={columns}
          says="Saves the streams that are shown, as a spreadsheet: those that run, then those that ended"
          rows={(): readonly ShownStream[] =>
            found ? [...sortRows(found.running, columns, running), ...sortRows(found.ended, columns, ended)] : []
          }
        />
      </Toolbar>
      <FailureNote failure={failure} />
      <HoldGroup>
        <section aria-labelledby="running-title">
          <h2 id="running-title">Running</h2>
          <StreamTable
            link={link}
            caption="Running streams"
            view="running"
            streams={found?.running}
            question={search}
            empty={search === '' ? 'Nothing is being written.' : 'No running stream matches.'}
            onDone={refresh}
          />
        </section>
        <section aria-labelledby="ended-title">
          <div className="section-head">
            <h2 id="ended-title">Recently ended</h2>
            <Toolbar label="Recently ended">
              <SelectField label="State" value={state} options={states} onChange={setState} />
            </Toolbar>
          </div>
          <StreamTable
            link={link}
            caption="Streams that ended lately"
            streams={found?.ended}
            question={`${search} ${state}`}
            view="ended"
            empty={search === '' && state === '' ? 'None has ended yet.' : 'No stream that ended matches.'}
            onDone={refresh}
          />
        </section>
      </HoldGroup>
    </>
  );
}

function formatRunning(count: number): string {
  return count === 0 ? 'None running' : counted(count, 'running', 'running');
}
