import type { ConsoleAnswers } from '../../connection/protocol.ts';

type Entry = ConsoleAnswers['audit']['entries'][number];

interface OlderSearch {
  /** The newest first: those before the entry with this id. */
  readonly read: (before: string, limit: number) => Promise<readonly Entry[]>;
  readonly isFound: (entry: Entry) => boolean;
  /** The id of the oldest that is known. */
  readonly before: string;
  /** Called with each page. */
  readonly onPage: (entries: readonly Entry[]) => void;
}

export const pageSize = 500;
/** So much of the log is read for one search. */
export const maxPages = 10;

/** Reads on in the log until something is found, the log ends, or so many pages were read. Returns whether it ends there. */
export async function searchOlder({ read, isFound, before, onPage }: OlderSearch): Promise<boolean> {
  let oldest = before;
  for (let pages = 0; pages < maxPages; pages += 1) {
    const entries = await read(oldest, pageSize);
    onPage(entries);
    if (entries.length < pageSize) return true;
    if (entries.some(isFound)) return false;
    oldest = entries.at(-1)!.id;
  }
  return false;
}
