import { expect, test } from '@jest/globals';
import { formatBytes } from '../../../admin/src/format/bytes.ts';
import { formatAge, formatDuration } from '../../../admin/src/format/duration.ts';
import { counted, formatCount, formatRate, formatShort } from '../../../admin/src/format/number.ts';
import { visibleLines, visibleText } from '../../../admin/src/format/visible-text.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1023, '1.00 KiB'],
  [1536, '1.50 KiB'],
  [150 * 1024, '150 KiB'],
  [1000 * 1024, '0.98 MiB'],
  [5.25 * 1024 ** 3, '5.25 GiB'],
])('%p bytes are %p', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0.42, '0.4 ms'],
  [12.4, '12 ms'],
  [999.6, '1.0 s'],
  [3400, '3.4 s'],
  [12_900, '12s'],
  [125_000, '2m 05s'],
])('%p ms take %p', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [-5, '0s'],
  [59_999, '59s'],
  [200_000, '3m 20s'],
  [5 * 3_600_000 + 7 * 60_000, '5h 07m'],
  [52 * 3_600_000, '2d 4h'],
])('%p ms ago is %p', (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});

test.each([
  [0, '0'],
  [0.001, '<0.01'],
  [0.25, '0.25'],
  [0.999, '1'],
  [12.34, '12.3'],
  [99.96, '100'],
  [12_345.6, '12,346'],
])('a rate of %p is written %p', (rate, text) => {
  expect(formatRate(rate)).toBe(text);
});

test('counts are grouped, and agree with their nouns', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
  expect([counted(1, 'user'), counted(0, 'user'), counted(2, 'entry', 'entries')]).toEqual([
    '1 user',
    '0 users',
    '2 entries',
  ]);
  expect([formatShort(2500), formatShort(3e6), formatShort(12.5)]).toEqual(['2.5k', '3M', '12.5']);
});

test.each([
  ['ada', 'ada'],
  ['a\u0000b', 'a\u2400b'],
  ['two\nlines', 'two\u240alines'],
  ['\u007f', '\u2421'],
  ['\u202egnp.exe', '\u27e8U+202E\u27e9gnp.exe'],
  ['a\u200bb', 'a\u27e8U+200B\u27e9b'],
  ['a\u2800\u3164\uffa0\u00adb', 'a\u27e8U+2800\u27e9\u27e8U+3164\u27e9\u27e8U+FFA0\u27e9\u27e8U+00AD\u27e9b'],
  ['\u{e0041}', '\u27e8U+E0041\u27e9'],
  // Where nothing can be seen, blanks are something too.
  ['\u200b', '\u27e8U+200B\u27e9'],
  ['\u2800', '\u27e8U+2800\u27e9'],
  ['\u3000 \u00a0', '\u27e8U+3000\u27e9\u27e8U+0020\u27e9\u27e8U+00A0\u27e9'],
  ['\ufe0f', '\u27e8U+FE0F\u27e9'],
  ['a \u3000b', 'a \u3000b'],
  ['\u2764\ufe0f', '\u2764\ufe0f'],
  ['', ''],
  ['\u05e2\u05d1\u05e8\u05d9\u05ea 😀', '\u05e2\u05d1\u05e8\u05d9\u05ea 😀'],
])('%j is shown as %j', (text, shown) => {
  expect(visibleText(text)).toBe(shown);
});

test('the text of a message keeps its lines', () => {
  expect(visibleLines('a\n\tb\u202ec\r\nd')).toBe('a\n\tb\u27e8U+202E\u27e9c\r\nd');
  expect(visibleLines('a\n  \nb')).toBe('a\n  \nb');
});
