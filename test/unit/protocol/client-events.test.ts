import { describe, expect, test } from '@jest/globals';
import { clientEventNames, clientEvents, limits } from '@threadwire/protocol';
import type { ClientEvent } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { bottomless, jsonType, payloads, replaced, valuesIn } from './payloads.ts';

function accepts(event: ClientEvent, payload: unknown): boolean {
  return clientEvents[event].payload.safeParse(payload).success;
}

const everyPayload = clientEventNames.flatMap((event) => payloads[event].map((payload) => [event, payload] as const));

describe.each(everyPayload)('%s', (event, payload) => {
  /** What stands inside metadata is free JSON: its types are nobody's business. */
  const fields = [...valuesIn(payload)].filter(({ path }) => !(path[0] === 'metadata' && path.length > 1));

  test('takes a valid payload and gives it back unchanged', () => {
    expect(clientEvents[event].payload.parse(payload)).toEqual(payload);
    // What is refused below is refused for what was put in, not for how it was.
    for (const { path, value } of valuesIn(payload)) {
      expect([path, accepts(event, replaced<unknown>(payload, path, value))]).toEqual([path, true]);
    }
  });

  test('refuses a field it does not know, also one that a prototype has', () => {
    for (const name of ['extra', 'threadId', 'toString', 'constructor', '__proto__', '']) {
      const faulty: unknown = JSON.parse(JSON.stringify(payload).replace('{', `{${JSON.stringify(name)}:1,`));
      expect([name, accepts(event, faulty)]).toEqual([name, false]);
    }
  });

  test('refuses a value of another type in each field', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue(), ({ path, value }, other) => {
        fc.pre(jsonType(other) !== jsonType(value));
        expect(accepts(event, replaced<unknown>(payload, path, other))).toBe(false);
      }),
    );
  });

  test('refuses null in each field', () => {
    for (const { path } of fields)
      expect([path, accepts(event, replaced<unknown>(payload, path, null))]).toEqual([path, false]);
  });

  test('refuses numbers that are no counts', () => {
    for (const { path, value } of fields) {
      if (typeof value !== 'number') continue;
      for (const other of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect([path, other, accepts(event, replaced<unknown>(payload, path, other))]).toEqual([path, other, false]);
      }
    }
  });

  test('refuses U+0000 and lone surrogates in every string, wherever it stands', () => {
    const faults = ['a\0b', 'a\uD800b', 'a\uDC00b', '\uD83D\uD83D\uDE00'];
    for (const { path, value } of valuesIn(payload)) {
      if (typeof value !== 'string') continue;
      for (const fault of faults) {
        expect([path, accepts(event, replaced<unknown>(payload, path, fault))]).toEqual([path, false]);
      }
      if (path[0] === 'delta') continue;
      for (const fault of ['a\uD83D', '\uDE00a', '\uDC00\uD800']) {
        expect([path, accepts(event, replaced<unknown>(payload, path, fault))]).toEqual([path, false]);
      }
    }
  });

  test('refuses bottomless nesting in every place, without running out of stack', () => {
    const deep = bottomless();
    expect(accepts(event, deep)).toBe(false);
    expect(accepts(event, { ...payload, extra: deep })).toBe(false);
    for (const { path } of valuesIn(payload))
      expect(accepts(event, replaced<unknown>(payload, path, deep))).toBe(false);
  });

  test('takes any JSON without throwing', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const result = clientEvents[event].payload.safeParse(value);
        if (!result.success) expect(result.error.issues.length).toBeGreaterThan(0);
      }),
    );
  });
});

test('the payloads tried have every field of every event', () => {
  for (const event of clientEventNames) {
    const tried = new Set(payloads[event].flatMap((payload) => Object.keys(payload)));
    expect([...tried].toSorted()).toEqual(Object.keys(clientEvents[event].payload.shape).toSorted());
  }
});

describe.each(clientEventNames)('%s', (event) => {
  test('has exactly the required fields that the contract gives it', () => {
    const required: { [E in ClientEvent]: string[] } = {
      ping: [],
      reauth: ['token'],
      create_thread: [],
      update_thread: ['thread_id'],
      list_threads: [],
      watch_threads: [],
      unwatch_threads: [],
      subscribe_thread: ['thread_id'],
      subscribe_threads: ['threads'],
      unsubscribe_thread: ['thread_id'],
      fetch_history: ['thread_id'],
      send_message: ['thread_id', 'content'],
      edit_message: ['thread_id', 'id', 'content'],
      delete_message: ['thread_id', 'id'],
      stream_start: ['thread_id'],
      stream_chunk: ['stream_id', 'offset', 'delta'],
      stream_end: ['stream_id', 'offset', 'status'],
      stream_cancel: ['stream_id'],
    };
    for (const payload of payloads[event] as readonly Record<string, unknown>[]) {
      for (const name of Object.keys(payload)) {
        const { [name]: _, ...others } = payload;
        expect([name, accepts(event, others)]).toEqual([name, !required[event].includes(name)]);
      }
    }
  });
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['a string', 'x'],
  ['a number', 1],
  ['an array', []],
])('a payload that is %s is refused by every event', (_, payload) => {
  for (const event of clientEventNames) expect(accepts(event, payload)).toBe(false);
});

describe('bounds', () => {
  const thread_id = 't';
  const stream_id = 's';

  test.each([
    ['list_threads', { limit: 1 }, true],
    ['list_threads', { limit: limits.maxListPage }, true],
    ['list_threads', { limit: 0 }, false],
    ['list_threads', { limit: limits.maxListPage + 1 }, false],
    ['list_threads', { cursor: '' }, false],
    ['subscribe_thread', { thread_id, limit: 0 }, true],
    ['subscribe_thread', { thread_id, limit: limits.maxHistoryPage }, true],
    ['subscribe_thread', { thread_id, limit: limits.maxHistoryPage + 1 }, false],
    ['subscribe_thread', { thread_id, after_seq: 0 }, true],
    ['subscribe_thread', { thread_id, before_position: 7 }, false],
    ['subscribe_threads', { threads: [] }, false],
    ['subscribe_threads', { threads: [{ thread_id, limit: limits.maxHistoryPage + 1 }] }, false],
    ['subscribe_threads', { threads: [{ thread_id, message_id: 'm' }] }, false],
    ['fetch_history', { thread_id, after_seq: 1, before_position: 7 }, false],
    ['fetch_history', { thread_id, after_seq: 0, before_position: 0 }, false],
    ['fetch_history', { thread_id, limit: 0 }, true],
    ['fetch_history', { thread_id, limit: limits.maxHistoryPage + 1 }, false],
    ['send_message', { thread_id, content: 'x', role: 'owner' }, false],
    ['send_message', { thread_id, content: 'x', role: 'tool' }, true],
    ['stream_end', { stream_id, offset: 0, status: 'cancelled' }, false],
    ['stream_end', { stream_id, offset: 0, status: 'complete' }, true],
    ['stream_end', { stream_id, offset: 0, status: 'failed', error: 'é'.repeat(512) }, true],
    ['stream_end', { stream_id, offset: 0, status: 'failed', error: 'é'.repeat(512) + 'x' }, false],
    ['stream_cancel', { stream_id, reason: 'x'.repeat(1024) }, true],
    ['stream_cancel', { stream_id, reason: 'x'.repeat(1025) }, false],
    ['reauth', { token: 5 }, false],
    ['reauth', { token: 'x'.repeat(16_385) }, false],
  ] as const)('%s %j: %s', (event, payload, isAccepted) => {
    expect(accepts(event, payload)).toBe(isAccepted);
  });

  test('subscribe_threads takes 1000 entries and no more', () => {
    const threads = (count: number) => Array.from({ length: count }, (_, i) => ({ thread_id: `t${i}` }));
    expect(accepts('subscribe_threads', { threads: threads(1000) })).toBe(true);
    expect(accepts('subscribe_threads', { threads: threads(1001) })).toBe(false);
  });

  test.each(['create_thread', 'update_thread'] as const)('%s takes 1000 members and no more', (event) => {
    const members = (count: number) => Array.from({ length: count }, (_, i) => `user-${i}`);
    expect(accepts(event, { ...payloads[event][0], members: members(1000) })).toBe(true);
    expect(accepts(event, { ...payloads[event][0], members: members(1001) })).toBe(false);
    expect(accepts(event, { ...payloads[event][0], members: [] })).toBe(true);
  });
});
