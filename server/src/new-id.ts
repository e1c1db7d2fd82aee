import { randomUUID } from 'node:crypto';

/** The start of the ids of this millisecond. */
let prefix = '';
let prefixAt = -1;

/**
 * A new unique id: a UUID of version 7, which begins with the time. Ids made one after the other stand side by side in an
 * index, so that storing one changes a page that others change too.
 */
export function newId(): string {
  const now = Date.now();
  if (now !== prefixAt) {
    const time = now.toString(16).padStart(12, '0');
    prefix = `${time.slice(0, 8)}-${time.slice(8)}-7`;
    prefixAt = now;
  }
  return prefix + randomUUID().slice(15);
}
