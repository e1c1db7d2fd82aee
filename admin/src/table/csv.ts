import type { CellValue, Column } from './column.ts';

// Some programs skip what is blank or unseen before a sign, and take the wide signs of East Asian keyboards for the narrow ones.
const formula = /^(?:[\t\n\r]|[\p{White_Space}\p{Cc}\p{Cf}]*[=+\-@\uff1d\uff0b\uff0d\uff20])/u;

/** Rows as RFC 4180 has them, for spreadsheets: what would be taken for a formula there gets an apostrophe before it. */
export function toCsv<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const exported = columns.filter(({ isAction }) => isAction !== true);
  const lines = [
    exported.map(({ title, csvTitle }) => field(csvTitle ?? title)),
    ...rows.map((row) => exported.map(({ csv, value }) => field((csv ?? value)(row)))),
  ];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}

function field(value: CellValue): string {
  if (value === null) return '';
  // A number of our own may begin with a minus.
  if (typeof value === 'number') return String(value);
  const text = formula.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
