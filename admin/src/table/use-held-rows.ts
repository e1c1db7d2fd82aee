import { useCallback, useRef, useState } from 'react';
import { heldRows, shownRows, waitingRows } from './held-rows.ts';
import type { ShownRow } from './held-rows.ts';

export interface HeldRows<Row> {
  readonly shown: readonly ShownRow<Row>[];
  /** So many have come since, and are not shown. */
  readonly waiting: number;
  /** Shows them now; the table is held as it is then. */
  readonly release: () => void;
}

interface Last<Row> {
  readonly question: string;
  readonly shown: readonly ShownRow<Row>[];
  /** All that there were when it was free last. */
  readonly rows: readonly Row[];
  /** The keys of those, once it is held. */
  readonly known?: ReadonlySet<string>;
}

/** The first `most` rows: while they are held, and nothing else was asked for, those that were shown, where they were. */
export function useHeldRows<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  isHeld: boolean,
  question: string,
  most: number,
): HeldRows<Row> {
  const [round, setRound] = useState(0);
  const last = useRef<Last<Row>>(undefined);
  const asked = `${round} ${most} ${question}`;
  const before = last.current;
  const release = useCallback(() => setRound((round) => round + 1), []);
  // Where nothing is shown nothing can move.
  if (!isHeld || before?.question !== asked || before.shown.length === 0) {
    const shown = shownRows(rows.slice(0, most));
    last.current = { question: asked, shown, rows };
    return { shown, waiting: 0, release };
  }
  const known = before.known ?? new Set(before.rows.map(keyOf));
  const shown = heldRows(before.shown, rows, keyOf);
  last.current = { ...before, shown, known };
  return { shown, waiting: waitingRows(known, rows, keyOf), release };
}
