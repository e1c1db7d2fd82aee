import { cpus, loadavg, platform, totalmem } from 'node:os';
import type { Cores } from '../harness/cores.ts';

/** Where figures come from. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
  /** Processes ready to run in the minute before: above a fraction of a core, others were at work too. */
  readonly loadAverage: number;
  /** The cores of the server and of the load, where they were bound to some. */
  readonly pinned: Cores | null;
}

export function describeMachine(cores: Cores | undefined): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: platform(),
    node: process.version,
    loadAverage: Number(loadavg()[0]!.toFixed(2)),
    pinned: cores ?? null,
  };
}

/** One line of it. */
export function machineLine({ cpu, cores, memoryGib, system, node, loadAverage, pinned }: Machine): string {
  const where = pinned ? `server on core ${pinned.server}, load on core ${pinned.load}` : 'NOT pinned to cores';
  return `${cpu}, ${cores} cores, ${memoryGib} GiB; ${system}; Node ${node}; ${where}; load average ${loadAverage}`;
}
