import { parseRoute } from './route.ts';
import type { Page } from './route.ts';

/** What an entry of the browser's history knows of itself. */
export interface HistoryEntry {
  /** Names the entry, as long as the page is open. */
  readonly view: string;
  /** The address from which it was opened. */
  readonly from: string | undefined;
}

/** Whether a view was opened from the list of its page, which is then one step back, with its search, order and place. */
export function isFromList(entry: HistoryEntry | undefined, page: Page): boolean {
  if (entry?.from === undefined) return false;
  const from = parseRoute(entry.from);
  return from.page === page && from.id === undefined;
}
