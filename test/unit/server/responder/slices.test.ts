import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { beginning, slices } from '../../../../server/src/responder/slices.ts';

async function sliced(pieces: readonly string[], maxLength: number): Promise<string[]> {
  const given = async function* () {
    yield* pieces;
  };
  const all: string[] = [];
  for await (const slice of slices(given(), maxLength)) all.push(slice);
  return all;
}

test('a beginning does not end within a pair', () => {
  expect(['', 'a', 'a😀', 'a😀b'].map((text) => beginning(text, 2))).toEqual(['', 'a', 'a', 'a']);
  expect(beginning('a😀b', 3)).toBe('a😀');
  expect(beginning('a😀b', 0)).toBe('');
});

test('slices are the same text, none too long, and well-formed where it is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary' })),
      fc.integer({ min: 2, max: 9 }),
      async (pieces, maxLength) => {
        const all = await sliced(pieces, maxLength);
        expect(all.join('')).toBe(pieces.join(''));
        expect(all.filter((slice) => slice === '' || slice.length > maxLength || !slice.isWellFormed())).toEqual([]);
      },
    ),
  );
});
