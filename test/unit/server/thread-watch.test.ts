import { describe, expect, test } from '@jest/globals';
import { utf8Bytes } from '@threadwire/protocol';
import type { ServerPayload, Thread } from '@threadwire/protocol';
import { Connection } from '../../../server/src/connection/connection.ts';
import { TokenBucket } from '../../../server/src/connection/token-bucket.ts';
import { StoreUnavailable } from '../../../server/src/store/thread-store.ts';
import { ThreadWatch } from '../../../server/src/threads/thread-watch.ts';
import { FakeLink } from '../../support/fake-link.ts';
import { actorOf, fakeLogger, identityOf } from '../../support/fake-services.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { range, threadOf } from './changes.ts';

function setUp() {
  const clock = new ManualClock();
  const { logger, lines } = fakeLogger();
  const threads = new Map<string, Thread>();
  const reads: (readonly string[])[] = [];
  const sent: string[][] = [];
  const onSend = { call: (): void => undefined };
  let lagMs = 0;
  const store = { isAway: false, onRead: (): void => undefined };
  const watch = new ThreadWatch({
    store: {
      threads: async (ids) => {
        reads.push(ids);
        store.onRead();
        if (store.isAway) throw new StoreUnavailable('away');
        return ids.flatMap((id) => threads.get(id) ?? []);
      },
    },
    send: (connections, payload) => {
      sent.push(connections.map(({ clientId }) => clientId));
      onSend.call();
      for (const connection of connections) connection.emit('threads_updated', payload);
    },
    logger,
    now: () => clock.now() + lagMs,
    schedule: clock.schedule,
  });
  return {
    watch,
    clock,
    reads,
    lines,
    /** To whom each event was sent. */
    sent,
    /** Calls back in the middle of each sending. */
    whileSending: (callback: () => void): void => {
      onSend.call = callback;
    },
    /** Lets time pass in the middle of a turn. */
    lag: (ms: number): void => {
      lagMs += ms;
    },
    store,
    /** Puts a thread into the store, as it is from now on; returns how it was. */
    put: (thread: Thread): Thread | undefined => {
      const before = threads.get(thread.id);
      threads.set(thread.id, thread);
      return before;
    },
    /** A user who watches. */
    watcher: (id: string, isAdmin = false) => {
      const link = new FakeLink(id);
      const connection = new Connection({
        clientId: id,
        link,
        identity: identityOf(actorOf(id, { admin: isAdmin })),
        bucket: new TokenBucket(0, 0, 0),
      });
      watch.add(connection);
      return {
        connection,
        link,
        /** What it was told so far: ids of threads shown, and of those removed. */
        told: () =>
          link.received.map(([event, content]) => {
            expect(event).toBe('threads_updated');
            const { threads: shown, removed } = content as ServerPayload<'threads_updated'>;
            return [shown.map((thread) => thread.id), removed];
          }),
      };
    },
  };
}

describe('a watcher', () => {
  test('is told of the first change at once, and of the next a second later', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { told } = watcher('ada');
    for (const id of ['a', 'b', 'c']) put(threadOf({ id }));
    watch.active('a');
    await clock.advance(0);
    expect(told()).toEqual([[['a'], []]]);
    watch.active('b');
    await clock.advance(400);
    watch.active('c');
    await clock.advance(599);
    expect(told()).toHaveLength(1);
    await clock.advance(1);
    expect(told().slice(1)).toEqual([[['b', 'c'], []]]);
  });

  test('is told at most once a second, however much changes', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { told } = watcher('ada');
    put(threadOf({ id: 'a' }));
    for (let i = 1; i <= 100; i++) {
      watch.active('a');
      await clock.advance(50);
    }
    // The very first change, and after each of five seconds.
    expect(told()).toHaveLength(6);
    await clock.advance(5000);
    expect(told()).toHaveLength(6);
  });

  test('is told at once again after a quiet second', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { told } = watcher('ada');
    put(threadOf({ id: 'a' }));
    watch.active('a');
    await clock.advance(1000);
    watch.active('a');
    await clock.advance(0);
    expect(told()).toHaveLength(2);
  });

  test('is told once of a thread that changed many times, as it is at last', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { link } = watcher('ada');
    for (const title of ['one', 'two', 'three']) {
      const thread = threadOf({ id: 'a', title });
      watch.changed(thread, put(thread));
      watch.active('a');
    }
    await clock.advance(0);
    const updated = threadOf({ id: 'a', title: 'three' });
    expect(link.received).toEqual([['threads_updated', { threads: [updated], removed: [] }]]);
  });

  test('is told only of threads that it may read', async () => {
    const { watch, clock, put, watcher } = setUp();
    const [ada, bo, admin] = [watcher('ada'), watcher('bo'), watcher('root', true)];
    put(threadOf({ id: 'open' }));
    put(threadOf({ id: 'of-bo', created_by: 'bo', members: ['cy'] }));
    put(threadOf({ id: 'with-ada', created_by: 'bo', members: ['ada'] }));
    put(threadOf({ id: 'of-others', created_by: 'cy', members: ['dan'] }));
    for (const id of ['open', 'of-bo', 'with-ada', 'of-others']) watch.active(id);
    await clock.advance(0);
    expect(ada.told()).toEqual([[['open', 'with-ada'], []]]);
    expect(bo.told()).toEqual([[['open', 'of-bo', 'with-ada'], []]]);
    expect(admin.told()).toEqual([[['open', 'of-bo', 'with-ada', 'of-others'], []]]);
  });

  test('hears nothing where nothing concerns it', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { told } = watcher('ada');
    const hidden = threadOf({ id: 'hidden', created_by: 'bo', members: ['bo'] });
    watch.changed(hidden, put(hidden));
    watch.active('deleted-meanwhile');
    await clock.advance(0);
    expect(told()).toEqual([]);
  });

  test('hears nothing after it stopped watching, or closed', async () => {
    const { watch, clock, put, watcher } = setUp();
    const [ada, bo, cy] = [watcher('ada'), watcher('bo'), watcher('cy')];
    put(threadOf({ id: 'a' }));
    watch.active('a');
    watch.remove(ada.connection);
    bo.connection.isClosed = true;
    await clock.advance(0);
    expect([ada.told(), bo.told(), cy.told()]).toEqual([[], [], [[['a'], []]]]);
    watch.remove(bo.connection);
    watch.add(bo.connection);
    bo.connection.isClosed = false;
    watch.active('a');
    await clock.advance(1000);
    expect(bo.told()).toEqual([]);
  });
});

describe('a thread whose members change', () => {
  test('is removed for those who lost it, and for nobody else', async () => {
    const { watch, clock, put, watcher } = setUp();
    const [ada, bo, stranger] = [watcher('ada'), watcher('bo'), watcher('cy')];
    put(threadOf({ id: 'a', created_by: 'ada', members: ['bo'] }));
    const without = threadOf({ id: 'a', created_by: 'ada', members: ['dan'] });
    watch.changed(without, put(without));
    await clock.advance(0);
    expect([ada.told(), bo.told(), stranger.told()]).toEqual([[[['a'], []]], [[[], ['a']]], []]);
  });

  test('twice within a second is removed for all who could read it meanwhile', async () => {
    const { watch, clock, put, watcher } = setUp();
    const [bo, cy, dan, stranger] = [watcher('bo'), watcher('cy'), watcher('dan'), watcher('eve')];
    put(threadOf({ id: 'a', members: ['bo', 'ada'] }));
    watch.active('a');
    for (const members of [['cy'], ['dan']]) {
      const next = threadOf({ id: 'a', members });
      watch.changed(next, put(next));
    }
    await clock.advance(0);
    // It was never told to cy, who may have listed it.
    expect([bo, cy, dan, stranger].map(({ told }) => told())).toEqual([
      [[[], ['a']]],
      [[[], ['a']]],
      [[['a'], []]],
      [],
    ]);
  });

  test('and that was open is removed for all whom it does not name', async () => {
    const { watch, clock, put, watcher } = setUp();
    const [ada, bo, cy, root] = [watcher('ada'), watcher('bo'), watcher('cy'), watcher('root', true)];
    put(threadOf({ id: 'a', created_by: 'ada' }));
    const closed = threadOf({ id: 'a', created_by: 'ada', members: ['bo'] });
    watch.changed(closed, put(closed));
    await clock.advance(0);
    expect([ada, bo, cy, root].map(({ told }) => told())).toEqual([
      [[['a'], []]],
      [[['a'], []]],
      [[[], ['a']]],
      [[['a'], []]],
    ]);
  });

  test('and back again is not removed', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { told } = watcher('bo');
    put(threadOf({ id: 'a', members: ['bo'] }));
    for (const members of [['cy'], ['bo']]) {
      const next = threadOf({ id: 'a', members });
      watch.changed(next, put(next));
    }
    await clock.advance(0);
    expect(told()).toEqual([[['a'], []]]);
  });
});

describe('while the store is away', () => {
  test('nothing is forgotten, and it is asked once a second', async () => {
    const { watch, clock, reads, lines, store, put, watcher } = setUp();
    const [ada, bo] = [watcher('ada'), watcher('bo')];
    store.isAway = true;
    put(threadOf({ id: 'a', members: ['bo'] }));
    const without = threadOf({ id: 'a', members: ['cy'] });
    watch.changed(without, put(without));
    await clock.advance(0);
    put(threadOf({ id: 'b' }));
    watch.active('b');
    watch.active('a');
    await clock.advance(2500);
    expect(reads).toHaveLength(3);
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn']);
    store.isAway = false;
    await clock.advance(500);
    expect(new Set(ada.told()[0]![0])).toEqual(new Set(['a', 'b']));
    expect(bo.told()).toEqual([[['b'], ['a']]]);
    await clock.advance(10_000);
    expect(reads).toHaveLength(4);
  });

  test('it is not asked for the sake of watchers who have gone', async () => {
    const { watch, clock, reads, store, watcher } = setUp();
    const { connection } = watcher('ada');
    store.isAway = true;
    watch.active('a');
    await clock.advance(0);
    watch.remove(connection);
    await clock.advance(10_000);
    expect(reads).toHaveLength(1);
  });
});

describe('many changed threads', () => {
  const bulky = (id: string, fields: Partial<Thread> = {}) =>
    threadOf({ id, metadata: { filler: 'x'.repeat(8000) }, ...fields });

  test('come in events of at most 64 KiB, a second apart', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { link, told } = watcher('ada');
    const ids = range(1, 50).map((i) => `thread-${i}`);
    for (const id of ids) {
      put(bulky(id));
      watch.active(id);
    }
    await clock.advance(0);
    expect(told()).toEqual([[ids.slice(0, 8), []]]);
    await clock.advance(999);
    expect(told()).toHaveLength(1);
    await clock.advance(10_000);
    expect(told().flatMap(([shown]) => shown)).toEqual(ids);
    for (const [, content] of link.received) {
      expect(utf8Bytes(JSON.stringify(content))).toBeLessThan(64 * 1024 + 100);
    }
  });

  test('and one that is larger than an event should be comes alone', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { told } = watcher('ada');
    const members = range(1, 1000).map((i) => `${i}`.padStart(64, 'x'));
    for (const id of ['a', 'b', 'c']) {
      put(threadOf({ id, members: id === 'b' ? members : [] }));
      watch.active(id);
    }
    await clock.advance(5000);
    expect(told()).toEqual([
      [['a', 'c'], []],
      [['b'], []],
    ]);
  });

  test('that had to wait come as they are at last', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { link } = watcher('ada');
    for (const i of range(1, 10)) {
      put(bulky(`${i}`));
      watch.active(`${i}`);
    }
    await clock.advance(0);
    put(bulky('10', { title: 'later' }));
    watch.active('10');
    await clock.advance(5000);
    const shown = link.received.flatMap(([, content]) => (content as ServerPayload<'threads_updated'>).threads);
    expect(shown.map(({ id, title }) => [id, title])).toEqual(
      range(1, 10).map((i) => [`${i}`, i === 10 ? 'later' : '']),
    );
  });

  test('of some do not hold up those of others, and what admins see holds up nobody', async () => {
    const { watch, clock, put, watcher } = setUp();
    const [ada, bo, root] = [watcher('ada'), watcher('bo'), watcher('root', true)];
    for (const i of range(1, 10)) {
      put(bulky(`${i}`, { created_by: 'ada', members: ['ada'] }));
      watch.active(`${i}`);
    }
    put(threadOf({ id: 'of-bo', created_by: 'bo', members: ['bo'] }));
    watch.active('of-bo');
    await clock.advance(0);
    expect(ada.told()).toEqual([[range(1, 8).map(String), []]]);
    expect(bo.told()).toEqual([[['of-bo'], []]]);
    expect(root.told()).toEqual([[[...range(1, 8).map(String), 'of-bo'], []]]);
  });

  test('are read 500 in a second at most, and a few at a time', async () => {
    const { watch, clock, reads, put, watcher } = setUp();
    const { told } = watcher('root', true);
    for (const i of range(1, 1200)) {
      put(threadOf({ id: `${i}` }));
      watch.active(`${i}`);
    }
    await clock.advance(2000);
    expect(new Set(reads.map((ids) => ids.length))).toEqual(new Set([20]));
    expect(told().map(([shown]) => shown!.length)).toEqual([500, 500, 200]);
    expect(told().flatMap(([shown]) => shown)).toEqual(range(1, 1200).map(String));
  });

  test('are read no more than 512 KiB at a time', async () => {
    const { watch, clock, reads, put, watcher } = setUp();
    watcher('ada');
    for (const i of range(1, 200)) {
      put(bulky(`${i}`));
      watch.active(`${i}`);
    }
    await clock.advance(0);
    expect(reads.flat()).toHaveLength(80);
    await clock.advance(1000);
    expect(reads.flat()).toHaveLength(160);
  });

  test('that had to wait still tell who lost them', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { told } = watcher('bo');
    for (const i of range(1, 150)) {
      put(threadOf({ id: `${i}`, members: ['bo'] }));
      const without = bulky(`${i}`, { members: ['cy'] });
      watch.changed(without, put(without));
    }
    await clock.advance(0);
    // It changes once more before its turn.
    watch.active('150');
    await clock.advance(1000);
    expect(told()).toHaveLength(2);
    expect(told().flatMap(([, removed]) => removed)).toEqual(range(1, 150).map(String));
  });
});

describe('many watchers', () => {
  test('who are told the same are told by one event', async () => {
    const { watch, clock, sent, put, watcher } = setUp();
    for (const id of ['ada', 'bo', 'cy', 'ada']) watcher(id);
    put(threadOf({ id: 'open' }));
    watch.active('open');
    await clock.advance(0);
    put(threadOf({ id: 'of-ada', created_by: 'ada', members: ['ada'] }));
    for (const id of ['open', 'of-ada']) watch.active(id);
    await clock.advance(1000);
    expect(sent).toEqual([
      ['ada', 'ada', 'bo', 'cy'],
      ['ada', 'ada'],
      ['bo', 'cy'],
    ]);
  });

  test('leave others their turn while they are told, and each has its second all the same', async () => {
    const { watch, clock, sent, whileSending, lag, put, watcher } = setUp();
    for (const i of range(1, 100)) watcher(`${i}`);
    put(threadOf({ id: 'a' }));
    whileSending(() => {
      lag(20);
      if (sent.length === 1) clock.schedule(() => sent.push(['somebody else']), 0);
    });
    watch.active('a');
    await clock.advance(0);
    expect(sent.map((ids) => (ids.length > 1 ? ids.length : ids[0]))).toEqual([32, 'somebody else', 32, 32, 4]);
    watch.active('a');
    // A second after the last of them was told.
    expect(clock.pending).toEqual([1000]);
  });

  test('who leave while others are told hear nothing more', async () => {
    const { watch, clock, sent, whileSending, lag, put, watcher } = setUp();
    const watchers = range(1, 40).map((i) => watcher(`${i}`));
    put(threadOf({ id: 'a' }));
    whileSending(() => {
      lag(20);
      watch.remove(watchers[39]!.connection);
    });
    watch.active('a');
    await clock.advance(0);
    expect(sent.flat()).toEqual(range(1, 39).map(String));
  });

  test('who come while threads are read hear of what changes meanwhile', async () => {
    const { watch, clock, store, put, watcher } = setUp();
    watcher('ada');
    for (const i of range(1, 60)) {
      put(threadOf({ id: `${i}` }));
      watch.active(`${i}`);
    }
    let told: (() => unknown[]) | undefined;
    store.onRead = () => {
      told ??= watcher('bo').told;
      // Its turn to be read has not come yet.
      watch.active('60');
    };
    await clock.advance(500);
    expect(told!()).toEqual([[expect.arrayContaining(['60']), []]]);
  });
});

test('without watchers nothing is read or scheduled', async () => {
  const { watch, clock, reads, put, watcher } = setUp();
  put(threadOf({ id: 'a' }));
  watch.active('a');
  watch.changed(threadOf({ id: 'a' }));
  expect(clock.pending).toEqual([]);
  // What changed before somebody watched is none of their business.
  const { told } = watcher('ada');
  await clock.advance(5000);
  expect([told(), reads]).toEqual([[], []]);
});
