import { expect, test } from '@jest/globals';
import { limitLines } from '../../../../server/src/responder/limit-lines.ts';

/** What comes out of these pieces, where a line may have four bytes. */
async function passed(...pieces: readonly string[]): Promise<{ text: string; failure?: string }> {
  let text = '';
  const bytes = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(Buffer.from(piece));
      controller.close();
    },
  });
  try {
    for await (const piece of bytes.pipeThrough(limitLines(4, () => new Error('too long')))) {
      text += Buffer.from(piece).toString();
    }
  } catch (error) {
    return { text, failure: (error as Error).message };
  }
  return { text };
}

test.each([
  [['']],
  [['abcd']],
  [['ab', 'cd', '\n', 'abcd\nab', 'cd']],
  [['\n\n\nabcd\nabcd\n\n', 'abcd']],
  [['a\nabc', 'd\nabcd\nab', 'c\n']],
])('lines of so many bytes pass: %j', async (pieces) => {
  expect(await passed(...pieces)).toEqual({ text: pieces.join('') });
});

test.each([
  [['abcde']],
  [['abcd', 'e']],
  [['ab\nabcde\n']],
  [['ab\nab', 'cde']],
  [['abcde\n']],
  [['a\nb\nabcd', 'e\n']],
])('a longer one does not, and nothing after it: %j', async (pieces) => {
  const { text, failure } = await passed(...pieces, '\nmore');
  expect(failure).toBe('too long');
  expect(text).not.toContain('e');
});
