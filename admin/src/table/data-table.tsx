import { useMemo, useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import type { Column, Sort } from './column.ts';
import { HeadCell } from './head-cell.tsx';
import { sortRows } from './sort-rows.ts';
import { useHeldRows } from './use-held-rows.ts';
import { useRowFocus } from './use-row-focus.ts';

export interface DataTableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  /** Undefined until they have come. */
  readonly rows: readonly Row[] | undefined;
  readonly keyOf: (row: Row) => string;
  readonly sort: Sort;
  readonly onSort: (sort: Sort) => void;
  /** The rows come in their order. */
  readonly isSorted?: boolean;
  /** What was asked for, but for the order: where it changes the rows may move. */
  readonly question?: string;
  /** What stands there where there is no row. */
  readonly empty: ReactNode;
  readonly toneOf?: (row: Row) => 'bad' | 'warn' | undefined;
  /** Whether the rows answer an earlier question. */
  readonly isOld?: boolean;
}

/** (rem) The least width of the column that takes what is left. */
const leastWidth = 11;

/** A table that can be ordered and walked through. While it is pointed at, or has the focus, no row moves. */
export function DataTable<Row>(props: DataTableProps<Row>): ReactElement {
  const { caption, rows, keyOf, sort, onSort, isSorted = false, question = '', empty, toneOf, isOld } = props;
  const columns = useMemo(() => props.columns.filter(({ isHidden }) => isHidden !== true), [props.columns]);
  const [isPointedAt, setPointedAt] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const ordered = useMemo(
    () => (rows === undefined || isSorted ? (rows ?? []) : sortRows(rows, columns, sort)),
    [rows, columns, sort, isSorted],
  );
  const isHeld = isPointedAt || isFocused;
  const shown = useHeldRows(ordered, keyOf, isHeld, `${question} ${sort.key} ${sort.isDescending}`);
  const { current, onKeyDown, onFocus } = useRowFocus();
  const keys = new Set(shown.map(({ row }) => keyOf(row)));
  const tabbed = current !== undefined && keys.has(current) ? current : shown[0] && keyOf(shown[0].row);
  const minWidth = columns.reduce((sum, { width }) => sum + (width ?? leastWidth), 0);

  return (
    <div className="table-frame" data-held={isHeld || undefined} data-old={isOld || undefined}>
      <div className="table-scroll">
        <table className="table" style={{ minWidth: `${minWidth}rem` }} aria-busy={rows === undefined}>
          <caption className="visually-hidden">{caption}</caption>
          <colgroup>
            {columns.map(({ key, width }) => (
              <col key={key} {...(width !== undefined && { style: { width: `${width}rem` } })} />
            ))}
          </colgroup>
          <thead>
            <tr>
              {columns.map((column) => (
                <HeadCell key={column.key} column={column} sort={sort} onSort={onSort} />
              ))}
            </tr>
          </thead>
          <tbody
            onPointerEnter={(event) => {
              // A finger does not rest on what it points at.
              if (event.pointerType === 'mouse') setPointedAt(true);
            }}
            onPointerLeave={() => setPointedAt(false)}
            onFocus={(event) => {
              // A button that was pressed keeps the focus, and must not hold the table for it.
              setFocused(event.target.matches(':focus-visible'));
              onFocus(event);
            }}
            onBlur={() => setFocused(false)}
            onKeyDown={onKeyDown}
          >
            {shown.map(({ row, isGone }) => {
              const key = keyOf(row);
              return (
                <tr
                  key={key}
                  data-key={key}
                  data-gone={isGone || undefined}
                  data-tone={toneOf?.(row)}
                  tabIndex={key === tabbed ? 0 : -1}
                >
                  {columns.map((column) => (
                    <td key={column.key} data-number={column.isNumber || undefined} data-action={column.isAction}>
                      {column.cell ? column.cell(row) : column.value(row)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {shown.length === 0 && <div className="table-empty">{rows === undefined ? 'Loading…' : empty}</div>}
    </div>
  );
}
