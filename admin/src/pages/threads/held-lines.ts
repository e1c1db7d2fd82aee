import type { TailLine } from '../../connection/protocol.ts';

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
  const byId = new Map(lines.map((line) => [line.id, line]));
  const shown = held.map((line) => byId.get(line.id) ?? line);
  const known = new Set(held.map(({ id }) => id));
  return { shown, waiting: lines.filter(({ id }) => !known.has(id)).length };
}
