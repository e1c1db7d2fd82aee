import type { Sample } from '../servers/control.ts';
import { busyTicks } from './core-times.ts';
import type { Cores } from './cores.ts';
import type { Server } from './server-process.ts';

/** What two processes used between two moments. */
export interface Used {
  readonly serverCpuUs: number;
  readonly elapsedMs: number;
  /** How busy the cores were; goes with a round's metrics. */
  readonly shares: Shares;
  /** The server's process at the end. */
  readonly sample: Sample;
}

/** In percent of one core. */
export interface Shares extends Record<string, number> {
  readonly serverShare: number;
  readonly loadShare: number;
}

/** Begins to count the time that the server's process and this one use. */
export async function loadMeter(server: Server, cores: Cores | undefined): Promise<{ stop(): Promise<Used> }> {
  const before = await server.sample();
  const loadBefore = process.cpuUsage();
  const ticksBefore = cores && busyTicks(cores.server);
  const beganAt = performance.now();
  return {
    async stop() {
      const load = process.cpuUsage(loadBefore);
      const ticks = cores && busyTicks(cores.server);
      const elapsedMs = performance.now() - beganAt;
      const sample = await server.sample();
      const serverCpuUs = sample.cpuUs - before.cpuUs;
      const percent = (us: number): number => us / elapsedMs / 10;
      const serverShare = percent(serverCpuUs);
      return {
        serverCpuUs,
        elapsedMs,
        sample,
        shares: {
          serverShare,
          loadShare: percent(load.user + load.system),
          ...(ticks !== undefined &&
            ticksBefore !== undefined && {
              othersShare: Math.max(0, percent((ticks - ticksBefore) * 10_000) - serverShare),
            }),
        },
      };
    },
  };
}

/** The shares as figures of a round. */
export const shareMetrics = [
  { key: 'serverShare', title: "server's core", unit: '%', digits: 0 },
  { key: 'loadShare', title: "load's core", unit: '%', digits: 0 },
] as const;
