import { utf8Bytes } from '@threadwire/protocol';

/** The first items that hold at most so many bytes of JSON together, but at least one where there is one. */
export function withinBytes<T>(items: readonly T[], maxBytes: number): T[] {
  let bytes = 0;
  let count = 0;
  for (const item of items) {
    bytes += utf8Bytes(JSON.stringify(item));
    if (bytes > maxBytes && count > 0) break;
    count++;
  }
  return items.slice(0, count);
}
