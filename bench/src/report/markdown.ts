import { figureTables, markdownTable, targetRows } from './table.ts';
import { machineLine } from './machine.ts';
import type { Results } from './results.ts';

/** A scenario's figures, as the README quotes them. */
export function toMarkdown(results: Results): string {
  return [
    `### \`${results.scenario}\``,
    results.about,
    `![${results.scenario}](results/${results.scenario}.svg)`,
    ...figureTables(results).map(markdownTable),
    markdownTable(targetRows(results.targets)),
    ...results.notes.map((note) => `- ${note}`),
    `${results.date.slice(0, 10)}: ${machineLine(results.machine)}.`,
  ].join('\n\n');
}
