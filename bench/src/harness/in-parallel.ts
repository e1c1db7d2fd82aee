/** Calls `work` for 0 to `count` - 1, `atOnce` of them under way at a time; the results in order. */
export async function inParallel<T>(count: number, atOnce: number, work: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  async function run(): Promise<void> {
    while (next < count) {
      const i = next++;
      results[i] = await work(i);
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, run));
  return results;
}
