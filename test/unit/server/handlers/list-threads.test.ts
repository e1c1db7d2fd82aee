import { describe, expect, test } from '@jest/globals';
import { limits, utf8Bytes } from '@threadwire/protocol';
import type { Thread } from '@threadwire/protocol';
import { FakeApp, actorOf } from '../../../support/fake-services.ts';
import type { FakeClient } from '../../../support/fake-services.ts';
import { range } from '../changes.ts';

async function setUp(count: number, metadata = {}) {
  const app = new FakeApp();
  const client = app.connect(actorOf('ada'));
  for (const i of range(1, count)) {
    // Some have the same time.
    if (i % 3 === 0) await app.clock.advance(1000);
    await client.ask('create_thread', { id: `thread:${i}@x`, metadata });
  }
  return { app, client };
}

/** Reads the list to its end. */
async function pages(client: FakeClient, limit?: number): Promise<Thread[][]> {
  const read: Thread[][] = [];
  let cursor: string | undefined;
  do {
    const page = await client.ask('list_threads', {
      ...(cursor !== undefined && { cursor }),
      ...(limit !== undefined && { limit }),
    });
    read.push(page.threads);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return read;
}

describe('list_threads', () => {
  test('gives the newest activity first, 50 at a time, and each thread once', async () => {
    const { client } = await setUp(120);
    const read = await pages(client);
    expect(read.map(({ length }) => length)).toEqual([50, 50, 20]);
    const threads = read.flat();
    expect(new Set(threads.map(({ id }) => id)).size).toBe(120);
    const times = threads.map(({ updated_at }) => updated_at);
    expect(times).toEqual(times.toSorted().reverse());
  });

  test.each([1, 7, 100])('gives at most %p at a time where that was asked for', async (limit) => {
    const { client } = await setUp(20);
    const read = await pages(client, limit);
    expect(read.flat()).toHaveLength(20);
    expect(Math.max(...read.map(({ length }) => length))).toBe(Math.min(20, limit));
  });

  test('gives only threads that the user may read', async () => {
    const { app } = await setUp(0);
    await app.thread('own', 'bo');
    await app.thread('shared', 'ada', ['bo']);
    await app.thread('hidden', 'ada', ['cy']);
    const ids = (threads: Thread[][]) =>
      threads
        .flat()
        .map(({ id }) => id)
        .sort();
    expect(ids(await pages(app.connect(actorOf('bo'))))).toEqual(['own', 'shared']);
    expect(ids(await pages(app.connect(actorOf('root', { admin: true }))))).toEqual(['hidden', 'own', 'shared']);
  });

  test('gives at most 512 KiB at a time', async () => {
    const { client } = await setUp(100, { filler: 'x'.repeat(8000) });
    const read = await pages(client, 100);
    expect(read).toHaveLength(2);
    expect(utf8Bytes(JSON.stringify(read[0]))).toBeLessThan(limits.maxHistoryBytes + 1000);
    expect(new Set(read.flat().map(({ id }) => id)).size).toBe(100);
  });

  test('gives no cursor where there is nothing more', async () => {
    const { client } = await setUp(3);
    expect(await client.ask('list_threads', { limit: 3 })).not.toHaveProperty('next_cursor');
    expect(await new FakeApp().connect(actorOf('ada')).ask('list_threads', {})).toEqual({ threads: [] });
  });
});

describe('a cursor', () => {
  const encode = (text: string): string => Buffer.from(text).toString('base64url');

  test.each([
    'x',
    '====',
    '../../etc/passwd',
    encode('1'),
    encode('1 '),
    encode(' id'),
    encode('-1 id'),
    encode('1.5 id'),
    encode('1e3 id'),
    encode(`${'9'.repeat(16)} id`),
    encode('1 not an id'),
    encode(`1 ${'x'.repeat(65)}`),
    encode('1 id\n'),
    encode('1 {"$gt":""}'),
    encode('{"updatedAt":{"$gt":0},"id":"x"}'),
  ])('that list_threads did not give is an invalid_payload: %s', async (cursor) => {
    const { client } = await setUp(1);
    expect(await client.refused('list_threads', { cursor })).toMatchObject({
      code: 'invalid_payload',
      retry: 'never',
      details: { issues: [{ path: 'cursor', message: expect.any(String) }] },
    });
  });

  test('goes on behind its thread also where that has gone up meanwhile', async () => {
    const { app, client } = await setUp(9);
    const { threads, next_cursor } = await client.ask('list_threads', { limit: 4 });
    await app.clock.advance(1000);
    await app.say(threads[3]!.id, 'ada');
    const rest = await client.ask('list_threads', { cursor: next_cursor! });
    expect(rest.threads).toHaveLength(5);
    expect(rest.threads.map(({ id }) => id)).not.toContain(threads[3]!.id);
  });
});
