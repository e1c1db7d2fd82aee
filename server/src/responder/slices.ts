/** The longest beginning of the text, of so many UTF-16 code units at most, that does not end within a surrogate pair. */
export function beginning(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const isCut = /[\uD800-\uDBFF]/.test(text.charAt(maxLength - 1)) && /[\uDC00-\uDFFF]/.test(text.charAt(maxLength));
  return text.slice(0, isCut ? maxLength - 1 : maxLength);
}

/** The same text in pieces of at most so many UTF-16 code units (2 or more), none of which splits a surrogate pair. */
export async function* slices(pieces: AsyncIterable<string>, maxLength: number): AsyncGenerator<string, void> {
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length;) {
      const slice = beginning(piece.slice(start, start + maxLength + 1), maxLength);
      yield slice;
      start += slice.length;
    }
  }
}
