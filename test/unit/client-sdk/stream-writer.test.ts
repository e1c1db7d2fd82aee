import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { closedError } from '../../../client-sdk/src/errors.ts';
import { Requests } from '../../../client-sdk/src/requests.ts';
import type { StreamWriter } from '../../../client-sdk/src/stream-writer.ts';
import { Streams } from '../../../client-sdk/src/streams.ts';
import type { StreamOptions } from '../../../client-sdk/src/streams.ts';
import { turn } from '../../support/manual-clock.ts';
import { SdkClock } from '../../support/sdk-clock.ts';
import { FakeConnection, codeOf, messageOf, outcome, pageOf } from '../../support/sdk-fake-connection.ts';

const start = { thread_id: 't', message_id: 'key-1' };
const kib = 1024;

function setUp({ isConnected = true } = {}) {
  const connection = new FakeConnection();
  if (isConnected) connection.connect();
  const clock = new SdkClock();
  const backoff = { baseMs: 500, maxMs: 20_000 };
  const requests = new Requests(connection, clock, backoff);
  const merged: Message[] = [];
  const streams = new Streams({ connection, requests, clock, backoff, onMessage: (message) => merged.push(message) });
  const open = (options: StreamOptions = {}) => streams.start('t', { messageId: 'key-1', ...options });
  /** Answers the request to start, which has to be this one. */
  const started = (offset = 0, message = streaming(), resumed = offset > 0) => {
    const request = connection.take('stream_start');
    expect(request.payload).toEqual(start);
    request.ok({ message, offset, resumed });
  };
  /** Answers the look at the stream that comes first after a break. */
  const found = (message = streaming()) => {
    const request = connection.take('fetch_history');
    expect(request.payload).toEqual({ thread_id: 't', limit: 0 });
    request.ok(pageOf([], { streaming: message.status === 'streaming' ? [message] : [] }));
  };
  const startedAgain = (offset = 0, message = streaming()) => {
    found(message);
    started(offset, message, true);
  };
  /** The chunk that was sent, as `offset: delta`; answered where an offset is given. */
  const chunk = (stored?: number): string => {
    const request = connection.take('stream_chunk');
    const { stream_id: id, offset, delta } = request.payload;
    expect(id).toBe('m1');
    if (stored !== undefined) request.ok({ offset: stored });
    return `${offset}: ${delta.length > 99 ? delta.length : delta}`;
  };
  const begun = async (): Promise<StreamWriter> => {
    const opening = open();
    started();
    return opening;
  };
  const reconnect = () => {
    connection.connect();
    requests.connected();
    streams.connected();
  };
  const lose = () => {
    connection.lose();
    requests.lost();
    streams.lost();
  };
  const close = () => {
    connection.close();
    requests.closed(closedError('closed'));
    streams.closed(closedError('closed'));
  };
  return {
    connection,
    clock,
    streams,
    merged,
    open,
    started,
    startedAgain,
    found,
    chunk,
    begun,
    reconnect,
    lose,
    close,
  };
}

function streaming(content = ''): Message {
  return messageOf(1, 1, { role: 'assistant', status: 'streaming', content });
}

function ended(status: Message['status'], content = ''): Message {
  return messageOf(1, 2, { role: 'assistant', status, content });
}

/** Where a promise has got to. */
function watch(promise: Promise<unknown>): { state: string } {
  const seen = { state: 'waits' };
  promise.then(
    () => (seen.state = 'done'),
    (error: unknown) => (seen.state = codeOf(error)),
  );
  return seen;
}

describe('starting a stream', () => {
  test('resolves with the answer, and the message is held', async () => {
    const { connection, merged, open } = setUp();
    const opening = open({ role: 'tool', metadata: { a: 1 } });
    const request = connection.take('stream_start');
    expect(request.payload).toEqual({ ...start, role: 'tool', metadata: { a: 1 } });
    request.ok({ message: streaming(), offset: 0, resumed: false });
    const writer = await opening;
    expect([writer.id, writer.message, writer.length, writer.status]).toEqual(['m1', streaming(), 0, 'streaming']);
    expect([writer.signal.aborted, merged]).toEqual([false, [streaming()]]);
  });

  test('has a key of its own each time', () => {
    const { connection, streams } = setUp();
    for (let i = 0; i < 2; i += 1) streams.start('t', {}).catch(() => undefined);
    const keys = [1, 2].map(() => connection.take('stream_start').payload.message_id);
    expect(new Set(keys).size).toBe(2);
  });

  test('waits for the connection, over breaks, and while the server has too much to do', async () => {
    const { connection, clock, open, started, reconnect, lose } = setUp({ isConnected: false });
    const opening = open();
    expect(connection.sent).toEqual([]);
    reconnect();
    connection.take('stream_start');
    lose();
    reconnect();
    connection.take('stream_start').refuse({ code: 'too_many_streams', retry: 'later', retry_after_ms: 300 });
    await clock.advance(299);
    expect(connection.untaken).toEqual([]);
    await clock.advance(1);
    connection.take('stream_start').refuse({ code: 'unavailable' });
    // By its own pauses where the server names none: anywhere up to twice 500 ms, the second time.
    expect(clock.pending).toEqual([500]);
    await clock.advance(500);
    started();
    expect((await opening).id).toBe('m1');
  });

  test('is asked for again where no answer comes', async () => {
    const { connection, clock, open, started } = setUp();
    const opening = open();
    const lost = connection.take('stream_start');
    await clock.advance(10_000);
    await clock.advance(250);
    started();
    lost.refuse({ code: 'forbidden' });
    expect((await opening).status).toBe('streaming');
    expect(clock.pending).toEqual([]);
  });

  test('rejects where it is refused for good, or the client is closed', async () => {
    const { connection, open, close } = setUp();
    const first = open();
    connection.take('stream_start').refuse({ code: 'forbidden' });
    expect(await outcome(first)).toMatchObject({ code: 'forbidden' });
    const second = open();
    close();
    expect(await outcome(second)).toMatchObject({ code: 'closed' });
    expect(await outcome(open())).toMatchObject({ code: 'closed' });
  });

  test('goes on with the text that an earlier run has written', async () => {
    const { open, started, chunk } = setUp();
    const opening = open();
    started(5, streaming('Hello'));
    const writer = await opening;
    expect([writer.length, writer.message.content]).toEqual([5, 'Hello']);
    await writer.write(', you');
    expect(chunk(10)).toBe('5: , you');
    expect(writer.length).toBe(10);
  });

  test('of one that has ended takes no text, and ends as it did', async () => {
    const { open, started, connection } = setUp();
    const opening = open();
    started(5, ended('complete', 'Hello'), true);
    const writer = await opening;
    expect([writer.status, writer.signal.aborted]).toEqual(['complete', true]);
    const closed = { code: 'stream_closed', details: { status: 'complete' } };
    expect(await outcome(writer.write('x'))).toMatchObject(closed);
    expect(await writer.end()).toEqual(ended('complete', 'Hello'));
    expect(await writer.cancel()).toEqual(ended('complete', 'Hello'));
    expect(await outcome(writer.fail())).toMatchObject(closed);
    // There is nothing left to be written.
    const source = (function* () {
      yield 'never asked';
    })();
    expect(await writer.pipeFrom(source)).toEqual(ended('complete', 'Hello'));
    expect(connection.untaken).toEqual([]);
  });

  test('is called off by the signal: nothing is sent, or what was begun is cancelled', async () => {
    const { connection, open, reconnect, lose } = setUp({ isConnected: false });
    const reason = new Error('the user left');
    expect(await outcome(open({ signal: AbortSignal.abort(reason) }))).toBe(reason);
    const before = new AbortController();
    const waiting = open({ signal: before.signal });
    lose();
    before.abort(reason);
    expect(await outcome(waiting)).toBe(reason);
    reconnect();
    expect(connection.sent).toEqual([]);

    const between = new AbortController();
    const asked = open({ signal: between.signal });
    const request = connection.take('stream_start');
    between.abort(reason);
    expect(await outcome(asked)).toBe(reason);
    request.ok({ message: streaming(), offset: 0, resumed: false });
    expect(connection.take('stream_cancel').payload).toEqual({ stream_id: 'm1' });

    const refused = new AbortController();
    open({ signal: refused.signal }).catch(() => undefined);
    const other = connection.take('stream_start');
    refused.abort(reason);
    other.refuse({ code: 'unavailable', retry_after_ms: 1 });
    lose();
    reconnect();
    // Only the cancel, whose answer did not come.
    connection.take('stream_cancel');
    expect(connection.untaken).toEqual([]);
  });
});

describe('writing', () => {
  test('sends what is written in one turn together, and what is written while chunks are under way too', async () => {
    const { connection, begun, chunk } = setUp();
    const writer = await begun();
    for (const word of ['One', ' two', ' three']) void writer.write(word);
    await turn();
    expect([chunk(), writer.length]).toEqual(['0: One two three', 13]);
    for (let i = 0; i < 7; i += 1) {
      void writer.write(`${i}`);
      await turn();
    }
    expect([0, 1, 2, 3, 4, 5, 6].map(() => chunk())).toHaveLength(7);
    // Eight are under way.
    for (const word of ['a', 'b', 'c']) {
      void writer.write(word);
      await turn();
    }
    expect(connection.untaken).toEqual([]);
    connection.sent[1]!.ok({ offset: 13 });
    expect(chunk()).toBe('20: abc');
  });

  test('cuts long text into pieces, and keeps halves of characters together', async () => {
    const { connection, begun, chunk } = setUp();
    const writer = await begun();
    await writer.write(`${'x'.repeat(16 * kib - 1)}\u{1F600}${'y'.repeat(20)}`);
    await turn();
    expect([chunk(16 * kib - 1), chunk(16 * kib + 21)]).toEqual([
      `0: ${16 * kib - 1}`,
      `${16 * kib - 1}: \u{1F600}${'y'.repeat(20)}`,
    ]);
    await writer.write('\uD83D');
    await turn();
    expect([connection.untaken, writer.length]).toEqual([[], 16 * kib + 22]);
    await writer.write('\uDE00 \uDE00\uD83Dx\uD83D');
    await turn();
    expect(chunk()).toBe(`${16 * kib + 21}: \u{1F600} \uFFFD\uFFFDx`);
    void writer.end();
    expect(chunk()).toBe(`${16 * kib + 27}: \uFFFD`);
    expect(connection.take('stream_end').payload.offset).toBe(16 * kib + 28);
  });

  test('waits while 64 Ki are not stored, and goes on when enough is', async () => {
    const { connection, begun, chunk } = setUp();
    const writer = await begun();
    expect(watch(writer.write('x'.repeat(64 * kib - 1)))).toEqual({ state: 'waits' });
    await turn();
    const writes = [watch(writer.write('y')), watch(writer.write('z'.repeat(10)))];
    await turn();
    expect(writes.map(({ state }) => state)).toEqual(['waits', 'waits']);
    expect([chunk(), chunk(), chunk(), chunk()].at(-1)).toBe(`${48 * kib}: ${16 * kib - 1}`);
    // So much may be under way, and no more.
    expect(connection.untaken).toEqual([]);
    connection.sent[1]!.ok({ offset: 1 });
    await turn();
    expect([writes.map(({ state }) => state), connection.untaken]).toEqual([['done', 'waits'], []]);
    connection.sent[2]!.ok({ offset: 32 * kib });
    await turn();
    expect(writes.map(({ state }) => state)).toEqual(['done', 'done']);
    expect(chunk()).toBe(`${64 * kib - 1}: yzzzzzzzzzz`);
  });

  test('more than a stream may hold takes nothing of it, and the stream goes on', async () => {
    const { begun, chunk } = setUp();
    const writer = await begun();
    void writer.write('x');
    const tooMuch = outcome(writer.write('y'.repeat(256 * kib)));
    const unclean = outcome(writer.write('a\0b'));
    expect(writer.length).toBe(1);
    await writer.write('z');
    await turn();
    expect(chunk()).toBe('0: xz');
    expect(await tooMuch).toMatchObject({ code: 'payload_too_large', retry: 'never' });
    expect(await unclean).toMatchObject({ code: 'invalid_payload' });
  });
});

describe('ending', () => {
  test('follows the last text without waiting, and resolves with the message', async () => {
    const { connection, merged, begun, chunk } = setUp();
    const writer = await begun();
    void writer.write('Hello');
    const ending = writer.end({ metadata: { tokens: 2 } });
    expect(chunk()).toBe('0: Hello');
    const request = connection.take('stream_end');
    expect(request.payload).toEqual({ stream_id: 'm1', offset: 5, status: 'complete', metadata: { tokens: 2 } });
    const closed = { code: 'stream_closed', details: { status: 'complete' } };
    expect(await outcome(writer.write('more'))).toMatchObject(closed);
    expect(await outcome(writer.fail())).toMatchObject(closed);
    const again = writer.end();
    request.ok({ message: ended('complete', 'Hello') });
    expect([await ending, await again, await writer.end()]).toEqual(Array(3).fill(ended('complete', 'Hello')));
    expect([writer.status, writer.signal.aborted, merged.at(-1)]).toEqual(['complete', false, writer.message]);
    expect(connection.untaken).toEqual([]);
  });

  test('as failed says why, in what readers can be sent', async () => {
    const { connection, begun } = setUp();
    const writer = await begun();
    const failing = writer.fail(`\0\uD83D${'ä'.repeat(1000)}`, { metadata: {} });
    const request = connection.take('stream_end');
    // 6 bytes, and 2 for each of the others.
    const error = `\uFFFD\uFFFD${'ä'.repeat(509)}`;
    expect(request.payload).toEqual({ stream_id: 'm1', offset: 0, status: 'failed', error, metadata: {} });
    request.ok({ message: ended('failed') });
    expect(await failing).toEqual(ended('failed'));
    const other = await setUp().begun();
    expect(watch(other.fail())).toEqual({ state: 'waits' });
  });

  test('by cancelling drops what is under way, and aborts the signal', async () => {
    const { connection, begun } = setUp();
    const writer = await begun();
    void writer.write('Hello');
    const ending = outcome(writer.end());
    connection.take('stream_chunk');
    connection.take('stream_end');
    const cancelling = writer.cancel('changed my mind');
    const request = connection.take('stream_cancel');
    expect(request.payload).toEqual({ stream_id: 'm1', reason: 'changed my mind' });
    request.ok({ message: ended('cancelled', 'Hell') });
    expect([await cancelling, await writer.cancel()]).toEqual(Array(2).fill(ended('cancelled', 'Hell')));
    const closed = { code: 'stream_closed', details: { status: 'cancelled' } };
    expect([await ending, writer.signal.reason, await outcome(writer.write('x'))]).toMatchObject([
      closed,
      closed,
      closed,
    ]);
    expect(writer.status).toBe('cancelled');
  });

  test('by the signal of whoever started it cancels it, but not one that is over', async () => {
    const { connection, open, started } = setUp();
    const caller = new AbortController();
    const opening = open({ signal: caller.signal });
    started();
    const writer = await opening;
    caller.abort();
    connection.take('stream_cancel').ok({ message: ended('cancelled') });
    expect([writer.signal.aborted, writer.status]).toEqual([true, 'cancelled']);

    const later = new AbortController();
    const other = open({ signal: later.signal });
    started();
    void (await other).end();
    connection.take('stream_end').ok({ message: ended('complete') });
    later.abort();
    await turn();
    expect([(await other).signal.aborted, connection.untaken]).toEqual([false, []]);
  });
});

describe('a break', () => {
  test('is gone on from where the server says, with the text that it does not have', async () => {
    const { connection, begun, startedAgain, chunk, reconnect, lose } = setUp();
    const writer = await begun();
    void writer.write('Hello');
    await turn();
    const late = connection.take('stream_chunk');
    lose();
    await writer.write(', you');
    await turn();
    reconnect();
    await writer.write('!');
    await turn();
    startedAgain(3, streaming('Hel'));
    expect([chunk(11), connection.untaken]).toEqual(['3: lo, you!', []]);
    // Of the old connection.
    late.refuse({ code: 'forbidden' });
    await writer.write('?');
    await turn();
    expect([chunk(12), writer.status]).toEqual(['11: ?', 'streaming']);
  });

  test('before the end is answered has it repeated, or finds it done', async () => {
    const { connection, begun, startedAgain, chunk, reconnect, lose } = setUp();
    const writer = await begun();
    void writer.write('Hello');
    const ending = watch(writer.end());
    chunk(5);
    connection.take('stream_end');
    lose();
    reconnect();
    startedAgain(5, streaming('Hello'));
    expect(connection.take('stream_end').payload).toMatchObject({ offset: 5, status: 'complete' });
    lose();
    reconnect();
    startedAgain(5, ended('complete', 'Hello'));
    await turn();
    expect([ending.state, writer.status, writer.message.content]).toEqual(['done', 'complete', 'Hello']);
    lose();
    reconnect();
    expect(connection.untaken).toEqual([]);
  });

  test('so long that it was interrupted or cancelled is the end', async () => {
    for (const status of ['interrupted', 'cancelled', 'failed'] as const) {
      const { connection, begun, startedAgain, reconnect, lose } = setUp();
      const writer = await begun();
      const ending = outcome(writer.end());
      connection.take('stream_end');
      lose();
      reconnect();
      startedAgain(0, ended(status));
      const closed = { code: 'stream_closed', details: { status } };
      expect([await ending, writer.signal.reason]).toMatchObject([closed, closed]);
      expect(writer.status).toBe(status);
    }
  });

  test('after which the server has less than it had stored ends it, for its readers too', async () => {
    const { connection, begun, startedAgain, chunk, reconnect, lose } = setUp();
    const writer = await begun();
    await writer.write('Hello');
    await turn();
    chunk(5);
    lose();
    reconnect();
    startedAgain(3, streaming('Hel'));
    expect(connection.take('stream_cancel').payload).toEqual({ stream_id: 'm1' });
    const lost = { code: 'stream_conflict', details: { expected_offset: 3 } };
    expect([writer.signal.reason, await outcome(writer.write('x'))]).toMatchObject([lost, lost]);
  });

  test.each([
    ['more than was sent', 'Hello, you', 'Hello, you and'],
    ['what was never sent', 'Hello', 'Hello, y'],
    ['other text', 'Hello, you', 'Hello, we'],
  ])('in which somebody else took it over is the end here alone: %s', async (_what, sent, theirs) => {
    const { connection, begun, found, chunk, reconnect, lose } = setUp();
    const writer = await begun();
    await writer.write('Hello');
    await turn();
    chunk(5);
    await writer.write(sent.slice(5));
    await turn();
    if (sent !== 'Hello') chunk();
    lose();
    // Not sent any more, be it what they wrote or not.
    const writing = outcome(writer.write(', you all and everybody'.slice(sent.length - 5)));
    reconnect();
    found(streaming(theirs));
    const fenced = { code: 'stream_conflict', details: { fenced: true }, threadId: 't' };
    expect([writer.signal.reason, connection.untaken]).toMatchObject([fenced, []]);
    expect(await outcome(writer.end())).toMatchObject(fenced);
    // There was room for it before.
    expect(await writing).toBeUndefined();
  });

  test('in which nobody wrote but this one is none for its readers', async () => {
    for (const stored of ['', 'Hel', 'Hello', 'Hello, you']) {
      const { begun, startedAgain, chunk, reconnect, lose } = setUp();
      const writer = await begun();
      await writer.write('Hello');
      await turn();
      chunk();
      await writer.write(', you');
      await turn();
      chunk();
      lose();
      await writer.write('!');
      reconnect();
      startedAgain(stored.length, streaming(stored));
      expect(chunk(11)).toBe(`${stored.length}: ${'Hello, you!'.slice(stored.length)}`);
      expect(writer.signal.aborted).toBe(false);
    }
  });

  test('is followed by another: what was found before it counts no more', async () => {
    const { connection, begun, startedAgain, chunk, reconnect, lose } = setUp();
    const writer = await begun();
    lose();
    void writer.write('Hello');
    reconnect();
    const late = connection.take('fetch_history');
    lose();
    reconnect();
    late.ok(pageOf([], { streaming: [streaming('Another')] }));
    startedAgain();
    expect([chunk(5), writer.signal.aborted, connection.untaken]).toEqual(['0: Hello', false, []]);
  });

  test('that is over is looked behind once', async () => {
    const { connection, clock, begun, started, startedAgain, chunk, reconnect, lose } = setUp();
    const writer = await begun();
    lose();
    reconnect();
    startedAgain();
    await writer.write('Hello');
    await turn();
    connection.take('stream_chunk').refuse({ code: 'unavailable', retry_after_ms: 100 });
    await clock.advance(100);
    started();
    expect(chunk(5)).toBe('0: Hello');
  });

  test('between the look and the start that somebody else wrote in ends it here alone', async () => {
    const { connection, begun, found, started, reconnect, lose } = setUp();
    const writer = await begun();
    lose();
    reconnect();
    found();
    started(7, streaming('Another'));
    expect([writer.signal.reason, connection.untaken]).toMatchObject([
      { code: 'stream_conflict', details: { fenced: true } },
      [],
    ]);
  });

  test('after which it may not be read any more ends it', async () => {
    const { connection, begun, reconnect, lose } = setUp();
    const writer = await begun();
    lose();
    reconnect();
    connection.take('fetch_history').refuse({ code: 'thread_not_found' });
    expect([writer.signal.reason, connection.untaken]).toMatchObject([{ code: 'thread_not_found' }, []]);
  });

  test('in which somebody else completed it with other text is not the end that was asked for', async () => {
    const { begun, startedAgain, reconnect, lose } = setUp();
    const writer = await begun();
    lose();
    void writer.write('Hello');
    const ending = outcome(writer.end());
    reconnect();
    startedAgain(7, ended('complete', 'Another'));
    const closed = { code: 'stream_closed', details: { status: 'complete' } };
    expect([await ending, writer.signal.reason, await outcome(writer.end())]).toMatchObject([closed, closed, closed]);
    expect(writer.status).toBe('complete');
  });

  test('for good ends it', async () => {
    const { begun, close } = setUp();
    const writer = await begun();
    const waiting = watch(writer.write('x'.repeat(64 * kib)));
    const ending = watch(writer.end());
    close();
    await turn();
    expect([waiting.state, ending.state, writer.signal.reason]).toMatchObject(['closed', 'closed', { code: 'closed' }]);
  });
});

describe('a refusal', () => {
  test('for now is waited for, and gone on from', async () => {
    const { connection, clock, begun, started, chunk } = setUp();
    const writer = await begun();
    await writer.write('x'.repeat(20 * kib));
    await turn();
    connection.take('stream_chunk').refuse({ code: 'rate_limited', retry_after_ms: 900 });
    // What was sent behind it.
    connection.take('stream_chunk').refuse({ code: 'stream_conflict', details: { expected_offset: 0 } });
    expect([clock.pending, connection.untaken]).toEqual([[900], []]);
    await clock.advance(900);
    started(0);
    expect([chunk(16 * kib), chunk(20 * kib)]).toEqual([`0: ${16 * kib}`, `${16 * kib}: ${4 * kib}`]);
    await turn();
    expect([clock.pending, writer.status]).toEqual([[], 'streaming']);
  });

  test('again and again has pauses that grow, until something is stored', async () => {
    const { connection, clock, begun, started, chunk } = setUp();
    const writer = await begun();
    await writer.write('Hello');
    await turn();
    const pauses: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      connection.take('stream_chunk').refuse({ code: 'unavailable' });
      const [pauseMs] = clock.pending;
      pauses.push(pauseMs!);
      await clock.advance(pauseMs!);
      started();
    }
    chunk(5);
    await writer.write('!');
    await turn();
    connection.take('stream_chunk').refuse({ code: 'internal' });
    expect([pauses, clock.pending]).toEqual([[250, 500, 1000], [250]]);
  });

  test('that says where to go on is followed at once, and with pauses where it is repeated', async () => {
    const { connection, clock, begun, started, chunk } = setUp();
    const writer = await begun();
    await writer.write('Hello');
    await turn();
    const conflict = { code: 'stream_conflict', details: { expected_offset: 2 } } as const;
    connection.take('stream_chunk').refuse(conflict);
    started(2, streaming('He'));
    connection.take('stream_chunk').refuse(conflict);
    // The two that are stored are progress.
    started(2, streaming('He'));
    connection.take('stream_chunk').refuse(conflict);
    expect([connection.untaken, clock.pending]).toEqual([[], [500]]);
    await clock.advance(500);
    started(2, streaming('He'));
    expect(chunk(5)).toBe('2: llo');
    await writer.write('!');
    await turn();
    connection.take('stream_chunk').refuse({ code: 'stream_conflict', details: { expected_offset: 1 } });
    expect(writer.signal.reason).toMatchObject({ code: 'stream_conflict', details: { expected_offset: 1 } });
  });

  test('of an end at the wrong offset sends what is missing, and the end again', async () => {
    const { connection, begun, started, chunk } = setUp();
    const writer = await begun();
    void writer.write('Hello');
    const ending = writer.end();
    connection.take('stream_chunk');
    connection.take('stream_end').refuse({ code: 'stream_conflict', details: { expected_offset: 0 } });
    started();
    expect(chunk(5)).toBe('0: Hello');
    connection.take('stream_end').ok({ message: ended('complete', 'Hello') });
    expect(await ending).toMatchObject({ content: 'Hello' });
  });

  test('because it has ended so already brings the message', async () => {
    const { connection, begun, started } = setUp();
    const writer = await begun();
    const ending = writer.end();
    connection.take('stream_end').refuse({ code: 'stream_closed', details: { status: 'complete' } });
    started(0, ended('complete'), true);
    expect(await ending).toEqual(ended('complete'));
  });

  test.each([
    ['stream_closed', { status: 'interrupted' }, 'interrupted'],
    ['stream_conflict', { fenced: true }, 'streaming'],
    ['stream_not_found', {}, 'streaming'],
    ['forbidden', {}, 'streaming'],
  ] as const)('%s %j is the end', async (code, details, status) => {
    const { connection, begun, reconnect, lose } = setUp();
    const writer = await begun();
    const waiting = watch(writer.write('x'.repeat(64 * kib)));
    const ending = watch(writer.end());
    connection.take('stream_chunk').refuse({ code, details });
    await turn();
    expect([waiting.state, ending.state, writer.status]).toEqual([code, code, status]);
    expect(writer.signal.reason).toMatchObject({ name: 'ThreadwireError', code, details });
    const { length } = connection.sent;
    lose();
    reconnect();
    expect(connection.sent).toHaveLength(length);
  });

  test('of metadata is the end, for its readers too', async () => {
    const { connection, begun } = setUp();
    const writer = await begun();
    const ending = outcome(writer.end({ metadata: { $a: 1 } }));
    connection.take('stream_end').refuse({ code: 'invalid_payload' });
    expect(await ending).toMatchObject({ code: 'invalid_payload' });
    expect(writer.signal.reason).toBe(await ending);
    expect(connection.take('stream_cancel').payload).toEqual({ stream_id: 'm1' });
    const other = setUp();
    const opening = outcome(other.open());
    other.connection.take('stream_start').refuse({ code: 'invalid_payload' });
    expect(await opening).toMatchObject({ code: 'invalid_payload' });
    expect(other.connection.untaken).toEqual([]);
  });

  test('that nobody sees harms nobody', async () => {
    const { connection, begun } = setUp();
    const writer = await begun();
    void writer.write('x');
    await turn();
    connection.take('stream_chunk').refuse({ code: 'forbidden' });
    void writer.write('y');
    await turn();
    expect(writer.signal.aborted).toBe(true);
  });

  test('that never comes is not waited for: it goes on from where the server says', async () => {
    const { connection, clock, begun, started, chunk } = setUp();
    const writer = await begun();
    await writer.write('Hello');
    await turn();
    await clock.advance(6000);
    await writer.write(', you');
    await turn();
    chunk();
    chunk(10);
    expect(clock.pending).toEqual([10_000]);
    await clock.advance(10_000 + 250);
    started(10, streaming('Hello, you'));
    expect([writer.status, connection.untaken, clock.pending]).toEqual(['streaming', [], []]);
  });
});

describe('a stream that somebody else cancels', () => {
  test('says so at once, and only that one', async () => {
    const { connection, streams, begun } = setUp();
    const writer = await begun();
    streams.cancelled('m2', undefined);
    expect(writer.signal.aborted).toBe(false);
    streams.cancelled('m1', 'too long');
    expect(writer.signal.reason).toMatchObject({
      code: 'stream_closed',
      message: 'The stream was cancelled: too long',
      details: { status: 'cancelled' },
    });
    expect([writer.status, await outcome(writer.end()), connection.untaken]).toMatchObject([
      'cancelled',
      { code: 'stream_closed' },
      [],
    ]);
  });
});

describe('a stream whose readers hear of its end', () => {
  test.each(['interrupted', 'complete', 'failed', 'cancelled'] as const)('%s: so does its writer', async (status) => {
    const { connection, streams, begun } = setUp();
    const writer = await begun();
    const waiting = watch(writer.write('x'.repeat(64 * kib)));
    streams.ended('m2', status, undefined);
    expect(writer.signal.aborted).toBe(false);
    streams.ended('m1', status, 'silent too long');
    await turn();
    expect(writer.signal.reason).toMatchObject({
      code: 'stream_closed',
      message: `The stream was ${status}: silent too long`,
      details: { status },
    });
    expect([writer.status, waiting.state, connection.untaken]).toEqual([status, 'stream_closed', []]);
  });

  test('as it was to end waits for the answer, which says whether all of the text is in it', async () => {
    const { connection, streams, begun } = setUp();
    const writer = await begun();
    const ending = writer.end();
    const request = connection.take('stream_end');
    streams.ended('m1', 'complete', undefined);
    expect([writer.status, writer.signal.aborted]).toEqual(['streaming', false]);
    request.ok({ message: ended('complete') });
    expect(await ending).toEqual(ended('complete'));
    // Heard again, or late.
    streams.ended('m1', 'complete', undefined);
    expect(writer.signal.aborted).toBe(false);
  });

  test('that cancelled it itself says why it was, once', async () => {
    const { connection, streams, begun } = setUp();
    const writer = await begun();
    const cancelling = writer.cancel();
    const { reason } = writer.signal as { reason: unknown };
    streams.ended('m1', 'cancelled', 'by ada');
    connection.take('stream_cancel').ok({ message: ended('cancelled') });
    expect(await cancelling).toEqual(ended('cancelled'));
    expect(writer.signal.reason).toBe(reason);
  });
});

describe('a source', () => {
  /** An async source in the test's hands. */
  function source() {
    const asked: { give: (piece: string) => void; fail: (error: Error) => void; end: () => void }[] = [];
    const state = { isLeft: false };
    const iterator: AsyncIterableIterator<string> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () =>
        new Promise((resolve, reject) => {
          asked.push({
            give: (value) => resolve({ done: false, value }),
            fail: reject,
            end: () => resolve({ done: true, value: undefined }),
          });
        }),
      return: () => {
        state.isLeft = true;
        return Promise.reject(new Error('nobody hears this'));
      },
    };
    return { iterator, asked, state };
  }

  test('is written to its end, and the stream completed', async () => {
    const { connection, begun, chunk } = setUp();
    const writer = await begun();
    const { iterator, asked, state } = source();
    const piping = writer.pipeFrom(iterator, { metadata: { a: 1 } });
    asked[0]!.give('One');
    await turn();
    asked[1]!.give(' two');
    await turn();
    expect([chunk(3), chunk(7)]).toEqual(['0: One', '3:  two']);
    asked[2]!.end();
    await turn();
    const request = connection.take('stream_end');
    expect(request.payload).toEqual({ stream_id: 'm1', offset: 7, status: 'complete', metadata: { a: 1 } });
    request.ok({ message: ended('complete', 'One two') });
    expect([await piping, state.isLeft]).toEqual([ended('complete', 'One two'), false]);
  });

  test('may be an array, and is asked no faster than the server stores', async () => {
    const { connection, begun, chunk } = setUp();
    const writer = await begun();
    let asked = 0;
    const pieces = function* () {
      for (; asked < 10; asked += 1) yield 'x'.repeat(16 * kib);
    };
    const piping = writer.pipeFrom(pieces());
    await turn();
    // The fourth fills what may be under way.
    expect([asked, writer.length]).toEqual([3, 64 * kib]);
    for (let stored = 1; stored <= 10; stored += 1) {
      chunk(stored * 16 * kib);
      await turn();
    }
    connection.take('stream_end').ok({ message: ended('complete') });
    expect([await piping, asked]).toEqual([ended('complete'), 10]);
    const other = setUp();
    void (await other.begun()).pipeFrom(['One', ' two']);
    await turn();
    expect([other.chunk(), other.chunk()]).toEqual(['0: One', '3:  two']);
  });

  test('that throws fails the stream, and the caller hears of it when that is stored', async () => {
    const { connection, begun } = setUp();
    const writer = await begun();
    const { iterator, asked, state } = source();
    const piping = writer.pipeFrom(iterator);
    const seen = watch(piping);
    const error = new Error('out of words');
    asked[0]!.fail(error);
    await turn();
    const request = connection.take('stream_end');
    expect(request.payload).toEqual({ stream_id: 'm1', offset: 0, status: 'failed', error: 'out of words' });
    expect(seen.state).toBe('waits');
    request.ok({ message: ended('failed') });
    expect(await outcome(piping)).toBe(error);
    expect(state.isLeft).toBe(false);
  });

  test('may be a string', async () => {
    const { connection, begun, chunk } = setUp();
    const piping = (await begun()).pipeFrom('Hi \u{1F600}');
    await turn();
    let text = '';
    while (text.length < 5) text += chunk().replace(/^\d+: /, '');
    expect(text).toBe('Hi \u{1F600}');
    connection.take('stream_end').ok({ message: ended('complete', text) });
    expect(await piping).toEqual(ended('complete', text));
  });

  test.each<[string, unknown]>([
    [
      'cannot even begin',
      {
        [Symbol.asyncIterator]: () => {
          throw new Error('no words');
        },
      },
    ],
    ['is none', null],
  ])('that %s fails the stream, too', async (_what, none) => {
    const { connection, begun } = setUp();
    const piping = (await begun()).pipeFrom(none as Iterable<string>);
    const failure = outcome(piping);
    await turn();
    const request = connection.take('stream_end');
    expect(request.payload).toMatchObject({ stream_id: 'm1', offset: 0, status: 'failed' });
    request.ok({ message: ended('failed') });
    expect(await failure).toBeInstanceOf(Error);
  });

  test('that gives too much is left, and the stream failed', async () => {
    const { connection, begun } = setUp();
    const writer = await begun();
    const { iterator, asked, state } = source();
    const piping = writer.pipeFrom(iterator);
    asked[0]!.give('x'.repeat(256 * kib + 1));
    await turn();
    connection.take('stream_end').ok({ message: ended('failed') });
    expect(await outcome(piping)).toMatchObject({ code: 'payload_too_large' });
    expect(state.isLeft).toBe(true);
  });

  test('is left where the stream is over, also while it makes up its mind', async () => {
    const { connection, streams, begun } = setUp();
    const writer = await begun();
    const { iterator, asked, state } = source();
    const piping = writer.pipeFrom(iterator);
    asked[0]!.give('One');
    await turn();
    connection.take('stream_chunk');
    streams.cancelled('m1', undefined);
    expect(await outcome(piping)).toBe(writer.signal.reason);
    expect([state.isLeft, asked.length]).toEqual([true, 2]);
    // What it says then, nobody waits for.
    asked[1]!.fail(new Error('aborted'));
    const other = source();
    expect(await outcome(writer.pipeFrom(other.iterator))).toBe(writer.signal.reason);
    expect(other.state.isLeft).toBe(true);
  });
});
