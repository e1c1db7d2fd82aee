import { fanOutMetrics, fanOutShortage, measureFanOut } from '../harness/fan-out.ts';
import { flatTarget, growthPanel } from '../harness/flatness.ts';
import { bareSocketIo, threadwire } from '../harness/opponents.ts';
import { runRounds } from '../harness/rounds.ts';
import type { Context, Findings } from '../harness/scenario.ts';

const counts = [100, 1000, 5000] as const;

function caseOf(count: number): string {
  return `${count.toLocaleString('en')} subscribers`;
}

/** One thread, more and more clients in it. */
export async function growthOfSubscribers(context: Context): Promise<Findings> {
  const metrics = fanOutMetrics.filter(({ key }) => ['cpuPerDeliveryUs', 'deliveriesPerSecond'].includes(key));
  const measureMs = context.isQuick ? 1000 : 2000;
  const shape = (clients: number) => ({ threads: 1, clients, window: 32, warmUpMs: 800, measureMs });
  const fitting = counts.filter((count) => {
    const shortage = fanOutShortage(threadwire, shape(count));
    if (shortage !== undefined) context.note(`without ${caseOf(count)}: ${shortage}`);
    return shortage === undefined;
  });
  const rounds = await runRounds(
    context,
    context.isQuick ? 1 : 2,
    fanOutMetrics,
    fitting.flatMap((count) =>
      // The other one shows what the kernel's share of the growth is: the ends are enough.
      [threadwire, ...(count === 1000 ? [] : [bareSocketIo])].map((opponent) => ({
        case: caseOf(count),
        opponent: opponent.title,
        measure: () => measureFanOut(context, opponent, shape(count)),
      })),
    ),
  );
  const [cpu] = fanOutMetrics;
  const cases = counts.map(caseOf);
  return {
    metrics,
    rounds,
    targets: [flatTarget(rounds, cases, threadwire.title, cpu)],
    panels: [growthPanel(rounds, cases, threadwire.title, cpu, "The server's CPU time per delivery")],
  };
}
