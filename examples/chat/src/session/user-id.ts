import { friendlyId } from './friendly-id.ts';

const storageKey = 'threadwire-chat:user';
const maxLength = 64;
const allowed = /^[A-Za-z0-9_.:@-]+$/;

/** Why this cannot be a user's id, said so that one knows what to do; undefined where it can. */
export function userIdFault(id: string): string | undefined {
  if (id === '') return 'Enter a name.';
  if (id.length > maxLength) return `At most ${maxLength} characters; this has ${id.length}.`;
  if (allowed.test(id)) return undefined;
  const suggestion = suggestUserId(id);
  const rule = 'Only letters a–z, digits and - _ . : @, no spaces.';
  return suggestion === '' ? rule : `${rule} How about “${suggestion}”?`;
}

/** The nearest thing to a wish that the server takes; may be empty. */
function suggestUserId(wish: string): string {
  return wish
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .trim()
    .replaceAll(/\s+/g, '-')
    .replaceAll(/[^A-Za-z0-9_.:@-]/g, '')
    .slice(0, maxLength);
}

/** Who this window is. Kept for the window, not for the browser: two windows are two people. */
export function loadUserId(): string {
  try {
    const stored = sessionStorage.getItem(storageKey);
    if (stored !== null && userIdFault(stored) === undefined) return stored;
  } catch {
    // Storage is forbidden: a new name with each load.
  }
  const id = friendlyId();
  saveUserId(id);
  return id;
}

export function saveUserId(id: string): void {
  try {
    sessionStorage.setItem(storageKey, id);
  } catch {
    // Known until the page is reloaded.
  }
}
