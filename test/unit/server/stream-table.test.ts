import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { flattenOps } from '../../../server/src/store/embedded/flat-ops.ts';
import { Reader } from '../../../server/src/store/embedded/reader.ts';
import { createSchema } from '../../../server/src/store/embedded/schema.ts';
import { Sqlite } from '../../../server/src/store/embedded/sqlite.ts';
import { Writer } from '../../../server/src/store/embedded/writer.ts';
import type { OpResult } from '../../../server/src/store/embedded/worker-protocol.ts';
import type { WriteOp } from '../../../server/src/store/thread-store.ts';
import { ann, clock, endStream, startStream, text, upTo } from '../../support/store-ops.ts';

// Where the text of streams is kept by the embedded store: in the log, then in parts. Nobody may see the difference.

let db: Sqlite;
let writer: Writer;
let reader: Reader;

beforeEach(() => {
  db = new Sqlite(':memory:');
  createSchema(db);
  writer = new Writer(db);
  reader = new Reader(db);
  writer.createThread({ id: 't', actor: ann, title: '', members: [], metadata: {}, at: clock.tick() });
});
afterEach(() => db.close());

function write(...ops: readonly WriteOp[]): OpResult[] {
  const results = writer.write(flattenOps(ops));
  writer.keepUp();
  return results;
}

function begin(messageId: string = randomUUID()): Message {
  const [result] = write(startStream('t', { messageId }));
  return (result as unknown as { readonly message: Message }).message;
}

/** The text of each stream as its readers have it. */
async function read(...streams: readonly Message[]): Promise<(string | undefined)[]> {
  const contents: (string | undefined)[] = [];
  for (const { id } of streams) {
    const found = await reader.findStream(id);
    expect(found?.length).toBe(found?.message.content.length);
    contents.push(found?.message.content);
  }
  return contents;
}

const count = (table: string): number => db.one<[number]>(`SELECT count(*) FROM ${table}`)()![0];

test('a piece goes to the end of the log alone', async () => {
  const stream = begin();
  const before = count('stream_parts');
  expect(write(text(stream, 0, 'Hello'), text(stream, 5, ', world'))).toEqual([5, 12]);
  expect([count('stream_log'), count('stream_parts') - before]).toEqual([2, 0]);
  expect(await read(stream)).toEqual(['Hello, world']);
});

test('what is new of a stream becomes one part, when there is enough of all', async () => {
  const streams = upTo(8).map(() => begin());
  const expected = streams.map(() => '');
  for (const n of upTo(300)) {
    write(
      ...streams.map((stream, i) => {
        const piece = n % 7 === i ? '' : `${n}😀 `;
        const op = text(stream, expected[i]!.length, piece);
        expected[i] += piece;
        return op;
      }),
    );
    if (n % 50 === 0) expect(await read(...streams)).toEqual(expected);
  }
  // 2,400 pieces: filed once.
  expect(count('stream_parts')).toBe(streams.length);
  expect(count('stream_log')).toBe(300 * 8 - 2048);
});

test('much text is filed earlier', () => {
  for (const stream of upTo(8).map(() => begin())) write(text(stream, 0, 'x'.repeat(1_000_000)));
  // 4 MiB of it at the fifth.
  expect([count('stream_log'), count('stream_parts')]).toEqual([3, 5]);
});

test.each(['at once', 'after it was filed', 'by a writer that begins'])(
  'the end has the whole text: %s',
  async (when) => {
    const [ended, other] = [begin(), begin()];
    write(text(ended, 0, 'one '), text(other, 0, 'ONE '));
    fileAll();
    write(text(ended, 4, 'two'), text(other, 4, 'TWO'));
    if (when === 'after it was filed') fileAll();
    if (when === 'by a writer that begins') writer = new Writer(db);
    const [result] = write(endStream(ended, { offset: 7, epoch: 1 }));
    expect(result).toMatchObject({
      ok: true,
      message: { content: 'one two', status: 'complete' },
      stream: { length: 7 },
    });
    expect(await read(ended, other)).toEqual(['one two', 'ONE TWO']);
    fileAll();
    expect(await read(ended, other)).toEqual(['one two', 'ONE TWO']);
    expect([count('stream_log'), count('stream_parts')]).toEqual([0, 2]);
    // And what comes late is refused by what it was.
    expect(write(text(ended, 7, '!'))).toMatchObject([{ code: 'stream_closed' }]);
    expect(write(endStream(ended, { offset: 7 }), endStream(ended, { offset: 6 }))).toMatchObject([
      { ok: true, changed: false, stream: { length: 7 } },
      { ok: false, details: { expected_offset: 7 } },
    ]);
  },
);

test('an end in the same batch has the text before it, and drops it from the log', async () => {
  const stream = begin();
  write(text(stream, 0, 'all of '), text(stream, 7, 'it'), endStream(stream, { offset: 9 }));
  expect(await read(stream)).toEqual(['all of it']);
  fileAll();
  expect([count('stream_log'), count('stream_parts')]).toEqual([0, 0]);
});

describe('who takes a stream up', () => {
  test.each(['at once', 'after it was filed'])('goes on behind its text: %s', async (when) => {
    const stream = begin('key');
    write(text(stream, 0, 'before'));
    if (when === 'after it was filed') fileAll();
    expect(write(startStream('t', { messageId: 'key' }))).toMatchObject([{ stream: { epoch: 2, length: 6 } }]);
    expect(write(text(stream, 6, '!'))).toMatchObject([{ details: { fenced: true } }]);
    expect(write(text(stream, 6, ' after', { epoch: 2 }))).toEqual([12]);
    expect(await read(stream)).toEqual(['before after']);
  });

  test('has the lease, whatever was in the log before', async () => {
    const stream = begin('key');
    const at = clock.now;
    write(text(stream, 0, 'x', { leaseUntil: at + 90_000 }));
    write(startStream('t', { messageId: 'key', leaseUntil: at + 5_000 }));
    for (const file of [() => undefined, fileAll]) {
      file();
      expect(await reader.abandonedStreams(at + 4_999, 10)).toEqual([]);
      expect(await reader.abandonedStreams(at + 5_000, 10)).toMatchObject([{ id: stream.id, epoch: 2 }]);
    }
  });
});

test('a lease that was renewed holds before it is filed', async () => {
  const [renewed, left] = [begin(), begin()];
  const at = clock.now;
  write(text(renewed, 0, '', { leaseUntil: at + 60_000 }));
  expect(await reader.abandonedStreams(at + 40_000, 10)).toMatchObject([{ id: left.id }]);
  const end = endStream(renewed, { status: 'interrupted', leaseOverAt: at + 40_000 });
  expect(write(end)).toMatchObject([{ ok: false, code: 'stream_conflict' }]);
  writer = new Writer(db);
  expect(write(end)).toMatchObject([{ ok: false, code: 'stream_conflict' }]);
});

test('a transaction that failed has changed nothing of a stream', async () => {
  const stream = begin();
  write(text(stream, 0, 'kept'));
  const poison = { ...text(stream, 8, ''), kind: 'append', metadata: {}, content: null } as unknown as WriteOp;
  expect(() => write(text(stream, 4, ' lost'), poison)).toThrow();
  expect(await read(stream)).toEqual(['kept']);
  expect(write(text(stream, 4, ' on'))).toEqual([7]);
  expect(await read(stream)).toEqual(['kept on']);
});

test('streams that ran when the version before it had the database go on, and end', async () => {
  const [stream, ended] = [begin('key'), begin()];
  write(text(stream, 0, 'old '), text(ended, 0, 'whole'), endStream(ended, { offset: 5 }));
  fileAll();
  write(text(stream, 4, 'parts '));
  fileAll();
  db.exec('DROP TABLE stream_log; DROP TABLE audit; DROP TABLE revocations; PRAGMA user_version = 3');

  createSchema(db);
  writer = new Writer(db);
  reader = new Reader(db);
  expect(count('stream_parts')).toBe(2);
  expect(await read(stream, ended)).toEqual(['old parts ', 'whole']);
  write(text(stream, 10, 'and '));
  expect(write(startStream('t', { messageId: 'key' }))).toMatchObject([{ stream: { epoch: 2, length: 14 } }]);
  write(text(stream, 14, 'new', { epoch: 2 }), endStream(stream, { offset: 17, epoch: 2 }));
  fileAll();
  expect(await read(stream, ended)).toEqual(['old parts and new', 'whole']);
  expect([count('stream_log'), count('stream_parts')]).toEqual([0, 0]);
});

test('a page has the text of all its streams, however many', async () => {
  const streams = upTo(8).map((n) => ({ n, threadId: `t${n}` }));
  const expected = new Map<string, string>();
  for (const { threadId } of streams) {
    writer.createThread({ id: threadId, actor: ann, title: '', members: [], metadata: {}, at: clock.tick() });
  }
  const began = streams.flatMap(({ n, threadId }) => upTo(n % 4).map((m) => [threadId, `k${n}-${m}`] as const));
  const messages = began.map(([threadId, messageId]) => {
    const [result] = write(startStream(threadId, { messageId }));
    return (result as unknown as { readonly message: Message }).message;
  });
  for (const piece of ['filed ', 'logged ', '😀']) {
    if (piece === 'logged ') fileAll();
    // Some have nothing filed, some nothing in the log.
    for (const [i, message] of messages.entries()) {
      const before = expected.get(message.id) ?? '';
      if (i % 3 === piece.length % 3) continue;
      write({ ...text(message, before.length, piece), threadId: message.thread_id });
      expected.set(message.id, before + piece);
    }
  }
  const requests = streams.map(({ threadId }) => ({ threadId, actor: ann, limit: 10 }));
  const { results } = await reader.histories(requests);
  const found = results.flatMap((result) => (result.ok ? result.history.streaming : []));
  expect(found.length).toBeGreaterThan(10);
  expect(found.map(({ id, content }) => [id, content])).toEqual(messages.map(({ id }) => [id, expected.get(id)]));
});

test('a quiet log is filed after a second', async () => {
  const stream = begin();
  write(text(stream, 0, 'text'));
  expect(writer.isBehind).toBe(true);
  writer.catchUp();
  expect(count('stream_log')).toBe(1);
  const now = performance.now();
  performance.now = () => now + 1000;
  try {
    writer.catchUp();
  } finally {
    delete (performance as { now?: unknown }).now;
  }
  expect([count('stream_log'), writer.isBehind]).toEqual([0, false]);
  expect(await read(stream)).toEqual(['text']);
});

/** Files the log whatever is in it, as a writer does that begins. */
function fileAll(): void {
  writer = new Writer(db);
}
