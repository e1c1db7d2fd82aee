/** Only the end can be unfinished. */
const lookBack = 2000;

/** What is a mark so far and nothing else: of a list, a quote, a heading, a fence, a table's second line, a task. */
const onlyMarks =
  /^[ \t>]*(?:[-+*=_]+|#{1,6}|\d{1,9}[.)]?|[`~]{1,2}|\|[ \t|:-]*|(?:[-+*]|\d{1,9}[.)])[ \t]+\[[ xX]?\]?)?[ \t]*$/;
const tableLine = /^[ \t]*\|/;
const columnMark = /^[ \t]*:?-+:?[ \t]*$/;
const unfinishedLink = /!?\[([^[\]]*)(?:\]\([^()]*)?$/;
const listMark = /^[ \t>]*(?:[*+-]|\d{1,9}[.)])[ \t]+/;

/**
 * The last block of a text that grows, as it will most likely be read once it has gone on: what would be shown as marks for a
 * moment is closed, or waits. It is a guess, and for the moment only.
 */
export function mendTail(text: string): string {
  const lineAt = text.lastIndexOf('\n') + 1;
  const before = text.slice(0, lineAt);
  const line = text.slice(lineAt);
  if (!onlyMarks.test(line)) return withSecondLineOfTable(before + mendLine(line));
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
  // Inside of code nothing else is a mark. Longer runs of backticks are rare, and left as they are.
  const outside = line.replaceAll(/`[^`]*`/g, (code) => ' '.repeat(code.length));
  if (outside.includes('`')) return line.includes('``') ? line : `${line}\``;
  const link = unfinishedLink.exec(outside);
  const linked = link ? line.slice(0, link.index) + line.slice(link.index).replace(unfinishedLink, '$1') : line;
  return closeMarks(linked, link ? linked : outside);
}

function closeMarks(line: string, outside: string): string {
  const text = outside.replace(listMark, '');
  const stars = /\*+$/.exec(text)?.[0].length ?? 0;
  const isBold = text.split('**').length % 2 === 0;
  const isItalic = text.replaceAll('**', '').split('*').length % 2 === 0;
  const isStruck = text.split('~~').length % 2 === 0;
  if (!isBold && !isItalic && !isStruck) return line;
  // Marks at the end have nothing to mark yet, or are the first half of those that close.
  const open = stars > 0 ? line.slice(0, -stars) : line.replace(/~+$/, '');
  if (open.trimEnd() !== open) return open;
  const opened = open.replace(listMark, '');
  const odd = (mark: string, within: string): string => (within.split(mark).length % 2 === 0 ? mark : '');
  return open + odd('~~', opened) + odd('*', opened.replaceAll('**', '')) + odd('**', opened);
}
