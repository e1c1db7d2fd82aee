import { useMemo, useRef, useState } from 'react';
import type { MouseEvent, ReactElement, ReactNode } from 'react';
import { flushSync } from 'react-dom';
import { formatCount } from '../format/number.ts';
import type { Column, Sort } from './column.ts';
import { HeadCell } from './head-cell.tsx';
import { sortRows } from './sort-rows.ts';
import { useHeldRows } from './use-held-rows.ts';
import { useHold } from './use-hold.ts';
import { useRowFocus } from './use-row-focus.ts';
import { useScrolledUnder } from './use-scrolled-under.ts';

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
  /**
   * What it says of a row that it is not among `rows` any more: what it stands for has ended; it is on another page, maybe;
   * nothing, since others pushed it out.
   */
  readonly leaving?: 'ended' | 'moved' | 'nothing';
}

/** (rem) The least width of the column that takes what is left. */
const leastWidth = 11;
/** More at once, and the page would stand still while it draws them. */
const rowsAtOnce = 500;

/** A table that can be ordered and walked through. While it is pointed at, touched, or has the focus, no row moves or comes. */
export function DataTable<Row>(props: DataTableProps<Row>): ReactElement {
  const { caption, rows, keyOf, sort, onSort, isSorted = false, question = '', empty, toneOf } = props;
  const { isOld = false, leaving = 'ended' } = props;
  const columns = useMemo(() => props.columns.filter(({ isHidden }) => isHidden !== true), [props.columns]);
  const ordered = useMemo(
    () => (rows === undefined || isSorted ? (rows ?? []) : sortRows(rows, columns, sort)),
    [rows, columns, sort, isSorted],
  );
  const [most, setMost] = useState(rowsAtOnce);
  const { isHeld, pointing, focusing } = useHold();
  const asked = `${question} ${sort.key} ${sort.isDescending}`;
  // What answers an earlier question makes room for what was asked for.
  const { shown, waiting, release } = useHeldRows(ordered, keyOf, isHeld && !isOld, asked, most);
  const { current, onKeyDown, onFocus } = useRowFocus();
  const scroll = useRef<HTMLDivElement>(null);
  const isUnder = useScrolledUnder(scroll);
  const keys = new Set(shown.map(({ row }) => keyOf(row)));
  const tabbed = current !== undefined && keys.has(current) ? current : shown[0] && keyOf(shown[0].row);
  const minWidth = columns.reduce((sum, { width }) => sum + (width ?? leastWidth), 0);
  const present = shown.reduce((count, { isGone }) => count + Number(!isGone), 0);
  const hidden = ordered.length - waiting - present;
  const show = ({ currentTarget }: MouseEvent): void => {
    const box = currentTarget.closest('.table-box');
    flushSync(release);
    // The button is gone, and what was looked at goes on there.
    box?.querySelector<HTMLElement>('tr[tabindex="0"]')?.focus({ preventScroll: true });
  };

  return (
    <div className="table-box" {...pointing}>
      <div
        className="table-frame"
        data-held={isHeld || undefined}
        data-old={isOld || undefined}
        data-under={isUnder || undefined}
      >
        <div ref={scroll} className="table-scroll">
          <table className="table" style={{ minWidth: `${minWidth}rem` }} aria-busy={rows === undefined}>
            <caption className="visually-hidden">{caption}</caption>
            <colgroup>
              {columns.map(({ key, width, isAction }) => (
                <col
                  key={key}
                  data-action={isAction}
                  {...(width !== undefined && { style: { width: `${width}rem` } })}
                />
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
              onFocus={(event) => {
                focusing.onFocus(event);
                onFocus(event);
              }}
              onBlur={focusing.onBlur}
              onKeyDown={onKeyDown}
            >
              {shown.map(({ row, isGone }) => {
                const key = keyOf(row);
                return (
                  <tr
                    key={key}
                    data-key={key}
                    data-gone={isGone && leaving !== 'nothing' ? leaving : undefined}
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
        {hidden > 0 && (
          <div className="table-empty">
            {formatCount(present)} of {formatCount(present + hidden)} are shown.{' '}
            <button type="button" className="button" data-size="small" onClick={() => setMost(most + rowsAtOnce)}>
              Show {formatCount(Math.min(hidden, rowsAtOnce))} more
            </button>
          </div>
        )}
      </div>
      {waiting > 0 && (
        <div className="waiting-rows">
          <button type="button" className="button" data-size="small" {...focusing} onClick={show}>
            {formatCount(waiting)} newer wait: show
          </button>
        </div>
      )}
    </div>
  );
}
