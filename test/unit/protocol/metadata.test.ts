import { describe, expect, test } from '@jest/globals';
import { limits, metadataSchema, utf8Bytes } from '@threadwire/protocol';
import type { JsonObject } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { bottomless } from './payloads.ts';

function accepts(value: unknown): boolean {
  return metadataSchema.safeParse(value).success;
}

/** So many levels, the innermost of which is `{ [key]: leaf }`, as it comes out of JSON. */
function nested(levels: number, key = 'leaf', leaf: unknown = 1, shape: 'object' | 'array' = 'object'): unknown {
  const [open, close] = shape === 'object' ? ['{"k":', '}'] : ['[', ']'];
  const inner = `{${JSON.stringify(key)}:${JSON.stringify(leaf)}}`;
  if (levels === 1) return JSON.parse(inner);
  return JSON.parse(`{"k":${open.repeat(levels - 2)}${inner}${close.repeat(levels - 2)}}`);
}

describe('depth', () => {
  test.each(['object', 'array'] as const)('8 levels of %ss are taken, 9 are not', (shape) => {
    for (let levels = 1; levels <= 8; levels++) expect(accepts(nested(levels, 'leaf', 1, shape))).toBe(true);
    expect(accepts(nested(9, 'leaf', 1, shape))).toBe(false);
    expect(accepts(nested(8, 'leaf', [], shape))).toBe(false);
    expect(accepts(nested(8, 'leaf', {}, shape))).toBe(false);
  });

  test('bottomless nesting is refused without running out of stack', () => {
    expect(accepts(bottomless())).toBe(false);
    expect(accepts({ deep: bottomless() })).toBe(false);
    expect(accepts({ first: 1, list: [1, bottomless()] })).toBe(false);
  });

  test('a value that contains itself is refused', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(accepts(circle)).toBe(false);
  });
});

describe('size', () => {
  test.each([
    ['characters of one byte', 'a'],
    ['characters of three bytes', '€'],
    ['characters that JSON escapes', '"'],
    ['control characters that JSON writes as \\u', '\u0001'],
  ])('8192 bytes of compact JSON are taken, 8193 are not: %s', (_, character) => {
    const each = utf8Bytes(JSON.stringify(character)) - 2;
    const room = limits.maxMetadataBytes - utf8Bytes('{"k":""}');
    const text = character.repeat(Math.floor(room / each)) + 'x'.repeat(room % each);
    expect(utf8Bytes(JSON.stringify({ k: text }))).toBe(8192);
    expect(accepts({ k: text })).toBe(true);
    expect(accepts({ k: `${text}x` })).toBe(false);
  });

  test('keys count too', () => {
    expect(accepts({ ['k'.repeat(8192 - 6)]: 1 })).toBe(true);
    expect(accepts({ ['k'.repeat(8192 - 5)]: 1 })).toBe(false);
  });

  const oneByteEach = Array<number>(20).fill(1);
  test.each<[string, () => unknown]>([
    ['digits', () => 7],
    ['empty texts', () => ''],
    ['empty lists', () => []],
    ['empty objects', () => ({})],
    ['short lists', () => [1, [2, 3], []]],
    ['short objects', () => ({ a: 1, b: { '': null } })],
    ['truths', () => [true, false, null]],
    ['fractions', () => [-1.5, 1e21, -0]],
    ['many small things', () => [oneByteEach, { list: oneByteEach }]],
  ])('8192 bytes are taken, 8193 are not, of whatever they are made: %s', (_, make) => {
    const list: unknown[] = [];
    const bytes = (text: string) => utf8Bytes(JSON.stringify({ list: [...list, text] }));
    while (bytes('') + utf8Bytes(JSON.stringify(make())) < limits.maxMetadataBytes) list.push(make());
    const text = 'x'.repeat(limits.maxMetadataBytes - bytes(''));
    expect(accepts({ list: [...list, text] })).toBe(true);
    expect(accepts({ list: [...list, `${text}x`] })).toBe(false);
    expect(accepts({ list: [...list, text, ...list] })).toBe(false);
  });

  test('what is far too large is refused without being looked through', () => {
    let looks = 0;
    const watched = <T extends object>(items: T): T =>
      new Proxy(items, {
        get: (target, key) => {
          looks += 1;
          return Reflect.get(target, key) as unknown;
        },
      });
    const numbers = Array<number>(100_000).fill(1);
    const fields = Object.fromEntries(numbers.map((value, i) => [`k${i}`, value]));
    for (const value of [
      watched(numbers),
      watched(numbers.map(() => [])),
      watched(fields),
      watched([fields, fields]),
    ]) {
      looks = 0;
      expect(metadataSchema.safeParse({ first: 1, value }).error?.issues).toMatchObject([
        { path: [], message: 'must be at most 8192 bytes of JSON' },
      ]);
      // Of each item its length or its key, and itself.
      expect(looks).toBeLessThan(limits.maxMetadataBytes + 10);
    }
  });

  test('what is wrong before it gets too large is told where it is', () => {
    const numbers = Array<number>(100_000).fill(1);
    const { error } = metadataSchema.safeParse({ list: [{ text: 'a\0' }, ...numbers] });
    expect(error?.issues).toMatchObject([{ path: ['list', 0, 'text'] }]);
  });
});

describe('keys', () => {
  test.each(['__proto__', 'constructor', 'prototype', '$', '$set', '$$', 'a\0b', 'a\uD800', '\uDC00a'])(
    '%j is refused at every level, also inside arrays',
    (key) => {
      for (let levels = 1; levels <= 8; levels++) {
        expect([levels, accepts(nested(levels, key))]).toEqual([levels, false]);
        if (levels > 1) expect([levels, accepts(nested(levels, key, 1, 'array'))]).toEqual([levels, false]);
      }
    },
  );

  test.each(['', 'proto', '_proto_', 'a$', 'a.b', 'Constructor', 'toString', 'hasOwnProperty', '0', 'é', '😀'])(
    '%j is taken',
    (key) => {
      expect(accepts(nested(1, key))).toBe(true);
      expect(accepts(nested(8, key))).toBe(true);
    },
  );

  test('an own __proto__ is refused, and no prototype changes', () => {
    expect(accepts(JSON.parse('{"__proto__":{"polluted":true}}'))).toBe(false);
    expect(accepts(JSON.parse('{"a":[{"__proto__":{"polluted":true}}]}'))).toBe(false);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('values', () => {
  test('U+0000 and lone surrogates are refused in strings at every level', () => {
    for (const fault of ['\0', 'a\uD800', '\uDC00a', '\uDC00\uD800']) {
      for (let levels = 1; levels <= 8; levels++) expect(accepts(nested(levels, 'leaf', fault))).toBe(false);
      expect(accepts({ list: ['fine', fault] })).toBe(false);
    }
  });

  test('what is no JSON is refused', () => {
    for (const value of [
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1n,
      Symbol('s'),
      () => 1,
      new Date(0),
      new Map(),
      Buffer.from('x'),
    ]) {
      expect(accepts({ value })).toBe(false);
      expect(accepts({ list: [value] })).toBe(false);
      expect(accepts(value)).toBe(false);
    }
    // JSON's grammar has numbers that a double does not.
    expect(accepts(JSON.parse('{"n":1e400}'))).toBe(false);
  });

  test('only an object is metadata', () => {
    for (const value of [null, [], 'text', 1, true]) expect(accepts(value)).toBe(false);
    expect(accepts({})).toBe(true);
  });

  test('other JSON objects are taken and given back unchanged', () => {
    const keys = fc
      .string({ maxLength: 8 })
      .filter((key) => !/^(\$|__proto__$|constructor$|prototype$)/.test(key) && !key.includes('\0'));
    const { object } = fc.letrec<{ value: unknown; object: JsonObject }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 6 },
        fc.oneof(
          fc.string({ unit: 'grapheme', maxLength: 8 }),
          fc.double({ noNaN: true, noDefaultInfinity: true }),
          fc.boolean(),
          fc.constant(null),
        ),
        fc.array(tie('value'), { maxLength: 3 }),
        tie('object'),
      ),
      object: fc.dictionary(keys, tie('value'), { maxKeys: 3 }) as fc.Arbitrary<JsonObject>,
    }));
    fc.assert(
      fc.property(object, (value) => {
        const back = JSON.parse(JSON.stringify(value)) as JsonObject;
        fc.pre(utf8Bytes(JSON.stringify(back)) <= limits.maxMetadataBytes);
        fc.pre(depthOf(back) <= limits.maxMetadataDepth);
        expect(metadataSchema.parse(back)).toEqual(back);
      }),
    );
  });

  function depthOf(value: unknown): number {
    if (typeof value !== 'object' || value === null) return 0;
    return 1 + Math.max(0, ...Object.values(value).map(depthOf));
  }
});
