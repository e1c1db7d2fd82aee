import { useRef } from 'react';
import { heldRows, shownRows } from './held-rows.ts';
import type { ShownRow } from './held-rows.ts';

/** The rows to show: in the order that was shown while they are held, and nothing else was asked for. */
export function useHeldRows<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  isHeld: boolean,
  question: string,
): readonly ShownRow<Row>[] {
  const last = useRef<{ readonly question: string; readonly shown: readonly ShownRow<Row>[] }>(undefined);
  const before = last.current;
  const shown = isHeld && before?.question === question ? heldRows(before.shown, rows, keyOf) : shownRows(rows);
  last.current = { question, shown };
  return shown;
}
