import type { Metrics, Round } from './scenario.ts';

/** A core that is busier than this is what limits; in percent. */
const fullShare = 90;
/** What others may use of the server's core before its figures suffer; in percent. */
const othersMaxShare = 10;

function isDisturbed({ othersShare = 0 }: Metrics): boolean {
  return othersShare > othersMaxShare;
}

/** Whether this process, not the server, set the pace. */
function isLoadBound({ serverShare = 0, loadShare = 0 }: Metrics): boolean {
  return loadShare > fullShare && serverShare < fullShare;
}

/** What has to be known of one turn, for its line. */
export function turnRemark(metrics: Metrics): string {
  const disturbed = isDisturbed(metrics)
    ? ` (others: ${metrics['othersShare']!.toFixed(0)} % of the server's core)`
    : '';
  return disturbed + (isLoadBound(metrics) ? ' (the load is the bottleneck)' : '');
}

/** What has to be known of all of them. */
export function noiseNotes(rounds: readonly Round[]): string[] {
  const disturbed = rounds.filter(({ metrics }) => isDisturbed(metrics));
  const bound = rounds.filter(({ metrics }) => isLoadBound(metrics));
  const worst = Math.max(...disturbed.map(({ metrics }) => metrics['othersShare']!));
  const names = new Set(bound.map((round) => `${round.opponent} (${round.case})`));
  return [
    ...(disturbed.length > 0
      ? [
          `other processes used more than ${othersMaxShare} % of the server's core in ${disturbed.length} of ` +
            `${rounds.length} turns, up to ${worst.toFixed(0)} %: what is lower then is throughput, and times are longer`,
        ]
      : []),
    ...(bound.length > 0
      ? [
          `the load's core was the bottleneck with ${[...names].join(', ')}: the throughput is the load's, ` +
            "the CPU per unit of work still the server's",
        ]
      : []),
  ];
}
