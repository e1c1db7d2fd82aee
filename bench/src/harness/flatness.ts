import { middle } from './rounds.ts';
import type { MetricInfo, Panel, Round, Target } from './scenario.ts';

/** What grows by less than this has not grown. */
const flat = 1.2;

/** A figure in the last case, as a multiple of the first. */
export function flatTarget(
  rounds: readonly Round[],
  cases: readonly string[],
  opponent: string,
  metric: MetricInfo,
): Target {
  const [first, last] = [cases[0]!, cases.at(-1)!];
  return {
    what: `${metric.title}: ${last}, of ${first}`,
    value: middle(rounds, { case: last, opponent }, metric.key) / middle(rounds, { case: first, opponent }, metric.key),
    comparison: 'at most',
    limit: flat,
    unit: 'x',
    digits: 2,
  };
}

/** A figure of one server, a bar for each case. */
export function growthPanel(
  rounds: readonly Round[],
  cases: readonly string[],
  opponent: string,
  metric: MetricInfo,
  title: string,
): Panel {
  const { unit, digits, better = 'less' } = metric;
  const bars = cases.map((inCase) => ({
    label: inCase,
    value: middle(rounds, { case: inCase, opponent }, metric.key),
    isOurs: true,
  }));
  return { title, unit, digits, better, bars: bars.filter(({ value }) => Number.isFinite(value)) };
}
