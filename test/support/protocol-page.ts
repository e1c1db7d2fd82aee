import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A fenced block: its language, and the words behind it, which say what it is an example of. */
export interface Fence {
  readonly language: string;
  readonly tags: readonly string[];
  readonly text: string;
  readonly line: number;
}

/** A heading of level 2 or 3 with what is below it, up to the next one. */
export interface Section {
  /** The level 2 heading above, or the heading itself. */
  readonly chapter: string;
  /** Without backticks. */
  readonly title: string;
  readonly text: string;
  readonly tables: readonly (readonly (readonly string[])[])[];
}

export interface Page {
  readonly text: string;
  readonly sections: readonly Section[];
  readonly fences: readonly Fence[];
}

/** Reads docs/PROTOCOL.md, as far as tests take it apart. */
export function readProtocolPage(): Page {
  const text = readFileSync(join(__dirname, '../../docs/PROTOCOL.md'), 'utf8');
  const fences: Fence[] = [];
  const sections: { chapter: string; title: string; lines: string[] }[] = [];
  let fence: { info: string; lines: string[]; line: number } | undefined;
  let chapter = '';
  for (const [index, line] of text.split('\n').entries()) {
    const heading = /^(##|###) (.+)$/.exec(line);
    if (fence) {
      if (line === '```') {
        const [language = '', ...tags] = fence.info.split(' ');
        fences.push({ language, tags, text: fence.lines.join('\n'), line: fence.line });
        fence = undefined;
      } else {
        fence.lines.push(line);
      }
    } else if (line.startsWith('```')) {
      fence = { info: line.slice(3), lines: [], line: index + 1 };
    } else if (heading) {
      const title = heading[2]!.replaceAll('`', '');
      if (heading[1] === '##') chapter = title;
      sections.push({ chapter, title, lines: [] });
    } else {
      sections.at(-1)?.lines.push(line);
    }
  }
  if (fence) throw new Error(`The fence that opens at line ${fence.line} is not closed.`);
  return {
    text,
    fences,
    sections: sections.map(({ lines, ...section }) => ({
      ...section,
      text: lines.join('\n'),
      tables: tablesOf(lines),
    })),
  };
}

/** The cells of every table, row by row, without the header's rule. */
function tablesOf(lines: readonly string[]): string[][][] {
  const tables: string[][][] = [];
  let isInside = false;
  for (const line of lines) {
    const isRow = line.startsWith('|');
    if (isRow && !isInside) tables.push([]);
    isInside = isRow;
    if (!isRow || /^\|[-|]+\|$/.test(line)) continue;
    const cells = line.slice(1, -1).split('|');
    tables.at(-1)!.push(cells.map((cell) => cell.trim()));
  }
  return tables;
}
