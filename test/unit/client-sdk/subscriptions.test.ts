import { describe, expect, jest, test } from '@jest/globals';
import type { ClientData, ErrorCode, Message } from '@threadwire/protocol';
import { ThreadwireError, closedError } from '../../../client-sdk/src/errors.ts';
import { Requests } from '../../../client-sdk/src/requests.ts';
import { Subscriptions } from '../../../client-sdk/src/subscriptions.ts';
import { ThreadState } from '../../../client-sdk/src/thread-state.ts';
import { turn } from '../../support/manual-clock.ts';
import { SdkClock } from '../../support/sdk-clock.ts';
import { FakeConnection, errorObject, messageOf, outcome, pageOf } from '../../support/sdk-fake-connection.ts';

type Entry = ClientData<'subscribe_threads'>['threads'][number];

function setUp({ isConnected = true } = {}) {
  const connection = new FakeConnection();
  if (isConnected) connection.connect();
  const clock = new SdkClock();
  const backoff = { baseMs: 500, maxMs: 20_000 };
  const requests = new Requests(connection, clock, backoff);
  const log: string[] = [];
  const hook = { onChange: (): void => undefined };
  const subscriptions = new Subscriptions({
    connection,
    requests,
    clock,
    backoff,
    onNews: ({ event, payload }) => {
      if (event === 'stream_chunk') {
        log.push(`${payload.stream_id} from ${payload.offset}: ${payload.delta}`);
      } else {
        const kind = { thread_message: 'new', message_updated: 'changed', stream_start: 'start', stream_end: 'end' }[
          event
        ];
        log.push(`${kind} ${payload.thread_id}:${payload.seq}`);
      }
      hook.onChange();
    },
    onHistory: ({ thread, head_seq, recovered }) => {
      log.push(`${recovered ? 'recovered' : 'page'} ${thread.id} to ${head_seq}`);
    },
  });
  const stateOf = (id = 't') => new ThreadState(id, () => []);
  const hold = (...states: ThreadState[]) => {
    for (const state of states) subscriptions.hold(state);
  };
  const release = (state: ThreadState) => subscriptions.release(state);
  const live = (seq: number, threadId = 't') =>
    subscriptions.receive(threadId, { event: 'thread_message', payload: messageOf(seq, seq, { thread_id: threadId }) });
  /** Takes the request to join, which has to be for these. */
  const joining = (...threads: (string | [string, number])[]) => {
    const request = connection.take('subscribe_threads');
    const entries = threads.map((entry) => {
      return typeof entry === 'string' ? { thread_id: entry } : { thread_id: entry[0], after_seq: entry[1] };
    });
    expect(request.payload).toEqual({ threads: entries });
    return (...answers: Entry[]) => request.ok({ threads: answers });
  };
  const reconnect = () => {
    connection.connect();
    subscriptions.connected();
    requests.connected();
  };
  const lose = () => {
    connection.lose();
    subscriptions.lost();
    requests.lost();
  };
  const close = () => {
    connection.close();
    subscriptions.closed(closedError('closed'));
    requests.closed(closedError('closed'));
  };
  return { connection, clock, subscriptions, log, hook, stateOf, hold, release, live, joining, reconnect, lose, close };
}

function page(messages: readonly Message[], fields: Parameters<typeof pageOf>[1] = {}): Entry {
  return { ok: true, data: pageOf(messages, fields) };
}

function refusal(code: ErrorCode, retryAfterMs?: number): Entry {
  return {
    ok: false,
    error: errorObject({ code, ...(retryAfterMs !== undefined && { retry_after_ms: retryAfterMs }) }),
  };
}

function status(...states: ThreadState[]): string[] {
  return states.map(({ snapshot }) => snapshot.status);
}

function held(state: ThreadState): number[] {
  return state.snapshot.messages.map(({ seq }) => seq);
}

/** A thread that was joined with these messages, and whose answer is here. */
async function joined(given: ReturnType<typeof setUp>, messages: readonly Message[]): Promise<ThreadState> {
  const state = given.stateOf();
  given.hold(state);
  await turn();
  given.joining('t')(page(messages));
  given.log.length = 0;
  return state;
}

describe('threads that are asked for in one turn', () => {
  test('are joined by one request', async () => {
    const { connection, stateOf, hold, joining } = setUp();
    const states = ['a', 'b', 'c'].map(stateOf);
    hold(...states);
    expect(status(...states)).toEqual(['loading', 'loading', 'loading']);
    await turn();
    const answer = joining('a', 'b', 'c');
    expect(connection.untaken).toEqual([]);
    answer(page([messageOf(1)]), page([]), page([messageOf(3)]));
    expect(status(...states)).toEqual(['live', 'live', 'live']);
  });

  test('are joined by as many requests as the limit of a batch asks for', async () => {
    const { connection, stateOf, hold } = setUp();
    const states = Array.from({ length: 2500 }, (_, i) => stateOf(`t${i}`));
    hold(...states);
    await turn();
    const sizes = [1, 2, 3].map(() => {
      const request = connection.take('subscribe_threads');
      request.ok({ threads: request.payload.threads.map(() => page([])) });
      return request.payload.threads.length;
    });
    expect([sizes, connection.untaken]).toEqual([[1000, 1000, 500], []]);
    expect(new Set(status(...states))).toEqual(new Set(['live']));
  });

  test('wait for the connection', async () => {
    const { connection, stateOf, hold, joining, reconnect } = setUp({ isConnected: false });
    const state = stateOf();
    hold(state);
    await turn();
    expect(connection.sent).toEqual([]);
    reconnect();
    joining('t')(page([]));
    await turn();
    expect([status(state), connection.untaken]).toEqual([['live'], []]);
  });
});

describe('a thread', () => {
  test('is joined once for however many hold it, and left with the last of them', async () => {
    const { connection, stateOf, hold, release, joining } = setUp();
    const state = stateOf();
    hold(state, state);
    await turn();
    joining('t')(page([messageOf(1)]));
    hold(state);
    release(state);
    release(state);
    await turn();
    expect([status(state), connection.untaken]).toEqual([['live'], []]);
    release(state);
    await turn();
    expect(connection.take('unsubscribe_thread').payload).toEqual({ thread_id: 't' });
    expect(status(state)).toEqual(['idle']);
  });

  test('that is let go of and taken again in one turn stays as it is, and misses nothing', async () => {
    const given = setUp();
    const { connection, hold, release, live, log } = given;
    const state = await joined(given, [messageOf(1)]);
    const snapshot = state.snapshot;
    release(state);
    hold(state);
    live(2);
    expect(log).toEqual(['new t:2']);
    await turn();
    expect([status(state), connection.untaken]).toEqual([['live'], []]);
    expect(snapshot.status).toBe('live');
    release(state);
    await turn();
    connection.take('unsubscribe_thread');
  });

  test('that comes back shows what it had at once, and goes on from there', async () => {
    const given = setUp();
    const { hold, release, live, joining, log, connection } = given;
    const state = await joined(given, [messageOf(1), messageOf(2)]);
    release(state);
    await turn();
    connection.take('unsubscribe_thread');
    live(3);
    expect(log).toEqual([]);
    hold(state);
    expect([status(state), held(state)]).toEqual([['reconnecting'], [1, 2]]);
    await turn();
    joining(['t', 2])(page([messageOf(3), messageOf(4)], { recovered: true }));
    expect([status(state), log]).toEqual([['live'], ['recovered t to 4', 'new t:3', 'new t:4']]);
  });

  test('left long ago is forgotten: only so many are kept', async () => {
    const { connection, stateOf, hold, release, joining } = setUp();
    const states = Array.from({ length: 22 }, (_, i) => stateOf(`t${i}`));
    for (const state of states) {
      hold(state);
      await turn();
      joining(state.id)(page([messageOf(1, 1, { thread_id: state.id })]));
      release(state);
      await turn();
      connection.take('unsubscribe_thread');
    }
    expect(
      states
        .map(held)
        .map((seqs) => seqs.length)
        .join(''),
    ).toBe(`00${'1'.repeat(20)}`);
  });

  test('let go of before its answer is there is left, and the answer means nothing', async () => {
    const { connection, stateOf, hold, release, joining, log } = setUp();
    const state = stateOf();
    hold(state);
    const ready = outcome(state.whenLive());
    await turn();
    const answer = joining('t');
    release(state);
    expect(await ready).toMatchObject({ code: 'closed' });
    connection.take('unsubscribe_thread');
    answer(page([messageOf(1)]));
    expect([status(state), log]).toEqual([['idle'], []]);
  });

  test('let go of and taken again goes by the answer to the later request alone', async () => {
    const { connection, stateOf, hold, release, live, joining, log } = setUp();
    const state = stateOf();
    hold(state);
    await turn();
    const first = joining('t');
    release(state);
    await turn();
    connection.take('unsubscribe_thread');
    hold(state);
    await turn();
    const second = joining('t');
    first(page([messageOf(1)]));
    live(2);
    expect([status(state), log]).toEqual([['loading'], []]);
    second(page([messageOf(1), messageOf(2)]));
    live(3);
    expect([status(state), log]).toEqual([['live'], ['page t to 2', 'new t:3']]);
  });

  test('let go of before it was asked for costs nothing', async () => {
    const { connection, stateOf, hold, release, reconnect } = setUp({ isConnected: false });
    const state = stateOf();
    hold(state);
    release(state);
    await turn();
    reconnect();
    await turn();
    expect([status(state), connection.sent]).toEqual([['idle'], []]);
  });
});

describe('live events', () => {
  test('are told once each and in order, and put into the snapshot', async () => {
    const given = setUp();
    const state = await joined(given, [messageOf(1)]);
    for (const seq of [1, 2, 2, 3]) given.live(seq);
    given.live(1, 'other');
    expect([given.log, held(state)]).toEqual([
      ['new t:2', 'new t:3'],
      [1, 2, 3],
    ]);
  });

  test('that come before the answer, as they may where the thread was joined already, are not lost', async () => {
    const given = setUp();
    const { hold, release, live, joining, log, connection } = given;
    const state = await joined(given, [messageOf(1)]);
    release(state);
    await turn();
    connection.take('unsubscribe_thread');
    hold(state);
    await turn();
    const answer = joining(['t', 1]);
    live(2);
    live(3);
    answer(page([messageOf(2)], { recovered: true }));
    expect(log).toEqual(['recovered t to 2', 'new t:2', 'new t:3']);
  });
});

describe('after a break', () => {
  test('everything is joined again by one request, each thread from where it had got to', async () => {
    const { connection, stateOf, hold, joining, live, log, lose, reconnect } = setUp();
    const [a, b, c] = [stateOf('a'), stateOf('b'), stateOf('c')];
    hold(a, b);
    await turn();
    joining('a', 'b')(page([messageOf(1, 4)]), page([]));
    live(9, 'a');
    lose();
    expect(status(a, b)).toEqual(['reconnecting', 'reconnecting']);
    hold(c);
    await turn();
    reconnect();
    const answer = joining(['a', 9], ['b', 0], 'c');
    await turn();
    expect(connection.untaken).toEqual([]);
    log.length = 0;
    answer(page([], { recovered: true, head_seq: 9 }), page([messageOf(1)], { recovered: true }), page([]));
    expect(status(a, b, c)).toEqual(['live', 'live', 'live']);
    expect(log.filter((line) => line.startsWith('new'))).toEqual(['new t:1']);
  });

  test('an answer of the old connection means nothing', async () => {
    const { stateOf, hold, joining, log, lose, reconnect } = setUp();
    const state = stateOf();
    hold(state);
    await turn();
    const old = joining('t');
    lose();
    old(page([messageOf(1)]));
    reconnect();
    const answer = joining('t');
    old(page([messageOf(1)]));
    expect([status(state), log]).toEqual([['loading'], []]);
    answer(page([messageOf(1), messageOf(2)]));
    expect([status(state), log]).toEqual([['live'], ['page t to 2']]);
  });

  test('too long to recover from, the page is a reload', async () => {
    const given = setUp();
    const { lose, reconnect, joining, log } = given;
    const state = await joined(given, [messageOf(1)]);
    lose();
    reconnect();
    joining(['t', 1])(page([messageOf(700), messageOf(701)], { has_more: true }));
    expect(log).toEqual(['page t to 701', 'new t:700', 'new t:701']);
    expect([status(state), held(state), state.snapshot.hasOlder]).toEqual([['live'], [700, 701], true]);
  });
});

describe('a recovery in pages', () => {
  test('goes on to the end while live events wait, and then tells of them', async () => {
    const given = setUp();
    const { connection, lose, reconnect, joining, live, log } = given;
    const state = await joined(given, [messageOf(1)]);
    lose();
    reconnect();
    joining(['t', 1])(page([messageOf(2), messageOf(3)], { recovered: true, has_more: true, head_seq: 6 }));
    expect([status(state), held(state)]).toEqual([['reconnecting'], [1, 2, 3]]);
    live(7);
    live(8);
    const second = connection.take('fetch_history');
    expect(second.payload).toEqual({ thread_id: 't', after_seq: 3 });
    second.ok(pageOf([messageOf(4), messageOf(5)], { recovered: true, has_more: true, head_seq: 7 }));
    await turn();
    const third = connection.take('fetch_history');
    expect(third.payload).toEqual({ thread_id: 't', after_seq: 5 });
    live(9);
    third.ok(pageOf([messageOf(6), messageOf(7)], { recovered: true }));
    await turn();
    expect(log.filter((line) => line.startsWith('new'))).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map((seq) => `new t:${seq}`));
    expect([status(state), held(state)]).toEqual([['live'], [1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  test('that breaks off goes on from the last page', async () => {
    const given = setUp();
    const { connection, lose, reconnect, joining, live, log } = given;
    await joined(given, [messageOf(1)]);
    lose();
    reconnect();
    joining(['t', 1])(page([messageOf(2), messageOf(3)], { recovered: true, has_more: true, head_seq: 5 }));
    live(6);
    const old = connection.take('fetch_history');
    lose();
    reconnect();
    const answer = joining(['t', 3]);
    // The old request is sent again too; nobody waits for it.
    old.ok(pageOf([messageOf(4)], { recovered: true, has_more: true }));
    connection.take('fetch_history').ok(pageOf([messageOf(4)], { recovered: true, has_more: true }));
    await turn();
    answer(page([messageOf(4), messageOf(5), messageOf(6)], { recovered: true }));
    await turn();
    expect(log.filter((line) => line.startsWith('new'))).toEqual([2, 3, 4, 5, 6].map((seq) => `new t:${seq}`));
    expect(connection.untaken).toEqual([]);
  });

  test('that is refused for now goes on later, and loses nothing of what came meanwhile', async () => {
    const given = setUp();
    const { clock, connection, lose, reconnect, joining, live, log } = given;
    const state = await joined(given, [messageOf(1)]);
    lose();
    reconnect();
    joining(['t', 1])(page([messageOf(2)], { recovered: true, has_more: true, head_seq: 3 }));
    // Until the request gives up, and once more.
    for (let passed = 0; passed < 12_000; passed += 1000) {
      while (connection.untaken.length > 0)
        connection.take('fetch_history').refuse({ code: 'unavailable', retry_after_ms: 900 });
      if (passed === 5000) live(4);
      await clock.advance(1000);
    }
    expect(status(state)).toEqual(['reconnecting']);
    connection.take('fetch_history').ok(pageOf([messageOf(3)], { recovered: true }));
    await turn();
    expect(log.filter((line) => line.startsWith('new'))).toEqual(['new t:2', 'new t:3', 'new t:4']);
    expect([status(state), connection.untaken]).toEqual([['live'], []]);
  });

  test('that is refused for good fails the thread', async () => {
    const given = setUp();
    const { connection, lose, reconnect, joining } = given;
    const state = await joined(given, [messageOf(1)]);
    lose();
    reconnect();
    joining(['t', 1])(page([messageOf(2)], { recovered: true, has_more: true }));
    connection.take('fetch_history').refuse({ code: 'thread_not_found' });
    await turn();
    expect([status(state), state.error?.code, held(state)]).toEqual([['failed'], 'thread_not_found', []]);
  });

  test('may turn into a reload', async () => {
    const given = setUp();
    const { connection, lose, reconnect, joining, live, log } = given;
    const state = await joined(given, [messageOf(1)]);
    lose();
    reconnect();
    joining(['t', 1])(page([messageOf(2)], { recovered: true, has_more: true, head_seq: 600 }));
    live(601);
    connection.take('fetch_history').ok(pageOf([messageOf(600), messageOf(601)], { has_more: true }));
    await turn();
    live(602);
    expect(log.filter((line) => line.startsWith('new'))).toEqual([2, 600, 601, 602].map((seq) => `new t:${seq}`));
    expect([status(state), held(state)]).toEqual([['live'], [600, 601, 602]]);
  });
});

describe('a large batch', () => {
  test('leaves threads without a page; these are read one by one, a few at a time', async () => {
    const { connection, stateOf, hold, live, log } = setUp();
    const states = Array.from({ length: 20 }, (_, i) => stateOf(`t${i}`));
    hold(...states);
    await turn();
    const request = connection.take('subscribe_threads');
    const without = page([], { has_more: true, head_seq: 2 });
    request.ok({ threads: request.payload.threads.map(() => without) });
    expect(new Set(status(...states))).toEqual(new Set(['loading']));
    for (const { id } of states) live(3, id);
    expect(log).toEqual([]);
    for (let read = 0; read < 20;) {
      const waiting = connection.untaken.length;
      expect(waiting).toBeLessThanOrEqual(8);
      for (let i = 0; i < waiting; i += 1, read += 1) {
        const request = connection.take('fetch_history');
        expect(request.payload).toEqual({ thread_id: `t${read}` });
        const { thread_id } = request.payload;
        request.ok(pageOf([messageOf(1, 1, { thread_id }), messageOf(2, 2, { thread_id })]));
      }
      await turn();
    }
    expect(new Set(status(...states))).toEqual(new Set(['live']));
    expect(states.map(held)).toEqual(states.map(() => [1, 2, 3]));
    expect(log.filter((line) => line.startsWith('new'))).toHaveLength(20);
  });

  test('has threads go on from where they were, where there was no room for what they missed', async () => {
    const given = setUp();
    const { connection, lose, reconnect, joining } = given;
    const state = await joined(given, [messageOf(1)]);
    lose();
    reconnect();
    joining(['t', 1])(page([], { recovered: true, has_more: true, head_seq: 2 }));
    const request = connection.take('fetch_history');
    expect(request.payload).toEqual({ thread_id: 't', after_seq: 1 });
    request.ok(pageOf([messageOf(2)], { recovered: true }));
    await turn();
    expect([status(state), held(state)]).toEqual([['live'], [1, 2]]);
  });

  test('reads what recovery has to read, even where some of the threads are let go of', async () => {
    const { connection, stateOf, hold, release } = setUp();
    const states = Array.from({ length: 12 }, (_, i) => stateOf(`t${i}`));
    hold(...states);
    await turn();
    const request = connection.take('subscribe_threads');
    request.ok({ threads: request.payload.threads.map(() => page([], { has_more: true, head_seq: 1 })) });
    for (const state of states.slice(0, 11)) release(state);
    await turn();
    while (connection.untaken.length > 0) {
      if (connection.untaken[0]!.event === 'unsubscribe_thread') connection.take('unsubscribe_thread');
      else connection.take('fetch_history').ok(pageOf([messageOf(1)]));
      await turn();
    }
    expect(status(states[0]!, states[11]!)).toEqual(['idle', 'live']);
  });
});

describe('a thread that is refused', () => {
  test('for good has failed, and harms no other; asked for again it can be joined', async () => {
    const { connection, stateOf, hold, subscriptions, joining } = setUp();
    const [a, b] = [stateOf('a'), stateOf('b')];
    hold(a, b);
    const ready = a.whenLive();
    await turn();
    joining('a', 'b')(refusal('thread_not_found'), page([]));
    await expect(ready).rejects.toMatchObject({ code: 'thread_not_found', retry: 'never' });
    expect(status(a, b)).toEqual(['failed', 'live']);
    expect(a.snapshot.error?.code).toBe('thread_not_found');
    // Also whoever asks now is told.
    hold(a);
    await expect(a.whenLive()).rejects.toMatchObject({ code: 'thread_not_found' });
    subscriptions.retry(b);
    subscriptions.retry(a);
    expect([status(a, b), a.snapshot.error]).toEqual([['loading', 'live'], undefined]);
    const again = a.whenLive();
    await turn();
    joining('a')(page([]));
    await again;
    expect([status(a), connection.untaken]).toEqual([['live'], []]);
  });

  test('for now is asked for again, when its own time has come', async () => {
    const { clock, connection, stateOf, hold, joining } = setUp();
    const [a, b] = [stateOf('a'), stateOf('b')];
    hold(a);
    const ready = a.whenLive();
    await turn();
    joining('a')(refusal('unavailable', 3000));
    await clock.advance(1000);
    hold(b);
    await turn();
    joining('b')(page([]));
    expect(status(a, b)).toEqual(['loading', 'live']);
    await clock.advance(1999);
    expect(connection.untaken).toEqual([]);
    await clock.advance(1);
    joining('a')(page([]));
    await ready;
  });

  test('for now, again and again, has pauses that grow until it is live', async () => {
    const given = setUp();
    const { clock, stateOf, hold, joining, connection, lose, reconnect } = given;
    clock.chance = () => 0.9;
    const state = stateOf();
    hold(state);
    await turn();
    for (const pauseMs of [450, 900, 1800]) {
      connection.take('subscribe_threads').refuse({ code: 'unavailable' });
      expect(clock.pending).toEqual([pauseMs]);
      await clock.advance(pauseMs);
    }
    joining('t')(page([]));
    lose();
    reconnect();
    joining(['t', 0])(refusal('unavailable'));
    expect(clock.pending).toEqual([450]);
  });

  test('for now is asked for once after a break, not also when its time has come', async () => {
    const { clock, connection, stateOf, hold, joining, lose, reconnect } = setUp();
    const state = stateOf();
    hold(state);
    await turn();
    joining('t')(refusal('unavailable', 3000));
    lose();
    reconnect();
    joining('t')(page([]));
    await clock.advance(10_000);
    expect([connection.untaken, status(state)]).toEqual([[], ['live']]);
  });

  test('because the user may not read it any more keeps nothing of it, by whichever way that is learned', async () => {
    const removed = setUp();
    const first = await joined(removed, [messageOf(1)]);
    const error = new ThreadwireError(errorObject({ code: 'forbidden' }));
    removed.subscriptions.lostAccess('other', error);
    removed.subscriptions.lostAccess('t', error);
    removed.live(2);
    expect([status(first), first.error, held(first)]).toEqual([['failed'], error, []]);

    const away = setUp();
    const second = await joined(away, [messageOf(1)]);
    away.lose();
    away.reconnect();
    away.joining(['t', 1])(refusal('thread_not_found'));
    expect([status(second), second.error?.code, held(second)]).toEqual([['failed'], 'thread_not_found', []]);
    // It is asked for again with the next connection.
    away.lose();
    away.reconnect();
    away.joining('t')(page([messageOf(1)]));
    expect([status(second), held(second)]).toEqual([['live'], [1]]);
  });

  test('while its pages are read is not filled by the one that was under way', async () => {
    const given = setUp();
    const state = await joined(given, [messageOf(1)]);
    given.lose();
    given.reconnect();
    given.joining(['t', 1])(page([messageOf(2)], { recovered: true, has_more: true, head_seq: 4 }));
    const request = given.connection.take('fetch_history');
    given.subscriptions.lostAccess('t', new ThreadwireError(errorObject({ code: 'forbidden' })));
    request.ok(pageOf([messageOf(3), messageOf(4)], { recovered: true }));
    await turn();
    expect([status(state), held(state), given.log.at(-1)]).toEqual([['failed'], [], 'new t:2']);
  });

  test('for another reason keeps what was seen', async () => {
    const given = setUp();
    const state = await joined(given, [messageOf(1)]);
    given.lose();
    given.reconnect();
    given.joining(['t', 1])(refusal('too_many_subscriptions'));
    expect([status(state), held(state)]).toEqual([['failed'], [1]]);
  });
});

describe('a listener or handler', () => {
  test('that throws stops nothing', async () => {
    const { stateOf, hold, joining } = setUp();
    const [a, b] = [stateOf('a'), stateOf('b')];
    hold(a, b);
    await turn();
    const outside: (() => void)[] = [];
    const spy = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => void outside.push(callback));
    a.onChange(() => {
      throw new Error('oops');
    });
    joining('a', 'b')(page([]), page([]));
    spy.mockRestore();
    expect(status(a, b)).toEqual(['live', 'live']);
    expect(outside.length).toBeGreaterThan(0);
    expect(outside[0]).toThrow('oops');
  });

  test.each([
    ['a page', [messageOf(2)], { recovered: true }],
    ['what waited behind the pages', [], { recovered: true, head_seq: 1 }],
  ] as const)('that closes the client in the middle of %s leaves it closed', async (_what, messages, fields) => {
    const given = setUp();
    const { hook, lose, reconnect, joining, live, close } = given;
    const state = await joined(given, [messageOf(1)]);
    lose();
    reconnect();
    const answer = joining(['t', 1]);
    live(3);
    live(4);
    hook.onChange = close;
    answer(page(messages, fields));
    expect([status(state), state.error?.code]).toEqual([['failed'], 'closed']);
    expect(given.log.filter((line) => line.startsWith('new'))).toHaveLength(1);
  });
});

describe('a client that is closed', () => {
  test('fails every thread, and every later one at once', async () => {
    const { connection, clock, stateOf, hold, subscriptions, joining, close } = setUp();
    const [a, b, c] = [stateOf('a'), stateOf('b'), stateOf('c')];
    hold(a, b);
    const ready = [a.whenLive(), b.whenLive()];
    await turn();
    joining('a', 'b')(page([]), refusal('unavailable', 100));
    close();
    await ready[0];
    await expect(ready[1]).rejects.toMatchObject({ code: 'closed' });
    hold(c);
    await expect(c.whenLive()).rejects.toMatchObject({ code: 'closed' });
    subscriptions.retry(c);
    await clock.advance(1000);
    expect(status(a, b, c)).toEqual(['failed', 'failed', 'failed']);
    expect(connection.untaken).toEqual([]);
  });

  test('and opened again joins them all', async () => {
    const { stateOf, hold, joining, close, reconnect } = setUp();
    const [a, b] = [stateOf('a'), stateOf('b')];
    hold(a);
    await turn();
    joining('a')(page([messageOf(1)]));
    close();
    hold(b);
    reconnect();
    joining(['a', 1], 'b')(page([], { recovered: true, head_seq: 1 }), page([]));
    expect(status(a, b)).toEqual(['live', 'live']);
  });
});

describe('text that was left out', () => {
  /** A live thread in which a reply is being written: `ab` so far. */
  async function replying() {
    const given = setUp();
    const state = given.stateOf();
    given.hold(state);
    await turn();
    given.joining('t')(page([], { streaming: [reply('ab')], head_seq: 1 }));
    await turn();
    given.log.length = 0;
    const { subscriptions, connection } = given;
    const chunk = (offset: number, delta: string) =>
      subscriptions.receive('t', {
        event: 'stream_chunk',
        payload: { thread_id: 't', stream_id: 'm1', offset, delta },
      });
    const end = (seq: number, length: number) => {
      const payload = { thread_id: 't', stream_id: 'm1', seq, status: 'complete', length, updated_at: '' } as const;
      subscriptions.receive('t', { event: 'stream_end', payload });
    };
    const reading = (afterSeq = 1) => {
      const request = connection.take('fetch_history');
      expect(request.payload).toEqual({ thread_id: 't', after_seq: afterSeq });
      return request;
    };
    return { ...given, state, chunk, end, reading };
  }

  function reply(content: string, fields: Partial<Message> = {}): Message {
    return messageOf(1, 1, { status: 'streaming', content, ...fields });
  }

  function text(state: ThreadState): string {
    return state.snapshot.messages[0]!.content;
  }

  test('is read, once, while what comes waits; then all is told, in order', async () => {
    const { connection, log, state, live, chunk, reading } = await replying();
    chunk(4, 'e');
    chunk(5, 'f');
    live(2);
    chunk(9, 'j');
    expect([status(state), log, text(state)]).toEqual([['live'], [], 'ab']);
    await state.whenLive();
    reading().ok(pageOf([], { streaming: [reply('abcdef')], recovered: true, head_seq: 1 }));
    await turn();
    expect(log).toEqual(['m1 from 2: cdef', 'new t:2']);
    // What came meanwhile was left out again.
    reading(2).ok(pageOf([], { streaming: [reply('abcdefghij')], recovered: true, head_seq: 2 }));
    await turn();
    expect(log.slice(2)).toEqual(['m1 from 6: ghij']);
    chunk(10, 'k');
    expect([text(state), log.slice(3), connection.untaken]).toEqual(['abcdefghijk', ['m1 from 10: k'], []]);
  });

  test('before the end is read first: a reply never shows as ended without its text', async () => {
    const { log, state, end, reading } = await replying();
    end(2, 4);
    expect(state.snapshot.messages[0]).toMatchObject({ status: 'streaming', content: 'ab' });
    const over = messageOf(1, 2, { content: 'abcd' });
    reading().ok(pageOf([over], { recovered: true }));
    await turn();
    // The event that came, and not what the page makes of it.
    expect(log).toEqual(['m1 from 2: cd', 'end t:2']);
    expect(state.snapshot.messages).toEqual([over]);
  });

  test('that is not there either is not asked for again', async () => {
    const { connection, log, state, chunk, end, reading } = await replying();
    chunk(4, 'e');
    reading().ok(pageOf([], { streaming: [reply('abc')], recovered: true, head_seq: 1 }));
    await turn();
    expect([log, text(state)]).toEqual([['m1 from 2: c'], 'abc']);
    end(2, 5);
    reading().ok(pageOf([], { streaming: [reply('abc')], recovered: true, head_seq: 1 }));
    await turn();
    expect(log).toEqual(['m1 from 2: c', 'end t:2']);
    expect([state.snapshot.messages[0], connection.untaken]).toMatchObject([
      { status: 'complete', content: 'abc' },
      [],
    ]);
  });

  test('is read later, where the server has no time now', async () => {
    const { clock, log, live, chunk, reading } = await replying();
    chunk(4, 'e');
    live(2);
    reading().refuse({ code: 'unavailable', retry_after_ms: 700 });
    await clock.advance(700);
    reading().ok(pageOf([], { streaming: [reply('abcde')], recovered: true, head_seq: 1 }));
    await turn();
    expect(log).toEqual(['m1 from 2: cde', 'new t:2']);
  });

  test('comes with the recovery, where the connection breaks', async () => {
    const { connection, log, chunk, end, joining, lose, reconnect } = await replying();
    chunk(4, 'e');
    connection.take('fetch_history');
    end(2, 5);
    lose();
    reconnect();
    joining(['t', 1])(page([messageOf(1, 2, { content: 'abcde' })], { recovered: true }));
    // The same request, sent again: nobody waits for it any more.
    connection.take('fetch_history').ok(pageOf([], { recovered: true, head_seq: 2 }));
    await turn();
    expect(log).toEqual(['recovered t to 2', 'm1 from 2: cde', 'changed t:2']);
  });

  test('may come with a reload, of which is told', async () => {
    const { log, chunk, reading } = await replying();
    chunk(4, 'e');
    reading().ok(pageOf([], { streaming: [reply('abcde')], head_seq: 1 }));
    await turn();
    expect(log).toEqual(['page t to 1', 'm1 from 2: cde']);
  });

  test('and the answer to it, mean nothing where the thread was left', async () => {
    const { log, state, chunk, release, reading } = await replying();
    chunk(4, 'e');
    release(state);
    await turn();
    reading().ok(pageOf([], { streaming: [reply('abcde')], recovered: true, head_seq: 1 }));
    await turn();
    expect([status(state), log, text(state)]).toEqual([['idle'], [], 'ab']);
  });

  test('from a thread that may no longer be read fails it', async () => {
    const { state, chunk, reading } = await replying();
    chunk(4, 'e');
    reading().refuse({ code: 'thread_not_found' });
    await turn();
    expect([status(state), state.snapshot.messages]).toEqual([['failed'], []]);
  });
});

describe('text as it comes', () => {
  test('waits for a recovery, in its place between the changes', async () => {
    const given = setUp();
    const { subscriptions, connection, log, live, joining, lose, reconnect } = given;
    const state = await joined(given, [messageOf(1)]);
    lose();
    reconnect();
    joining(['t', 1])(page([messageOf(2)], { recovered: true, has_more: true, head_seq: 4 }));
    const chunk = (offset: number, delta: string) =>
      subscriptions.receive('t', {
        event: 'stream_chunk',
        payload: { thread_id: 't', stream_id: 'm3', offset, delta },
      });
    chunk(1, 'b');
    live(4);
    chunk(2, 'c');
    const streaming = [messageOf(3, 3, { status: 'streaming', content: 'ab' })];
    connection.take('fetch_history').ok(pageOf([], { streaming, recovered: true, head_seq: 3 }));
    await turn();
    expect(log).toEqual(['recovered t to 4', 'new t:2', 'recovered t to 3', 'new t:3', 'new t:4', 'm3 from 2: c']);
    expect(state.snapshot.messages.map(({ content }) => content)).toEqual(['1 at 1', '2 at 2', 'abc', '4 at 4']);
  });

  test('is in the snapshot at once, and announced once for all that comes at one moment', async () => {
    const given = setUp();
    const state = await joined(given, [messageOf(1, 1, { status: 'streaming', content: '' })]);
    let changes = 0;
    state.onChange(() => (changes += 1));
    const { subscriptions } = given;
    for (let offset = 0; offset < 10; offset += 1) {
      const payload = { thread_id: 't', stream_id: 'm1', offset, delta: 'x' };
      subscriptions.receive('t', { event: 'stream_chunk', payload });
    }
    expect([state.snapshot.messages[0]!.content, changes]).toEqual(['xxxxxxxxxx', 0]);
    await turn();
    expect(changes).toBe(1);
    // A change announces the text before it as well.
    const payload = { thread_id: 't', stream_id: 'm1', offset: 10, delta: 'x' };
    subscriptions.receive('t', { event: 'stream_chunk', payload });
    given.live(2);
    await turn();
    expect(changes).toBe(2);
  });
});
