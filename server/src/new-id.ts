import { randomUUID } from 'node:crypto';

/**
 * A new unique id: a UUID of version 7, which begins with the time. Ids made one after the other stand side by side in an
 * index, so that storing one changes a page that others change too.
 */
export function newId(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
