/** A row of a table that is pointed at. */
export interface ShownRow<Row> {
  readonly row: Row;
  /** It is no longer there, and stands only so that nothing below it moves. */
  readonly isGone: boolean;
}

export function shownRows<Row>(rows: readonly Row[]): ShownRow<Row>[] {
  return rows.map((row) => ({ row, isGone: false }));
}

/** The rows that are shown, each where it is, as they are now. However much comes meanwhile, they are as many as they were. */
export function heldRows<Row>(
  shown: readonly ShownRow<Row>[],
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): ShownRow<Row>[] {
  const arrived = new Map(rows.map((row) => [keyOf(row), row]));
  return shown.map(({ row }) => {
    const now = arrived.get(keyOf(row));
    return now === undefined ? { row, isGone: true } : { row: now, isGone: false };
  });
}

/** How many have come since the table was held. */
export function waitingRows<Row>(
  known: ReadonlySet<string>,
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): number {
  return rows.reduce((count, row) => count + Number(!known.has(keyOf(row))), 0);
}
