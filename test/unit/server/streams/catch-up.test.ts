import { describe, expect, test } from '@jest/globals';
import type { ServerPayload } from '@threadwire/protocol';
import { Connection } from '../../../../server/src/connection/connection.ts';
import { TokenBucket } from '../../../../server/src/connection/token-bucket.ts';
import { ActiveStream } from '../../../../server/src/streams/active-stream.ts';
import { CatchUp } from '../../../../server/src/streams/catch-up.ts';
import type { CatchUpPorts } from '../../../../server/src/streams/catch-up.ts';
import { actorOf, identityOf } from '../../../support/fake-services.ts';
import { FakeLink } from '../../../support/fake-link.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { FakeProducer } from './fake-producer.ts';

type Chunk = ServerPayload<'stream_chunk'>;
type Skipped = Parameters<CatchUpPorts['rooms']['onTextSkipped']>[0];

function setUp() {
  const clock = new ManualClock();
  const streams = new Map<string, ActiveStream>();
  const settled: string[] = [];
  const backlogged = new Set<Connection>();
  const rooms = new Map<Connection, Set<string>>();
  /** What was said when somebody was sent what he lacked: whether that was all. */
  const madeUp: boolean[] = [];
  let skipped!: Skipped;
  const catchUp = new CatchUp({
    rooms: {
      onTextSkipped: (listener) => {
        skipped = listener;
      },
      isMember: (threadId, connection) => rooms.get(connection)!.has(threadId),
      isBacklogged: (connection) => backlogged.has(connection),
      settle: (threadId) => void settled.push(threadId),
      makeUp: (_connection, send) => void madeUp.push(send()),
    },
    streams,
    schedule: clock.schedule,
  });
  return {
    clock,
    catchUp,
    streams,
    settled,
    rooms,
    backlogged,
    madeUp,
    /** A stream of a thread, all of whose text was announced. */
    stream: (id: string, content: string, threadId = 't'): ActiveStream => {
      const options = { id, threadId, position: 1, senderId: 'bot', messageId: id, content, epoch: 1, now: 0 };
      const stream = new ActiveStream({ ...options, producer: new FakeProducer('bot') });
      streams.set(id, stream);
      return stream;
    },
    /** Somebody in these threads who does not keep up. */
    reader: (...threads: string[]) => {
      const link = new FakeLink();
      const identity = identityOf(actorOf('ada'));
      const connection = new Connection({ clientId: 'c', link, identity, bucket: new TokenBucket(0, 0, 0) });
      rooms.set(connection, new Set(threads));
      backlogged.add(connection);
      return {
        connection,
        chunks: () => link.received.map(([, payload]) => payload as Chunk),
        text: (id: string) =>
          link.received
            .map(([, payload]) => payload as Chunk)
            .filter(({ stream_id }) => stream_id === id)
            .map(({ delta }) => delta)
            .join(''),
        skip: (id: string, offset: number, threadId = 't') =>
          skipped(connection, { thread_id: threadId, stream_id: id, offset, delta: 'left out' }),
      };
    },
  };
}

describe('who was left out', () => {
  test('gets everything from the first piece on, as soon as it has caught up', async () => {
    const { clock, stream, reader, backlogged, madeUp } = setUp();
    stream('s', 'one two three');
    const { connection, chunks, skip } = reader('t');
    skip('s', 4);
    skip('s', 8);
    await clock.advance(500);
    expect(chunks()).toEqual([]);
    backlogged.delete(connection);
    await clock.advance(50);
    expect(chunks()).toEqual([{ thread_id: 't', stream_id: 's', offset: 4, delta: 'two three' }]);
    expect(madeUp).toEqual([true]);
    // Nobody is left to look after.
    expect(clock.pending).toEqual([]);
  });

  test('gets nothing that was not announced yet', async () => {
    const { clock, stream, reader, backlogged } = setUp();
    stream('s', 'announced, not this').announcedLength = 9;
    const { connection, text, skip } = reader('t');
    skip('s', 0);
    backlogged.delete(connection);
    await clock.advance(50);
    expect(text('s')).toBe('announced');
  });

  test('gets what is long in pieces, and not all of it at once', async () => {
    const { clock, stream, reader, backlogged, madeUp } = setUp();
    const long = 'x'.repeat(200 * 1024);
    for (const id of ['a', 'b']) stream(id, long);
    const { connection, chunks, text, skip } = reader('t');
    for (const id of ['a', 'b']) skip(id, 0);
    backlogged.delete(connection);
    await clock.advance(50);
    const first = chunks().length;
    expect(madeUp).toEqual([false]);
    expect(chunks().reduce((sum, { delta }) => sum + delta.length, 0)).toBeLessThanOrEqual(320 * 1024);
    backlogged.add(connection);
    await clock.advance(200);
    expect(chunks()).toHaveLength(first);
    backlogged.delete(connection);
    await clock.advance(50);
    expect([text('a'), text('b')]).toEqual([long, long]);
    expect(Math.max(...chunks().map(({ delta }) => delta.length))).toBeLessThanOrEqual(64 * 1024);
    expect(madeUp).toEqual([false, true]);
  });

  test('gets no half of a surrogate pair', async () => {
    const { clock, stream, reader, backlogged } = setUp();
    const smiles = `x${'😀'.repeat(64 * 1024)}`;
    stream('s', smiles);
    const { connection, chunks, text, skip } = reader('t');
    skip('s', 0);
    backlogged.delete(connection);
    await clock.advance(50);
    expect(chunks().length).toBeGreaterThan(1);
    expect(chunks().filter(({ delta }) => !delta.isWellFormed())).toEqual([]);
    expect(text('s')).toBe(smiles);
  });

  test.each([
    ['has left the thread', 'left'],
    ['is about to join it again', 'joins'],
    ['has closed', 'closed'],
  ])('gets nothing more where it %s, and is forgotten', async (_what, how) => {
    const { clock, stream, reader, rooms, backlogged, catchUp } = setUp();
    const left = stream('s', 'secret');
    const { connection, chunks, skip } = reader('t');
    skip('s', 0);
    if (how === 'closed') connection.isClosed = true;
    else rooms.get(connection)!.delete('t');
    if (how === 'joins') connection.subscriptions.add('t');
    catchUp.finish(left);
    skip('s', 0);
    backlogged.delete(connection);
    await clock.advance(50);
    expect(chunks()).toEqual([]);
    expect(clock.pending).toEqual([]);
  });

  test('is forgotten with what has ended', async () => {
    const { clock, stream, streams, reader, backlogged, madeUp } = setUp();
    stream('s', 'text');
    const { connection, chunks, skip } = reader('t');
    skip('s', 0);
    streams.delete('s');
    backlogged.delete(connection);
    await clock.advance(50);
    expect([chunks(), madeUp, clock.pending]).toEqual([[], [true], []]);
  });

  test('does not hold up, or get, what others lack', async () => {
    const { clock, stream, reader, backlogged } = setUp();
    stream('s', 'of s');
    stream('o', 'of o', 'other');
    const slow = reader('t', 'other');
    const quick = reader('t', 'other');
    slow.skip('s', 0);
    quick.skip('o', 0, 'other');
    backlogged.delete(quick.connection);
    await clock.advance(50);
    expect([slow.chunks(), quick.text('o'), quick.text('s')]).toEqual([[], 'of o', '']);
    backlogged.delete(slow.connection);
    await clock.advance(50);
    expect(slow.text('s')).toBe('of s');
  });
});

describe('a stream that is about to end', () => {
  test('is sent to everybody first, kept up or not, and only once', async () => {
    const { clock, catchUp, stream, reader, backlogged, settled } = setUp();
    const ending = stream('s', 'all of it');
    stream('o', 'another');
    const { connection, text, skip } = reader('t');
    skip('s', 4);
    skip('o', 0);
    catchUp.finish(ending);
    expect(settled).toEqual(['t']);
    expect([text('s'), text('o')]).toEqual(['of it', '']);
    backlogged.delete(connection);
    await clock.advance(50);
    expect([text('s'), text('o')]).toEqual(['of it', 'another']);
  });

  test('costs those nothing who kept up', () => {
    const { catchUp, stream, reader } = setUp();
    const { chunks } = reader('t');
    catchUp.finish(stream('s', 'text'));
    expect(chunks()).toEqual([]);
  });
});
