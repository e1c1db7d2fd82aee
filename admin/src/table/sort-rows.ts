import type { CellValue, Column, Sort } from './column.ts';

const collator = new Intl.Collator('en', { numeric: true });

/** The rows in an order; those of the same value stay as they came, and those without one come last either way. */
export function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], sort: Sort): Row[] {
  const column = columns.find(({ key }) => key === sort.key);
  if (!column) return [...rows];
  const direction = sort.isDescending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, value: column.value(row) }));
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
    return direction * compare(a.value, b.value);
  });
  return keyed.map(({ row }) => row);
}

function compare(a: NonNullable<CellValue>, b: NonNullable<CellValue>): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
}

/** `-age` of an address. */
export function parseSort(text: string): Sort {
  return text.startsWith('-') ? { key: text.slice(1), isDescending: true } : { key: text, isDescending: false };
}

export function formatSort({ key, isDescending }: Sort): string {
  return isDescending ? `-${key}` : key;
}
