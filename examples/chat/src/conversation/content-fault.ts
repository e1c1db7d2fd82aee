import { formatBytes, utf8Bytes } from '../format/bytes.ts';

/** What the server allows unless its session says otherwise. */
export const defaultMaxBytes = 64 * 1024;

/** How a text stands against the limit: said only when it comes near. */
export interface ContentSize {
  readonly isTooLong: boolean;
  readonly hint: string | undefined;
}

const fine: ContentSize = { isTooLong: false, hint: undefined };

export function contentSize(text: string, maxBytes: number): ContentSize {
  // No character takes more than three bytes for each of its code units.
  if (text.length * 3 < maxBytes * 0.8) return fine;
  const bytes = utf8Bytes(text);
  if (bytes > maxBytes) {
    return { isTooLong: true, hint: `Too long by ${formatBytes(bytes - maxBytes)}: at most ${formatBytes(maxBytes)}.` };
  }
  return bytes < maxBytes * 0.8
    ? fine
    : { isTooLong: false, hint: `${formatBytes(bytes)} of ${formatBytes(maxBytes)}` };
}

/** What the server takes: no NUL, no half characters; and what nobody sees at both ends is left out. */
export function cleanContent(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('\0', '')
    .replace(/^(?:[^\S\n]*\n)+/, '')
    .trimEnd();
}
