import { readFileSync } from 'node:fs';

/** What a process has open besides its connections. */
const besidesConnections = 200;

/** How many connections a process may have; Node has raised the soft limit to the hard one. */
function maxConnections(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return soft === undefined || soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft) - besidesConnections;
}

/** Says why so many connections cannot be had here, or undefined. */
export function descriptorShortage(connections: number): string | undefined {
  const max = maxConnections();
  if (connections <= max) return undefined;
  const needed = connections + besidesConnections;
  return `it needs ${needed} file descriptors in one process, and \`ulimit -Hn\` allows ${max + besidesConnections}`;
}
