/** A row of a table that is pointed at. */
export interface ShownRow<Row> {
  readonly row: Row;
  /** It is no longer there, and stands only so that nothing below it moves. */
  readonly isGone: boolean;
}

export function shownRows<Row>(rows: readonly Row[]): ShownRow<Row>[] {
  return rows.map((row) => ({ row, isGone: false }));
}

/** New rows in the order of those that are shown: each stays where it is, and what has come is below. */
export function heldRows<Row>(
  shown: readonly ShownRow<Row>[],
  rows: readonly Row[],
  keyOf: (row: Row) => string,
): ShownRow<Row>[] {
  const arrived = new Map(rows.map((row) => [keyOf(row), row]));
  const kept = shown.map(({ row }) => {
    const key = keyOf(row);
    const now = arrived.get(key);
    arrived.delete(key);
    return now === undefined ? { row, isGone: true } : { row: now, isGone: false };
  });
  return [...kept, ...shownRows([...arrived.values()])];
}
