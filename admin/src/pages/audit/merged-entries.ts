import type { ConsoleAnswers } from '../../connection/protocol.ts';

type Entry = ConsoleAnswers['audit']['entries'][number];

/** Pages of the log as one, each entry once, the newest first. */
export function mergedEntries(...pages: readonly (readonly Entry[])[]): Entry[] {
  const byId = new Map(pages.flat().map((entry) => [entry.id, entry]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
}
