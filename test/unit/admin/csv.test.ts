import { expect, test } from '@jest/globals';
import type { Column } from '../../../admin/src/table/column.ts';
import { toCsv } from '../../../admin/src/table/csv.ts';
import { fileName } from '../../../admin/src/table/file-name.ts';

interface Row {
  readonly name: string;
  readonly count: number | null;
}

const columns: readonly Column<Row>[] = [
  { key: 'name', title: 'Name', value: ({ name }) => name },
  { key: 'count', title: 'Count, all', value: ({ count }) => count },
  { key: 'do', title: 'Actions', isAction: true, value: () => 'never' },
];

function cellOf(name: string): string {
  return toCsv(columns, [{ name, count: 1 }])
    .slice('Name,"Count, all"\r\n'.length)
    .replace(/,1\r\n$/, '');
}

test('a spreadsheet has the columns but for what is done to rows, and ends each line as RFC 4180 asks', () => {
  expect(
    toCsv(columns, [
      { name: 'ada', count: 1 },
      { name: 'bob', count: null },
    ]),
  ).toBe('Name,"Count, all"\r\nada,1\r\nbob,\r\n');
});

test.each([
  ['a "quoted" name', '"a ""quoted"" name"'],
  ['a, b', '"a, b"'],
  ['two\nlines', '"two\nlines"'],
])('%j is quoted', (name, cell) => {
  expect(cellOf(name)).toBe(cell);
});

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@sum', "'@sum"],
  ['\t=1', "'\t=1"],
  ['\r=1', '"\'\r=1"'],
  ['\n=1', '"\'\n=1"'],
  ['\nname', '"\'\nname"'],
  ['\tname', "'\tname"],
  [' =1', "' =1"],
  ['\u00a0\u3000\u2003+1', "'\u00a0\u3000\u2003+1"],
  ['\ufeff\u200b=1', "'\ufeff\u200b=1"],
  ['\uff1d1+1', "'\uff1d1+1"],
  ['\uff0b1', "'\uff0b1"],
  ['\uff0d1', "'\uff0d1"],
  ['\uff20sum', "'\uff20sum"],
  ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
])('%j is no formula', (name, cell) => {
  expect(cellOf(name)).toBe(cell);
});

test.each([' name', 'a=1', 'a -1', '\u3000'])('%j is a text as it stands', (name) => {
  expect(cellOf(name)).toBe(name);
});

test('a head may have a unit in spreadsheets', () => {
  const size: Column<Row> = { key: 'size', title: 'Size', csvTitle: 'size (bytes)', value: () => 5 };
  expect(toCsv([size], [{ name: 'ada', count: 1 }])).toBe('size (bytes)\r\n5\r\n');
});

test('a number of our own may be below zero', () => {
  expect(toCsv(columns, [{ name: 'ada', count: -2 }])).toContain('ada,-2\r\n');
});

test('a column may say something else to spreadsheets', () => {
  const age: Column<Row> = { key: 'age', title: 'Age', value: () => 5, csv: () => '2030-01-01' };
  expect(toCsv([age], [{ name: 'ada', count: 1 }])).toBe('Age\r\n2030-01-01\r\n');
});

test('a file is named by what it has, and when', () => {
  expect(fileName('threads', Date.UTC(2030, 0, 31, 23, 59))).toBe('threadwire-threads-2030-01-31-2359.csv');
});
