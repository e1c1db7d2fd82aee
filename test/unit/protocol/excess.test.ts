import { describe, expect, test } from '@jest/globals';
import { clientEventNames, clientEvents, connectAuthSchema, limits, withoutExcess } from '@threadwire/protocol';
import * as fc from 'fast-check';
import type { z } from 'zod';
import { payloads } from './payloads.ts';

const subscribe = clientEvents.subscribe_threads.payload;
const send = clientEvents.send_message.payload;

/** Where the schema finds faults, in order, each unknown field by itself. */
function faults(schema: z.ZodType, payload: unknown): string[] {
  const { error } = schema.safeParse(payload);
  return (error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => JSON.stringify([...issue.path, key, issue.code]))
      : [JSON.stringify([...issue.path, issue.code, issue.message])],
  );
}

function fields(count: number, prefix = 'k'): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, i]));
}

describe('a payload without excess', () => {
  test('is the payload itself where it is valid, and where it has few unknown fields', () => {
    for (const event of clientEventNames) {
      for (const payload of payloads[event]) {
        expect(withoutExcess(clientEvents[event].payload, payload, 20)).toBe(payload);
        const odd = { ...payload, ...fields(20) };
        expect(withoutExcess(clientEvents[event].payload, odd, 20)).toBe(odd);
      }
    }
    for (const value of [null, undefined, 1, 'text', [], [fields(100)]]) {
      expect(withoutExcess(send, value, 20)).toBe(value);
    }
  });

  test('keeps what the schema knows, and the first of the rest', () => {
    const payload = { ...fields(1000), thread_id: 't', metadata: fields(1000) };
    const cut = withoutExcess(send, payload, 3);
    expect(cut).toEqual({ k0: 0, k1: 1, k2: 2, thread_id: 't', metadata: payload.metadata });
    expect(Object.keys(payload)).toHaveLength(1002);
  });

  test('keeps an own __proto__ as what it is', () => {
    const payload: unknown = JSON.parse(`{"__proto__":{"content":"x"},${JSON.stringify(fields(100)).slice(1)}`);
    const cut = withoutExcess(send, payload, 5) as object;
    expect(Object.keys(cut)).toEqual(['__proto__', 'k0', 'k1', 'k2', 'k3']);
    expect(Object.getPrototypeOf(cut)).toBe(Object.prototype);
  });

  test('keeps one unknown field wherever there are any, and so many in all', () => {
    const threads = Array.from({ length: 100 }, () => ({ thread_id: 't', ...fields(50) }));
    const cut = withoutExcess(subscribe, { threads, ...fields(50) }, 20) as { threads: object[] };
    expect(cut.threads.map((entry) => Object.keys(entry).length - 1)).toEqual([20, ...Array<number>(99).fill(1)]);
    expect(Object.keys(cut)).toEqual(['threads', 'k0']);
  });

  test('goes into what may be left out, too', () => {
    const client = { name: 'n', version: 'v', ...fields(100) };
    expect(withoutExcess(connectAuthSchema, { client }, 1)).toEqual({ client: { name: 'n', version: 'v', k0: 0 } });
  });

  test('is refused for the same reasons, in the same order', () => {
    const shown = 5;
    const junk = fc.oneof(fc.integer(), fc.constant('t'), fc.dictionary(fc.string(), fc.integer(), { maxKeys: 9 }));
    const entry = fc.oneof(
      junk,
      fc
        .tuple(fc.record({ thread_id: junk, limit: junk }, { requiredKeys: [] }), fc.nat(12))
        .map(([known, count]) => ({ ...fields(count), ...known })),
    );
    const payload = fc
      .tuple(
        fc.record({ threads: fc.array(entry, { maxLength: 6 }), message_id: junk }, { requiredKeys: [] }),
        fc.nat(12),
      )
      .map(([known, count]) => ({ ...fields(count, 'r'), ...known }));
    fc.assert(
      fc.property(payload, (value) => {
        const told = faults(subscribe, withoutExcess(subscribe, value, shown)).slice(0, shown);
        expect(told).toEqual(faults(subscribe, value).slice(0, shown));
      }),
    );
  });
});

test('a list that is too long is refused before any of its items is looked at', () => {
  let looks = 0;
  const watched = (item: unknown) =>
    new Proxy(Array<unknown>(limits.maxSubscribeBatch + 1).fill(item), {
      get: (items, key) => {
        if (key !== 'length') looks += 1;
        return Reflect.get(items, key) as unknown;
      },
    });
  const tooLong: [z.ZodType, object][] = [
    [subscribe, { threads: watched({ thread_id: 't' }) }],
    [clientEvents.create_thread.payload, { members: watched('ada') }],
  ];
  for (const [schema, payload] of tooLong) {
    expect(withoutExcess(schema, payload, 20)).toBe(payload);
    expect(schema.safeParse(payload).error?.issues).toMatchObject([{ code: 'too_big', path: Object.keys(payload) }]);
  }
  expect(looks).toBe(0);
});
