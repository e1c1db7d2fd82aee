import { describe, expect, test } from '@jest/globals';
import { limits, utf8Bytes } from '@threadwire/protocol';
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
  const store = { isAway: false };
  const watch = new ThreadWatch({
    store: {
      threads: async (ids) => {
        reads.push(ids);
        if (store.isAway) throw new StoreUnavailable('away');
        return ids.flatMap((id) => threads.get(id) ?? []);
      },
    },
    logger,
    now: clock.now,
    schedule: clock.schedule,
  });
  return {
    watch,
    clock,
    reads,
    lines,
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

  test('twice within a second counts from what it was at first', async () => {
    const { watch, clock, put, watcher } = setUp();
    const [bo, cy] = [watcher('bo'), watcher('cy')];
    put(threadOf({ id: 'a', members: ['bo', 'ada'] }));
    watch.active('a');
    for (const members of [['cy'], ['dan']]) {
      const next = threadOf({ id: 'a', members });
      watch.changed(next, put(next));
    }
    await clock.advance(0);
    // It was never told to cy.
    expect([bo.told(), cy.told()]).toEqual([[[[], ['a']]], []]);
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
  test('come in events of at most 512 KiB, a second apart', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { link, told } = watcher('ada');
    const ids = range(1, 200).map((i) => `thread-${i}`);
    for (const id of ids) {
      put(threadOf({ id, metadata: { filler: 'x'.repeat(8000) } }));
      watch.active(id);
    }
    await clock.advance(0);
    const first = told()[0]![0]!.length;
    expect(first).toBeGreaterThan(50);
    expect(first).toBeLessThan(limits.maxHistoryBytes / 8000);
    await clock.advance(999);
    expect(told()).toHaveLength(1);
    await clock.advance(5000);
    expect(told().flatMap(([shown]) => shown)).toEqual(ids);
    for (const [, content] of link.received) {
      expect(utf8Bytes(JSON.stringify(content))).toBeLessThan(limits.maxHistoryBytes + 1000);
    }
  });

  test('are read 500 at a time', async () => {
    const { watch, clock, reads, put, watcher } = setUp();
    const { told } = watcher('ada');
    for (const i of range(1, 1200)) {
      put(threadOf({ id: `${i}` }));
      watch.active(`${i}`);
    }
    await clock.advance(2000);
    expect(reads.map((ids) => ids.length)).toEqual([500, 500, 200]);
    expect(told().flatMap(([shown]) => shown)).toEqual(range(1, 1200).map(String));
  });

  test('that had to wait still tell who lost them', async () => {
    const { watch, clock, put, watcher } = setUp();
    const { told } = watcher('bo');
    for (const i of range(1, 100)) {
      put(threadOf({ id: `${i}`, members: ['bo'] }));
      const without = threadOf({ id: `${i}`, members: ['cy'], metadata: { filler: 'x'.repeat(8000) } });
      watch.changed(without, put(without));
    }
    await clock.advance(0);
    // It changes once more before its turn.
    watch.active('100');
    await clock.advance(1000);
    expect(told()).toHaveLength(2);
    expect(told().flatMap(([, removed]) => removed)).toEqual(range(1, 100).map(String));
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
