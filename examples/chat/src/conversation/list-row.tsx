import { memo } from 'react';
import type { ReactElement } from 'react';
import type { ContextProp, ItemProps, ListProps } from 'react-virtuoso';
import { dayLabel } from '../format/time.ts';
import { useNow } from '../hooks/use-now.ts';
import type { ThreadObject } from '../threads/thread-object.ts';
import { Message } from './message.tsx';
import { sameRow } from './row.ts';
import type { Row } from './row.ts';
import { ThreadIntro } from './thread-intro.tsx';
import type { DeleteState, EditState, RowActions, RowState } from './use-row-actions.ts';

export interface ListContext {
  readonly state: RowState;
  readonly actions: RowActions;
  readonly object: ThreadObject | undefined;
}

type WithContext = ContextProp<ListContext>;

/** The parts of the virtual list that have a meaning: a list, and its items. */
export const listComponents = {
  // Virtuoso hides a list that opens at its end for 200 ms, until it believes that it stands there. It does long before.
  List: ({ context: _context, style, ...rest }: ListProps & WithContext) => (
    <div role="list" {...rest} style={{ ...style, visibility: 'visible' }} />
  ),
  Item: ({ context: _context, item: _item, ...rest }: ItemProps<Row> & WithContext) => (
    <div role="listitem" {...rest} />
  ),
  Header: () => <div className="list-start" />,
  Footer: () => <div className="list-end" />,
};

export function renderRow(_index: number, row: Row, { state, actions, object }: ListContext): ReactElement {
  const { editing, deleting } = state;
  return (
    <ListRow
      row={row}
      thread={row.isThreadStart ? object : undefined}
      editing={row.id !== undefined && editing?.id === row.id ? editing : undefined}
      deleting={row.id !== undefined && deleting?.id === row.id ? deleting : undefined}
      actions={actions}
    />
  );
}

interface ListRowProps {
  readonly row: Row;
  /** Above the first of all. */
  readonly thread: ThreadObject | undefined;
  readonly editing: EditState | undefined;
  readonly deleting: DeleteState | undefined;
  readonly actions: RowActions;
}

/** A message with what stands above it. Margins would not be measured: the distances are paddings. */
const ListRow = memo(function ListRow({ row, thread, editing, deleting, actions }: ListRowProps): ReactElement {
  return (
    <div className="row">
      {thread && <ThreadIntro thread={thread} />}
      {row.day !== undefined && <DaySeparator day={row.day} />}
      {row.isFirstNew && (
        <div className="separator" data-kind="new" role="separator" aria-label="New messages">
          <span>New</span>
        </div>
      )}
      <Message row={row} editing={editing} deleting={deleting} actions={actions} />
    </div>
  );
}, sameProps);

function DaySeparator({ day }: { readonly day: number }): ReactElement {
  const label = dayLabel(day, useNow());
  return (
    <div className="separator" role="separator" aria-label={label}>
      <span>{label}</span>
    </div>
  );
}

function sameProps(a: ListRowProps, b: ListRowProps): boolean {
  return (
    a.thread === b.thread &&
    a.editing === b.editing &&
    a.deleting === b.deleting &&
    a.actions === b.actions &&
    sameRow(a.row, b.row)
  );
}
