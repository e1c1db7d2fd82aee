import { useMemo } from 'react';
import type { ReactElement } from 'react';
import type { Link } from '../../connection/link.ts';
import { useConfirm } from '../../dialog/confirm.tsx';
import { cancelStreamQuestion } from '../../operations/cancel-stream-question.tsx';
import type { Column } from '../../table/column.ts';
import { DataTable } from '../../table/data-table.tsx';
import { useSort } from '../../table/use-sort.ts';
import { isSilent } from './silence.ts';
import { streamColumns } from './stream-columns.tsx';
import type { ShownStream, StreamView } from './stream-columns.tsx';

interface StreamTableProps {
  readonly link: Link;
  readonly caption: string;
  readonly streams: readonly ShownStream[] | undefined;
  readonly empty: string;
  readonly onDone: () => void;
  readonly view: StreamView;
  readonly question?: string;
}

/** In what order they are at first. */
export const streamOrders = { thread: '-age', running: '-age', ended: '-ended' } as const;

/** Streams, each with a way to cancel it while it runs. */
export function StreamTable(props: StreamTableProps): ReactElement {
  const { link, caption, streams, empty, onDone, view, question = '' } = props;
  const confirm = useConfirm();
  const [sort, setSort] = useSort(streamOrders[view], view);
  const columns = useMemo(
    (): readonly Column<ShownStream>[] =>
      view === 'ended'
        ? streamColumns(view)
        : [
            ...streamColumns(view),
            {
              key: 'do',
              title: 'Actions',
              isAction: true,
              width: 5.5,
              value: () => null,
              cell: (stream) => (
                <button
                  type="button"
                  className="row-button"
                  onClick={() => {
                    const asked = cancelStreamQuestion(link, stream);
                    confirm({ ...asked, run: async (reason) => asked.run(reason).finally(onDone) });
                  }}
                >
                  Cancel
                </button>
              ),
            },
          ],
    [link, confirm, onDone, view],
  );
  return (
    <DataTable
      caption={caption}
      columns={columns}
      rows={streams}
      keyOf={({ id }) => id}
      sort={sort}
      onSort={setSort}
      question={question}
      empty={empty}
      toneOf={(stream) =>
        stream.state === 'interrupted' || stream.state === 'failed' ? 'bad' : isSilent(stream) ? 'warn' : undefined
      }
      // Those that ended are pushed out by others.
      leaving={view === 'ended' ? 'nothing' : 'ended'}
    />
  );
}
