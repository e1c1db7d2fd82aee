import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Which core is whose. */
export interface Cores {
  readonly server: number;
  readonly load: number;
}

/** The cores that this process may use, as Linux says. */
function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/**
 * Binds this process, which makes the load, to a core of its own. Undefined where that cannot be done: no `taskset`, or
 * only one core. BENCH_CORES=SERVER,LOAD chooses them, for machines whose neighbouring cores are halves of one.
 */
export function pinLoad(): Cores | undefined {
  if (process.platform !== 'linux') return undefined;
  const [server, load] = (process.env['BENCH_CORES']?.split(',').map(Number) ?? allowedCores()) as [number?, number?];
  if (server === undefined || load === undefined || server === load) return undefined;
  const { status } = spawnSync('taskset', ['-a', '-c', '-p', String(load), String(process.pid)], { stdio: 'ignore' });
  return status === 0 ? { server, load } : undefined;
}

/** The command that runs a program on the server's core. */
export function onServerCore(cores: Cores | undefined, command: readonly string[]): [string, ...string[]] {
  const pinned = cores ? ['taskset', '-c', String(cores.server), ...command] : command;
  return pinned as [string, ...string[]];
}
