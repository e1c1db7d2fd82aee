import { isFromList } from './is-from-list.ts';
import type { HistoryEntry } from './is-from-list.ts';
import { hrefOf } from './route.ts';
import type { Page } from './route.ts';

// Entries outlive a reload, so their names must not come again.
const start = Date.now().toString(36);
let entries = 0;

/** The entry that is shown; undefined for one that was never looked at. */
export function knownEntry(state: unknown): HistoryEntry | undefined {
  return typeof state === 'object' && state !== null && 'view' in state ? (state as HistoryEntry) : undefined;
}

/** Names the entry that is shown, if it has no name yet; returns it, and whether it was there before. */
export function nameEntry(from: string | undefined): { readonly entry: HistoryEntry; readonly isReturn: boolean } {
  const known = knownEntry(history.state);
  if (known) return { entry: known, isReturn: true };
  const entry: HistoryEntry = { view: `${start} ${(entries += 1)}`, from };
  history.replaceState(entry, '');
  return { entry, isReturn: false };
}

/** To the list of a page: as it was left, where it is the step before this one. */
export function goToList(page: Page): void {
  if (isFromList(knownEntry(history.state), page)) history.back();
  else location.hash = hrefOf(page);
}
