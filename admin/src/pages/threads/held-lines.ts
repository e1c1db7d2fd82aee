import type { TailLine } from '../../connection/protocol.ts';
import { heldRows, shownRows, waitingRows } from '../../table/held-rows.ts';

interface HeldLines {
  readonly shown: readonly TailLine[];
  /** How many lines there are beyond what is shown. */
  readonly waiting: number;
}

/** What is shown stays as it was; what has come or changed since waits. */
export function frozenLines(held: readonly TailLine[], lines: readonly TailLine[]): HeldLines {
  const topSeq = held[0]?.seq ?? 0;
  return { shown: held, waiting: lines.filter(({ seq }) => seq > topSeq).length };
}

/** Every line stays where it was, as it is now; only what is new waits. */
export function steadyLines(held: readonly TailLine[], lines: readonly TailLine[]): HeldLines {
  const shown = heldRows(shownRows(held), lines, idOf).map(({ row }) => row);
  return { shown, waiting: waitingRows(new Set(held.map(idOf)), lines, idOf) };
}

function idOf({ id }: TailLine): string {
  return id;
}
