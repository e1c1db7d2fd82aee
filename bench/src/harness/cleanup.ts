const tasks = new Set<() => void>();
let isWatching = false;

/**
 * Runs a task should this process end before it is taken back by the function returned: by a signal, or a mistake. It has
 * to be synchronous.
 */
export function atExit(task: () => void): () => void {
  tasks.add(task);
  if (!isWatching) {
    isWatching = true;
    process.on('exit', () => tasks.forEach((left) => left()));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
  }
  return () => tasks.delete(task);
}
