import { describe, expect, test } from '@jest/globals';
import { idSchema, limits, messageIdSchema, tooLarge, utf8Bytes } from '@threadwire/protocol';
import * as fc from 'fast-check';
import type * as z from 'zod';
import { cleanText, contentSchema, deltaSchema, timeSchema, titleSchema } from '../../../protocol/src/scalars.ts';

function accepts(schema: z.ZodType, value: unknown): boolean {
  return schema.safeParse(value).success;
}

describe.each([
  ['idSchema', idSchema, /^[A-Za-z0-9_.:@-]$/],
  ['messageIdSchema', messageIdSchema, /^[A-Za-z0-9_.:-]$/],
] as const)('%s', (_name, schema, allowed) => {
  test('takes exactly the characters of its alphabet', () => {
    for (let code = 0; code < 0x250; code++) {
      const character = String.fromCharCode(code);
      expect([code, accepts(schema, `a${character}b`)]).toEqual([code, allowed.test(character)]);
    }
  });

  test('takes 1 to 64 characters', () => {
    expect([0, 1, 64, 65].map((length) => accepts(schema, 'a'.repeat(length)))).toEqual([false, true, true, false]);
  });

  test('does not look away at the end of a line', () => {
    for (const text of ['a\n', '\na', 'a\r\n', 'a\nb', ' a', 'a ']) expect(accepts(schema, text)).toBe(false);
  });

  test('takes a string exactly if all its characters are in its alphabet', () => {
    const characters = fc.constantFrom(...Array.from('azAZ09_.:-azAZ09_.:-@ /é\n\0'));
    fc.assert(
      fc.property(fc.array(characters, { minLength: 1, maxLength: 64, size: 'small' }), (text) => {
        expect(accepts(schema, text.join(''))).toBe(text.every((character) => allowed.test(character)));
      }),
    );
  });
});

describe('timeSchema', () => {
  test('takes what a Date says of itself', () => {
    const dates = fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
    fc.assert(fc.property(dates, (date) => expect(accepts(timeSchema, date.toISOString())).toBe(true)));
  });

  test.each([
    '2026-01-15T09:30:00Z',
    '2026-01-15T09:30:00.000000Z',
    '2026-01-15T09:30:00.000',
    '2026-01-15T09:30:00.000+00:00',
    '2026-01-15T09:30:00.000z',
    '2026-01-15 09:30:00.000Z',
    '2026-02-30T09:30:00.000Z',
    '2025-02-29T09:30:00.000Z',
    '2026-01-15T24:00:00.000Z',
    '+010000-01-01T00:00:00.000Z',
    '2026-01-15T09:30:00.000Z\n',
    '',
  ])('refuses %j', (text) => {
    expect(accepts(timeSchema, text)).toBe(false);
  });
});

describe('cleanText', () => {
  test('takes exactly the strings that UTF-8 brings back unchanged, without U+0000', () => {
    const units = fc.array(fc.constantFrom('a', 'é', '\u0001', '\uFFFD', '\uFFFF', '😀', '\uD83D', '\uDE00', '\0'));
    fc.assert(
      fc.property(units, (parts) => {
        const text = parts.join('');
        const back = new TextDecoder().decode(new TextEncoder().encode(text));
        expect(accepts(cleanText, text)).toBe(back === text && !text.includes('\0'));
      }),
    );
  });
});

describe('contentSchema', () => {
  const isTooLarge = (text: string) =>
    contentSchema
      .safeParse(text)
      .error?.issues.every((issue) => issue.code === 'custom' && issue.params?.['code'] === tooLarge.code);

  test.each([
    ['one byte each', 'a', 65_536],
    ['two', 'é', 32_768],
    ['three', '€', 21_845],
    ['four', '😀', 16_384],
  ])('takes 65536 bytes of characters of %s, and no byte more', (_, character, count) => {
    const longest = character
      .repeat(count)
      .padEnd(character.repeat(count).length + 65_536 - utf8Bytes(character) * count, 'x');
    expect(utf8Bytes(longest)).toBe(limits.maxContentBytes);
    expect(accepts(contentSchema, longest)).toBe(true);
    expect(isTooLarge(`${longest}x`)).toBe(true);
    expect(isTooLarge(longest + character)).toBe(true);
  });

  test('takes one byte, refuses none as malformed rather than too large', () => {
    expect(accepts(contentSchema, 'x')).toBe(true);
    expect(accepts(contentSchema, '')).toBe(false);
    expect(isTooLarge('')).toBe(false);
  });

  test('text that is too large and not clean is malformed first', () => {
    expect(isTooLarge('x'.repeat(65_537) + '\0')).toBe(false);
    expect(isTooLarge('x'.repeat(65_537) + '\uD800')).toBe(false);
  });
});

describe('titleSchema', () => {
  test('takes 200 code points, however many UTF-16 units they need', () => {
    for (const character of ['a', 'é', '😀']) {
      expect(accepts(titleSchema, character.repeat(200))).toBe(true);
      expect(accepts(titleSchema, character.repeat(201))).toBe(false);
    }
    expect(accepts(titleSchema, '😀'.repeat(199) + 'a')).toBe(true);
    expect(accepts(titleSchema, '😀'.repeat(199) + 'aa')).toBe(false);
    expect(accepts(titleSchema, '')).toBe(true);
  });
});

describe('deltaSchema', () => {
  test('takes both halves of well-formed text, wherever it is cut', () => {
    const texts = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter((text) => !text.includes('\0') && text.isWellFormed());
    fc.assert(
      fc.property(texts, fc.nat(), (text, at) => {
        const cut = at % (text.length + 1);
        expect(accepts(deltaSchema, text.slice(0, cut))).toBe(true);
        expect(accepts(deltaSchema, text.slice(cut))).toBe(true);
      }),
      {
        examples: [
          ['😀', 1],
          ['😀😀', 1],
          ['😀😀', 2],
          ['😀😀', 3],
        ],
      },
    );
  });

  test.each([
    ['a high surrogate alone', '\uD83D', true],
    ['a low surrogate alone', '\uDE00', true],
    ['low first, high last', '\uDE00 text \uD83D', true],
    ['low directly before high', '\uDE00\uD83D', true],
    ['two low ones first', '\uDE00\uDE00a', false],
    ['two high ones last', 'a\uD83D\uD83D', false],
    ['a high one first, without its mate', '\uD83Da', false],
    ['a low one last, without its mate', 'a\uDE00', false],
    ['a lone one in the middle', 'a\uD83Db', false],
    ['U+0000', 'a\0', false],
    ['only U+0000', '\0', false],
  ])('%s', (_, delta, isAccepted) => {
    expect(accepts(deltaSchema, delta)).toBe(isAccepted);
  });
});
