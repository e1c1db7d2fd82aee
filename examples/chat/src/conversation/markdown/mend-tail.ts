import { unclosedMarks } from './open-marks.ts';

/** Only the end can be unfinished. */
const lookBack = 2000;

/** What is a mark so far and nothing else: of a list, a quote, a heading, a fence, a table's second line, a task. */
const onlyMarks =
  /^[ \t>]*(?:[-+*=_]+|#{1,6}|\d{1,9}[.)]?|[`~]{1,2}|\|[ \t|:-]*|(?:[-+*]|\d{1,9}[.)])[ \t]+\[[ xX]?\]?)?[ \t]*$/;
const tableLine = /^[ \t]*\|/;
const columnMark = /^[ \t]*:?-+:?[ \t]*$/;
const unfinishedLink = /!?\[([^[\]]*)(?:\](?:\([^()]*)?)?$/;
const listMark = /^[ \t>]*(?:[*+-]|\d{1,9}[.)])[ \t]+/;

/**
 * The last block of a text that grows, as it will most likely be read once it has gone on: what would be shown as marks for a
 * moment is closed, or waits. It is a guess, for the moment; and for good where the text breaks off there.
 */
export function mendTail(text: string): string {
  const lineAt = text.lastIndexOf('\n') + 1;
  const before = text.slice(0, lineAt);
  const line = text.slice(lineAt);
  const mended = onlyMarks.test(line) ? '' : mendLine(line);
  // What is left may be the mark of an item, or the bar before a cell.
  if (!onlyMarks.test(mended)) return withSecondLineOfTable(before + mended);
  return withSecondLineOfTable(before, tableLine.test(line) ? line : '');
}

/** Of code that grows: the first marks of the fence that ends it are not code. */
export function mendCodeTail(code: string): string {
  return code.replace(/(?:^|\n) {0,3}(?:`{1,2}|~{1,2})$/, '');
}

/** A table is one from its second line on: until that is there, its head has the one that it will have. */
function withSecondLineOfTable(text: string, begun = ''): string {
  const end = text.trimEnd();
  const lineAt = end.lastIndexOf('\n') + 1;
  const head = end.slice(lineAt);
  if (!tableLine.test(head)) return text;
  const lineBeforeAt = end.lastIndexOf('\n', lineAt - 2) + 1;
  if (lineAt > 0 && tableLine.test(end.slice(lineBeforeAt, lineAt))) return text;
  const indent = head.slice(0, head.indexOf('|'));
  const marks = cellsOf(begun);
  const second = cellsOf(head).map((_, i) => (columnMark.test(marks[i] ?? '') ? marks[i] : ' --- '));
  return `${end}\n${indent}|${second.join('|')}|`;
}

function cellsOf(line: string): string[] {
  const inside = line.trim().replace(/^\|/, '').replace(/\|$/, '');
  return inside.replaceAll(/\\./g, '  ').split('|');
}

function mendLine(line: string): string {
  if (line.length > lookBack) return line.slice(0, -lookBack) + mendLine(line.slice(-lookBack));
  // Marks in one cell have nothing to do with those in the next.
  const cellAt = tableLine.test(line) ? withoutEscapes(line).lastIndexOf('|') + 1 : 0;
  const cell = line.slice(cellAt);
  return line.slice(0, cellAt) + mendText({ text: cell, seen: withoutEscapes(cell) });
}

/** Escaped characters are text, whatever they are. */
function withoutEscapes(text: string): string {
  return text.replaceAll(/\\[!-/:-@[-`{-~]/g, '..');
}

/** A text, and what of it may be marks: the rest of that are dots. Both have the same length. */
interface Line {
  readonly text: string;
  readonly seen: string;
}

function mendText(line: Line): string {
  const { text, seen } = withoutLink(withoutCode(line));
  // Longer runs of backticks are rare, and left as they are.
  if (seen.includes('`')) return text;
  const markAt = listMark.exec(seen)?.[0].length ?? 0;
  const { end, closing } = unclosedMarks(seen.slice(markAt));
  const open = text.slice(0, markAt + end);
  const closed = closing === '' ? open : open.trimEnd();
  return closed + closing + open.slice(closed.length);
}

/** Inside of code nothing else is a mark. */
function withoutCode({ text, seen }: Line): Line {
  const outside = seen.replaceAll(/`[^`]*`/g, dots);
  const codeAt = outside.indexOf('`');
  if (codeAt < 0 || seen.includes('``')) return { text, seen: outside };
  const code = text.slice(codeAt);
  const whole = code.trim() === '`' ? '' : `${code}\``;
  return { text: text.slice(0, codeAt) + whole, seen: outside.slice(0, codeAt) + dots(whole) };
}

/** A link that breaks off is its text. */
function withoutLink({ text, seen }: Line): Line {
  const link = unfinishedLink.exec(seen);
  if (!link) return { text, seen };
  const { index } = link;
  const words = link[1] ?? '';
  const from = seen.indexOf('[', index) + 1;
  const only = (of: string): string => of.slice(0, index) + of.slice(from, from + words.length);
  return { text: only(text), seen: only(seen) };
}

function dots(text: string): string {
  return '.'.repeat(text.length);
}
