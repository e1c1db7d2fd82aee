/** How often the loop is looked at. */
const everyMs = 20;

/**
 * Calls back at each look with by how much the event loop was late (ms): what everybody waits whose request comes while it
 * is busy. The function returned ends that. Not by Node's own monitor, which can only be emptied: two who read it would
 * each get a part.
 */
export function watchLoop(onDelay: (delayMs: number) => void): () => void {
  let dueAt = performance.now() + everyMs;
  const timer = setTimeout(() => {
    const at = performance.now();
    onDelay(Math.max(0, at - dueAt));
    dueAt = at + everyMs;
    timer.refresh();
  }, everyMs);
  timer.unref();
  return () => clearTimeout(timer);
}
