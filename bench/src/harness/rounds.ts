import { turnRemark } from './noise.ts';
import type { Opponent } from './opponents.ts';
import { median } from './statistics.ts';
import type { Bar, Context, MetricInfo, Metrics, Panel, Round } from './scenario.ts';

/** One opponent in one case; called once in each round. */
export interface Entrant {
  readonly case: string;
  readonly opponent: string;
  measure(): Promise<Metrics>;
}

/**
 * Lets everybody have a turn in each round, so that what disturbs the machine for a while disturbs all of them. A turn that
 * fails is kept as a failure, and the others go on.
 */
export async function runRounds(
  context: Context,
  count: number,
  metrics: readonly MetricInfo[],
  entrants: readonly Entrant[],
): Promise<Round[]> {
  const rounds: Round[] = [];
  for (let round = 1; round <= count; round++) {
    for (const entrant of entrants) {
      const head = `  ${round}/${count}  ${entrant.case.padEnd(22)} ${entrant.opponent.padEnd(24)}`;
      const base = { case: entrant.case, opponent: entrant.opponent, round };
      try {
        const measured = await entrant.measure();
        rounds.push({ ...base, metrics: measured });
        context.log(`${head} ${describe(metrics, measured)}${turnRemark(measured)}`);
      } catch (error) {
        rounds.push({ ...base, metrics: {}, error: (error as Error).message });
        context.log(`${head} FAILED: ${(error as Error).message}`);
      }
    }
  }
  return rounds;
}

/** The rounds of a scenario with one case: as many as a run has, with a turn for each of these in each. */
export function runCase(
  context: Context,
  metrics: readonly MetricInfo[],
  inCase: string,
  opponents: readonly Opponent[],
  measure: (opponent: Opponent) => Promise<Metrics>,
): Promise<Round[]> {
  return runRounds(
    context,
    context.isQuick ? 1 : 3,
    metrics,
    opponents.map((opponent) => ({ case: inCase, opponent: opponent.title, measure: () => measure(opponent) })),
  );
}

function describe(metrics: readonly MetricInfo[], measured: Metrics): string {
  return metrics
    .filter(({ key }) => measured[key] !== undefined)
    .map(({ key, unit, title, digits }) => `${measured[key]!.toFixed(digits)} ${unit} ${title}`)
    .join(', ');
}

/** The median over the rounds of one figure; NaN where there is none. */
export function middle(rounds: readonly Round[], which: { case: string; opponent: string }, key: string): number {
  return median(
    rounds
      .filter((round) => round.case === which.case && round.opponent === which.opponent)
      .flatMap(({ metrics }) => metrics[key] ?? []),
  );
}

/** The cases, or opponents, in the order in which they first came. */
export function distinct(rounds: readonly Round[], field: 'case' | 'opponent'): string[] {
  return [...new Set(rounds.map((round) => round[field]))];
}

/** A panel of one figure in one case, everybody in it. */
export function panelOf(rounds: readonly Round[], inCase: string, metric: MetricInfo, title: string): Panel {
  const bars = distinct(rounds, 'opponent').map((opponent): Bar => ({
    label: opponent,
    value: middle(rounds, { case: inCase, opponent }, metric.key),
    isOurs: opponent.startsWith('Threadwire'),
  }));
  const { unit, digits, better = 'less' } = metric;
  return { title, unit, digits, better, bars: bars.filter(({ value }) => Number.isFinite(value)) };
}
