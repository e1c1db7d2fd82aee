/** The id of the n-th thread of a group, from 0 on; servers that keep threads are given them under these names. */
export function threadId(n: number, group = 't'): string {
  return `${group}${n}`;
}

/** The ids of a whole group. */
export function threadIds(count: number, group?: string): string[] {
  return Array.from({ length: count }, (_, n) => threadId(n, group));
}
