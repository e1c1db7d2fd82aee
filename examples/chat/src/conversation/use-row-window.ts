import { useState } from 'react';
import type { Row } from './row.ts';

/** The rows that are held, as part of a list whose beginning nobody knows. */
export interface RowWindow {
  readonly rows: readonly Row[];
  /** Goes down when older rows come before the first one, and up when they are let go of. */
  readonly firstIndex: number;
  /** Another one where the rows have nothing to do with those before. */
  readonly generation: number;
}

/** Far from 0: more than anybody will scroll back. */
const middle = 1_000_000_000;

/** Follows the rows, so that each keeps its index whatever comes or goes above it: the list stands still then. */
export function useRowWindow(rows: readonly Row[]): RowWindow {
  const [held, setHeld] = useState<RowWindow>({ rows, firstIndex: middle, generation: 0 });
  if (held.rows === rows) return held;
  const next = moveWindow(held, rows);
  // In this very render: index and rows belong together.
  setHeld(next);
  return next;
}

function moveWindow(held: RowWindow, rows: readonly Row[]): RowWindow {
  const oldFirst = held.rows[0];
  const newFirst = rows[0];
  if (!oldFirst || !newFirst || oldFirst.key === newFirst.key) return { ...held, rows };
  const added = rows.findIndex(({ key }) => key === oldFirst.key);
  if (added > 0) return { ...held, rows, firstIndex: held.firstIndex - added };
  const released = held.rows.findIndex(({ key }) => key === newFirst.key);
  if (released > 0) return { ...held, rows, firstIndex: held.firstIndex + released };
  return { rows, firstIndex: middle, generation: held.generation + 1 };
}
