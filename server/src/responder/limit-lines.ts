const lineFeed = 10;

/** Passes bytes on, and fails with what `fail` makes as soon as a line has more than `maxBytes`: a reader would gather all of it. */
export function limitLines(maxBytes: number, fail: () => Error): TransformStream<Uint8Array, Uint8Array> {
  let length = 0;
  return new TransformStream({
    transform(bytes, controller) {
      const first = bytes.indexOf(lineFeed);
      const longest = first < 0 ? length + bytes.length : Math.max(length + first, longestLine(bytes, first + 1));
      if (longest > maxBytes) {
        controller.error(fail());
        return;
      }
      length = first < 0 ? longest : bytes.length - 1 - bytes.lastIndexOf(lineFeed);
      controller.enqueue(bytes);
    },
  });
}

/** From `from` on, where a line begins. */
function longestLine(bytes: Uint8Array, from: number): number {
  let longest = 0;
  for (let start = from; start <= bytes.length;) {
    const found = bytes.indexOf(lineFeed, start);
    const end = found < 0 ? bytes.length : found;
    longest = Math.max(longest, end - start);
    start = end + 1;
  }
  return longest;
}
