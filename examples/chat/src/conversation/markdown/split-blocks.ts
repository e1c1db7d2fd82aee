/** A part of a text that can be understood, and drawn, without what stands before and after it. */
export type Block =
  | { readonly kind: 'markdown'; readonly text: string }
  /** Between two fences; open where the second is missing, which may yet come. */
  | { readonly kind: 'code'; readonly text: string; readonly language: string; readonly isOpen: boolean }
  /** More than anybody will look at as anything else. */
  | { readonly kind: 'plain'; readonly text: string };

export interface SplitText {
  readonly blocks: readonly Block[];
  /** What `[links][name]` of any block may refer to, each a line. */
  readonly definitions: readonly string[];
}

export const maxBlocks = 5000;
const maxDefinitions = 50;

const blank = /^[^\S\n]*$/;
const opening = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})[^\S\n]*([^\s]*)/;
const listItem = /^([ \t]*)([-+*]|\d{1,9}[.)])(?:([ \t]+)|$)/;
const definition = /^ {0,3}\[(?!\^)[^[\]\\]{1,100}\]:[ \t]*\S{1,300}(?:[ \t]+(?:"[^"]*"|'[^']*'|\([^()]*\)))?[ \t]*$/;
const tableRow = /^ {0,3}\|/;
const underHead = /^ {0,3}\|[ \t]*:?-[-:| \t]*$/;
/** A list as long as that is cut between two items, so that one that grows need not be read as a whole each time. */
const longListLength = 4000;
/** A table is cut between two rows, and the rest has its head again. */
const longTableLength = 8000;

interface Fence {
  readonly end: RegExp;
  readonly indent: RegExp;
  readonly language: string;
}

/**
 * Cuts a Markdown text into its outermost blocks. Two that stand together in one block do no harm; where a block ends, each
 * way to read the whole text must see an end too. So text that is only added to changes none but the last block.
 */
export function splitBlocks(content: string): SplitText {
  const blocks: Block[] = [];
  const definitions: string[] = [];
  const lines = content.split('\n');
  let held: string[] = [];
  let heldLength = 0;
  let fence: Fence | undefined;
  /** Columns that make a line a part of the list's last item; undefined outside of lists. */
  let listOffset: number | undefined;
  /** The mark that the items of a list have which is not inside of anything: another one there begins another list, or nothing. */
  let listMark: string | undefined;
  let isIndented = false;
  let wasBlank = false;

  const flush = (): void => {
    while (held.length > 0 && blank.test(held.at(-1) ?? '')) held.pop();
    if (held.length > 0) {
      const areDefinitions = held.every((line) => definition.test(line));
      if (areDefinitions && definitions.length + held.length <= maxDefinitions) definitions.push(...held);
      else blocks.push({ kind: 'markdown', text: held.join('\n') });
    }
    held = [];
    heldLength = 0;
    listOffset = undefined;
    listMark = undefined;
    isIndented = false;
  };
  const flushCode = ({ language }: Fence, isOpen: boolean): void => {
    blocks.push({ kind: 'code', text: held.join('\n'), language, isOpen });
    held = [];
    fence = undefined;
  };

  for (const [at, line] of lines.entries()) {
    if (fence) {
      if (fence.end.test(line)) flushCode(fence, false);
      else held.push(line.replace(fence.indent, ''));
      wasBlank = false;
      continue;
    }
    if (blank.test(line)) {
      if (held.length > 0) held.push(line);
      wasBlank = true;
      continue;
    }
    const indent = columnsOf(line);
    if (wasBlank && held.length > 0) {
      const goesOn = listOffset === undefined ? isIndented && indent >= 4 : indent > 0 || listItem.test(line);
      const isLong = listOffset !== undefined && indent === 0 && heldLength > longListLength;
      if (!goesOn || isLong) flush();
    } else if (heldLength > longListLength && listMark !== undefined && markOf(line) === listMark) {
      flush();
    } else if (heldLength > longTableLength && tableRow.test(line) && hasTableHead(held)) {
      const head = held.slice(0, 2);
      flush();
      held.push(...head);
    }
    wasBlank = false;
    const opened = indent < (listOffset ?? Infinity) ? opening.exec(line) : null;
    if (opened) flush();
    if (held.length === 0 && blocks.length >= maxBlocks) {
      blocks.push({ kind: 'plain', text: lines.slice(at).join('\n') });
      break;
    }
    if (opened) {
      fence = openFence(opened);
      continue;
    }
    if (held.length === 0) {
      isIndented = indent >= 4;
      listMark = markOf(line);
    }
    const item = listItem.exec(line);
    if (item && indent < (listOffset ?? 4)) {
      // More than four columns after its mark are code inside of the item.
      const gap = item[3] === undefined || columnsOf(item[3]) > 4 ? 1 : columnsOf(item[3]);
      listOffset = indent + (item[2] ?? '').length + gap;
    }
    held.push(line);
    heldLength += line.length;
  }
  if (fence) flushCode(fence, true);
  else flush();
  return { blocks, definitions };
}

/** What marks a line as an item of a list that is not inside of anything: a bullet, or what follows the number. */
function markOf(line: string): string | undefined {
  return /^(?:([-+*])|\d{1,9}([.)]))(?=[ \t])/.exec(line)?.slice(1).find(Boolean);
}

function hasTableHead([head = '', under = '']: readonly string[]): boolean {
  return tableRow.test(head) && underHead.test(under) && barsOf(head) === barsOf(under);
}

function barsOf(line: string): number {
  return line.trim().replaceAll(/\\./g, '').replace(/\|$/, '').split('|').length;
}

function openFence([, indent = '', marks = '', language = '']: RegExpExecArray): Fence {
  return {
    end: new RegExp(`^ {0,3}${marks[0]}{${marks.length},}[ \\t]*$`),
    // As far as its fence is indented, what is inside is.
    indent: new RegExp(`^ {0,${indent.length}}`),
    language,
  };
}

/** How far a line is indented; a tab goes to the next fourth column. */
function columnsOf(line: string): number {
  let columns = 0;
  for (const char of line) {
    if (char === ' ') columns += 1;
    else if (char === '\t') columns += 4 - (columns % 4);
    else break;
  }
  return columns;
}
