/** The same text in pieces that can be stored and sent: none splits a surrogate pair, or holds U+0000 or half of one. */
export async function* wellFormed(pieces: AsyncIterable<string>): AsyncGenerator<string, void> {
  let held = '';
  for await (const piece of pieces) {
    const text = held + piece.replaceAll('\0', '\uFFFD');
    const end = /[\uD800-\uDBFF]$/.test(text) ? text.length - 1 : text.length;
    held = text.slice(end);
    if (end > 0) yield text.slice(0, end).toWellFormed();
  }
  if (held !== '') yield held.toWellFormed();
}
