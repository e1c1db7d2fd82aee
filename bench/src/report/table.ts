import { distinct, middle } from '../harness/rounds.ts';
import type { Findings, MetricInfo, Round, Target } from '../harness/scenario.ts';

/** What the ratios are made to. */
const reference = 'bare Socket.IO';
const maxDigits = 4;

/** Rows of cells, the head first. */
export type Rows = readonly (readonly string[])[];

/** The medians of everybody in every case; a table for each kind of thing that was measured. */
export function figureTables({ metrics, rounds }: Findings): Rows[] {
  const casesByKeys = new Map<string, string[]>();
  for (const inCase of distinct(rounds, 'case')) {
    const keys = metrics.filter(({ key }) => isMeasured(rounds, inCase, key)).map(({ key }) => key);
    casesByKeys.set(keys.join(' '), [...(casesByKeys.get(keys.join(' ')) ?? []), inCase]);
  }
  return [...casesByKeys].map(([keys, cases]) =>
    figureRows(
      metrics.filter(({ key }) => keys.split(' ').includes(key)),
      rounds.filter((round) => cases.includes(round.case)),
    ),
  );
}

function isMeasured(rounds: readonly Round[], inCase: string, key: string): boolean {
  return rounds.some((round) => round.case === inCase && round.metrics[key] !== undefined);
}

/** The first figure also as a multiple of bare Socket.IO's. */
function figureRows(metrics: readonly MetricInfo[], rounds: readonly Round[]): Rows {
  const cases = distinct(rounds, 'case');
  const hasReference = rounds.some(({ opponent }) => opponent === reference);
  const withRatio = <T>(cells: readonly T[], ratio: T): T[] =>
    hasReference ? [...cells.slice(0, 1), ratio, ...cells.slice(1)] : [...cells];
  const titles = metrics.map(({ title, unit }) => `${title}, ${unit}`);
  const head = [...(cases.length > 1 ? ['case'] : []), 'server', ...withRatio(titles, 'of Socket.IO')];
  const rows = cases.flatMap((inCase) =>
    distinct(
      rounds.filter((round) => round.case === inCase),
      'opponent',
    ).map((opponent) => {
      const which = { case: inCase, opponent };
      const cells = metrics.map((metric) => cell(rounds, which, metric));
      const ratio = metrics[0] ? ratioCell(rounds, which, metrics[0]) : '';
      return [...(cases.length > 1 ? [inCase] : []), opponent, ...withRatio(cells, ratio)];
    }),
  );
  return [head, ...rows];
}

function cell(rounds: readonly Round[], which: { case: string; opponent: string }, metric: MetricInfo): string {
  const failures = rounds.filter(
    (round) => round.case === which.case && round.opponent === which.opponent && round.error !== undefined,
  );
  const value = middle(rounds, which, metric.key);
  if (Number.isNaN(value)) return failures.length > 0 ? 'failed' : '';
  return formatNumber(value, metric.digits) + (failures.length > 0 ? ` (${failures.length} failed)` : '');
}

function ratioCell(rounds: readonly Round[], which: { case: string; opponent: string }, metric: MetricInfo): string {
  const ratio = middle(rounds, which, metric.key) / middle(rounds, { ...which, opponent: reference }, metric.key);
  return Number.isFinite(ratio) ? `${ratio.toFixed(2)}x` : '';
}

/** The targets, each with what was measured. */
export function targetRows(targets: readonly Target[]): Rows {
  return [
    ['target', 'limit', 'measured', ''],
    ...targets.map(({ what, value, comparison, limit, unit, digits }) => [
      what,
      `${comparison} ${formatNumber(limit, digits)} ${unit}`,
      Number.isNaN(value) ? 'failed' : `${formatNumber(value, digits)} ${unit}`,
      isMet({ value, comparison, limit }) ? 'met' : 'NOT met',
    ]),
  ];
}

/** A figure that is missing meets nothing. */
export function isMet({ value, comparison, limit }: Pick<Target, 'value' | 'comparison' | 'limit'>): boolean {
  return comparison === 'at most' ? value <= limit : value >= limit;
}

/** With commas, in English whatever the machine speaks. */
export function formatNumber(value: number, digits: number): string {
  const fractionDigits = Math.min(digits, maxDigits);
  return value.toLocaleString('en', { minimumFractionDigits: fractionDigits, maximumFractionDigits: fractionDigits });
}

/** For a terminal: names to the left, numbers to the right. */
export function plainTable(rows: Rows): string {
  const widths = columnWidths(rows);
  return rows
    .map((row) => `  ${row.map((text, i) => pad(text, widths[i]!, isNumber(rows, i))).join('  ')}`.trimEnd())
    .join('\n');
}

/** For a README. */
export function markdownTable(rows: Rows): string {
  const widths = columnWidths(rows);
  const rule = widths.map((width, i) => (isNumber(rows, i) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  const lines = rows.map((row) => row.map((text, i) => pad(text, widths[i]!, isNumber(rows, i))));
  return [lines[0]!, rule, ...lines.slice(1)].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function columnWidths(rows: Rows): number[] {
  return rows[0]!.map((_, i) => Math.max(2, ...rows.map((row) => row[i]!.length)));
}

function pad(text: string, width: number, isRight: boolean): string {
  return isRight ? text.padStart(width) : text.padEnd(width);
}

function isNumber(rows: Rows, column: number): boolean {
  return rows.slice(1).every((row) => /^[\d,.]*x?( \(\d+ failed\))?$|^failed$/.test(row[column]!));
}
