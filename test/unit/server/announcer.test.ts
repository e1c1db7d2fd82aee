import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Announcer } from '../../../server/src/threads/announcer.ts';
import type { AnnouncerPorts } from '../../../server/src/threads/announcer.ts';
import type { Change } from '../../../server/src/threads/durable-event.ts';
import { StoreUnavailable } from '../../../server/src/store/thread-store.ts';
import { fakeLogger } from '../../support/fake-services.ts';
import { ManualClock, turn } from '../../support/manual-clock.ts';
import { ThreadModel, appended, closeTap, range } from './changes.ts';

type Read = Awaited<ReturnType<AnnouncerPorts['changesAfter']>>;

/** An announcer around one thread, `t`. What the store is asked for is noted, and answered at once unless told else. */
function setUp() {
  const thread = new ThreadModel();
  const clock = new ManualClock();
  const { logger, lines } = fakeLogger();
  const published: Change[] = [];
  const reads: number[] = [];
  const store = {
    isAway: false,
    answer: async (read: Read): Promise<Read> => read,
  };
  const announcer = new Announcer({
    publish: (change) => published.push(change as Change),
    changesAfter: async (_threadId, seq, limit) => {
      reads.push(seq);
      if (store.isAway) throw new StoreUnavailable('away');
      return store.answer(thread.changesAfter(seq, limit));
    },
    logger,
    schedule: clock.schedule,
  });
  return {
    announcer,
    thread,
    clock,
    lines,
    published,
    reads,
    store,
    seqs: () => published.map(({ seq }) => seq),
    /** Somebody joins, having read the thread up to here. */
    join: (headSeq = thread.head): Change[] => {
      const tap = announcer.tap('t');
      expect(announcer.covers(tap, headSeq)).toBe(true);
      return closeTap(announcer, tap, headSeq);
    },
    /** The next answer of the store is as old as its question, and comes when `release` is called. */
    holdRead: (): (() => void) => {
      let release!: () => void;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      store.answer = async (read) => {
        store.answer = async (later) => later;
        await released;
        return read;
      };
      return release;
    },
  };
}

describe('the order of a thread', () => {
  test('is that of the seqs, each once, whatever order they arrive in', async () => {
    const arrivals = fc
      .integer({ min: 1, max: 30 })
      .chain((count) => fc.tuple(fc.constant(count), fc.array(fc.integer({ min: 1, max: count }), { maxLength: 90 })));
    await fc.assert(
      fc.asyncProperty(arrivals, async ([count, order]) => {
        const { announcer, thread, clock, seqs, join } = setUp();
        join();
        const changes = range(1, count).map(() => thread.append());
        // Some come twice, some never.
        for (const seq of order) announcer.announce(changes[seq - 1]!);
        announcer.observe('t', count);
        await clock.advance(50);
        expect(seqs()).toEqual(range(1, count));
      }),
    );
  });

  test('needs no store where everything arrives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(range(1, 20), { minLength: 20 }), async (order) => {
        const { announcer, clock, seqs, reads, join } = setUp();
        join();
        for (const seq of order) announcer.announce(appended(seq));
        expect(seqs()).toEqual(range(1, 20));
        await clock.advance(10_000);
        expect(reads).toEqual([]);
      }),
    );
  });

  test('of one thread does not depend on another', () => {
    const { announcer, seqs, join } = setUp();
    join();
    const tap = announcer.tap('other');
    announcer.covers(tap, 7);
    announcer.announce({ ...appended(8), threadId: 'other' });
    announcer.announce(appended(1));
    expect(seqs()).toEqual([8, 1]);
    expect(announcer.heads()).toEqual(
      new Map([
        ['t', 1],
        ['other', 8],
      ]),
    );
  });
});

test('what nobody listens to is not announced', () => {
  const { announcer, seqs } = setUp();
  announcer.announce(appended(1));
  announcer.observe('t', 9);
  announcer.suspect('t');
  announcer.accessChanged('t');
  announcer.forget('t');
  expect(seqs()).toEqual([]);
  expect(announcer.heads()).toEqual(new Map());
});

describe('a gap', () => {
  test('is waited out for 50 ms, then filled from the store', async () => {
    const { announcer, thread, clock, seqs, reads, join } = setUp();
    join();
    thread.append();
    announcer.announce(thread.append());
    await clock.advance(49);
    expect([seqs(), reads]).toEqual([[], []]);
    await clock.advance(1);
    expect([seqs(), reads]).toEqual([[1, 2], [0]]);
  });

  test('that grows while it is waited for still ends after 50 ms', async () => {
    const { announcer, thread, clock, seqs, join } = setUp();
    join();
    thread.append();
    for (let i = 1; i <= 5; i++) {
      announcer.announce(thread.append());
      await clock.advance(10);
    }
    expect(seqs()).toEqual(range(1, 6));
  });

  test('that closes by itself costs no read', async () => {
    const { announcer, thread, clock, seqs, reads, join } = setUp();
    join();
    const [first, second] = [thread.append(), thread.append()];
    announcer.announce(second);
    await clock.advance(30);
    announcer.announce(first);
    expect(seqs()).toEqual([1, 2]);
    await clock.advance(10_000);
    expect(reads).toEqual([]);
  });

  test('of many pages is filled page by page', async () => {
    const { announcer, thread, clock, seqs, reads, join } = setUp();
    join();
    for (let i = 1; i <= 450; i++) thread.append();
    announcer.observe('t', 450);
    await clock.advance(50);
    expect(seqs()).toEqual(range(1, 450));
    expect(reads).toEqual([0, 200, 400]);
  });

  test('with more behind it than is kept is filled from the store', async () => {
    const { announcer, thread, clock, seqs, join } = setUp();
    join();
    const [, ...others] = range(1, 2500).map(() => thread.append());
    for (const change of others) announcer.announce(change);
    await clock.advance(50);
    expect(seqs()).toEqual(range(1, 2500));
  });

  test('with more behind it than is kept is filled though that came while the store was read', async () => {
    const { announcer, thread, clock, seqs, join, holdRead } = setUp();
    join();
    thread.append();
    announcer.announce(thread.append());
    const release = holdRead();
    await clock.advance(50);
    for (let i = 3; i <= 1500; i++) announcer.announce(thread.append());
    release();
    await clock.advance(200);
    expect(seqs()).toEqual(range(1, 1500));
  });

  test('is closed by what arrives while the store is read, each seq once', async () => {
    const { announcer, thread, clock, seqs, join, holdRead } = setUp();
    join();
    const changes = range(1, 4).map(() => thread.append());
    announcer.announce(changes[2]!);
    const release = holdRead();
    await clock.advance(50);
    announcer.announce(changes[0]!);
    announcer.announce(changes[3]!);
    announcer.announce(thread.append());
    release();
    await clock.advance(0);
    expect(seqs()).toEqual(range(1, 5));
  });

  test('that stays after the store was read is filled by reading again', async () => {
    const { announcer, thread, clock, seqs, reads, join, holdRead } = setUp();
    join();
    thread.append();
    announcer.announce(thread.append());
    const release = holdRead();
    await clock.advance(50);
    // Both are too late for that read.
    thread.append();
    announcer.announce(thread.append());
    release();
    await clock.advance(0);
    expect(seqs()).toEqual([1, 2]);
    await clock.advance(50);
    expect(seqs()).toEqual([1, 2, 3, 4]);
    expect(reads).toEqual([0, 2]);
  });
});

describe('what comes from the store', () => {
  test('is new where its position was not announced yet, else updated', async () => {
    const { announcer, thread, clock, published, join } = setUp();
    thread.append();
    join();
    thread.edit(0);
    thread.append();
    announcer.observe('t', 3);
    await clock.advance(50);
    expect(published.map(({ event, seq }) => [event, seq])).toEqual([
      ['message_updated', 2],
      ['thread_message', 3],
    ]);
  });

  test('skips seqs that later ones superseded, and goes on behind them', async () => {
    const { announcer, thread, clock, published, reads, join } = setUp();
    join();
    thread.append();
    thread.append();
    thread.edit(0);
    announcer.observe('t', 3);
    await clock.advance(50);
    announcer.announce(thread.append());
    expect(published.map(({ event, seq }) => [event, seq])).toEqual([
      ['thread_message', 2],
      ['thread_message', 3],
      ['thread_message', 4],
    ]);
    await clock.advance(1000);
    expect(reads).toEqual([0]);
  });

  test('covers everything up to the head that comes with it', async () => {
    const { announcer, clock, seqs, store, join } = setUp();
    join();
    store.answer = async () => ({ messages: [], headSeq: 2 });
    announcer.observe('t', 2);
    await clock.advance(50);
    announcer.announce(appended(3));
    expect(seqs()).toEqual([3]);
  });

  test('supersedes what was waiting with a lower seq', async () => {
    const { announcer, thread, clock, seqs, join } = setUp();
    join();
    thread.append();
    const waiting = thread.append();
    thread.edit(1);
    announcer.announce(waiting);
    await clock.advance(50);
    announcer.announce(waiting);
    expect(seqs()).toEqual([1, 3]);
  });
});

describe('while the store is away', () => {
  test('it is asked again after pauses that grow up to two seconds', async () => {
    const { announcer, clock, reads, lines, store, join } = setUp();
    join();
    store.isAway = true;
    announcer.observe('t', 1);
    const pauses: number[] = [];
    for (let i = 1; i <= 8; i++) {
      const [pause] = clock.pending;
      pauses.push(pause!);
      await clock.advance(pause!);
    }
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000]);
    expect(reads).toHaveLength(8);
    expect(lines.map(({ level, fields }) => `${level} ${String(fields['thread_id'])}`)).toEqual(
      Array(8).fill('warn t'),
    );
  });

  test('nothing is dropped, and nothing is announced out of turn', async () => {
    const { announcer, thread, clock, seqs, store, join } = setUp();
    join();
    store.isAway = true;
    thread.append();
    for (let i = 2; i <= 40; i++) {
      announcer.announce(thread.append());
      await clock.advance(1000);
    }
    expect(seqs()).toEqual([]);
    store.isAway = false;
    await clock.advance(2000);
    expect(seqs()).toEqual(range(1, 40));
  });

  test('a gap can still close by itself', async () => {
    const { announcer, thread, clock, seqs, store, join } = setUp();
    join();
    store.isAway = true;
    const [first, second] = [thread.append(), thread.append()];
    announcer.announce(second);
    await clock.advance(500);
    announcer.announce(first);
    expect(seqs()).toEqual([1, 2]);
  });
});

describe('a thread observed at a head', () => {
  test('that was announced already is not read', async () => {
    const { announcer, thread, clock, reads, join } = setUp();
    thread.append();
    join();
    announcer.observe('t', 1);
    await clock.advance(1000);
    expect(reads).toEqual([]);
  });

  test('that the store does not have is read once', async () => {
    const { announcer, clock, reads, seqs, join } = setUp();
    join();
    announcer.observe('t', 5);
    await clock.advance(10_000);
    expect([reads, seqs()]).toEqual([[0], []]);
  });
});

describe('a write whose outcome is unknown', () => {
  test('is looked for in the store, and announced if it took effect', async () => {
    const { announcer, thread, clock, seqs, join } = setUp();
    join();
    thread.append();
    announcer.suspect('t');
    await clock.advance(50);
    expect(seqs()).toEqual([1]);
  });

  test('is looked for until the store answers', async () => {
    const { announcer, thread, clock, seqs, store, join } = setUp();
    join();
    thread.append();
    store.isAway = true;
    announcer.suspect('t');
    await clock.advance(10_000);
    store.isAway = false;
    await clock.advance(2000);
    expect(seqs()).toEqual([1]);
    expect(clock.pending).toEqual([]);
  });

  test('that took no effect changes nothing', async () => {
    const { announcer, clock, seqs, reads, join } = setUp();
    join();
    announcer.suspect('t');
    await clock.advance(1000);
    expect([seqs(), reads]).toEqual([[], [0]]);
  });

  test('is looked for although a gap that was waited out closed by itself', async () => {
    const { announcer, thread, clock, seqs, join } = setUp();
    join();
    const [first, second] = [thread.append(), thread.append()];
    announcer.announce(second);
    announcer.suspect('t');
    thread.append();
    announcer.announce(first);
    await clock.advance(100);
    expect(seqs()).toEqual([1, 2, 3]);
  });

  test('is looked for by a read that begins after it', async () => {
    const { announcer, thread, clock, seqs, join, holdRead } = setUp();
    join();
    announcer.suspect('t');
    const release = holdRead();
    await clock.advance(50);
    thread.append();
    announcer.suspect('t');
    release();
    await clock.advance(100);
    expect(seqs()).toEqual([1]);
  });

  test('is looked for also where the first joiner had read the thread before it', async () => {
    const { announcer, thread, clock, join } = setUp();
    const tap = announcer.tap('t');
    const headRead = thread.head;
    thread.append();
    announcer.suspect('t');
    announcer.covers(tap, headRead);
    await clock.advance(50);
    expect(closeTap(announcer, tap, headRead).map(({ seq }) => seq)).toEqual([1]);
    expect(join()).toEqual([]);
  });
});

describe('a tap', () => {
  const seqsOf = (changes: readonly Change[]): number[] => changes.map(({ seq }) => seq);

  test('of the first joiner holds what came above the head that was read, in order, each once', async () => {
    const { announcer, thread, seqs } = setUp();
    const changes = range(1, 5).map(() => thread.append());
    const tap = announcer.tap('t');
    announcer.announce(changes[0]!);
    announcer.announce(changes[2]!);
    announcer.announce(changes[1]!);
    announcer.announce(changes[2]!);
    // The read came back with seqs 1 and 2.
    expect(announcer.covers(tap, 2)).toBe(true);
    announcer.announce(changes[3]!);
    expect(seqsOf(closeTap(announcer, tap, 2))).toEqual([3, 4]);
    announcer.announce(changes[4]!);
    expect(seqs()).toEqual([3, 4, 5]);
  });

  test('holds what was missing among what came while the thread was read', async () => {
    const { announcer, thread, clock } = setUp();
    const tap = announcer.tap('t');
    thread.append();
    announcer.announce(thread.append());
    expect(announcer.covers(tap, 0)).toBe(true);
    await clock.advance(50);
    expect(seqsOf(closeTap(announcer, tap, 0))).toEqual([1, 2]);
  });

  test('of a later joiner holds the same that goes out to the others', async () => {
    const { announcer, thread, seqs, join } = setUp();
    join();
    announcer.announce(thread.append());
    const tap = announcer.tap('t');
    announcer.announce(thread.append());
    expect(announcer.covers(tap, 2)).toBe(true);
    announcer.announce(thread.append());
    expect(seqs()).toEqual([1, 2, 3]);
    expect(seqsOf(closeTap(announcer, tap, 2))).toEqual([3]);
  });

  test('does not cover a read that is older than what another first joiner began with', () => {
    const { announcer, thread } = setUp();
    const [first, second] = [announcer.tap('t'), announcer.tap('t')];
    const changes = range(1, 3).map(() => thread.append());
    for (const change of changes) announcer.announce(change);
    expect(announcer.covers(first, 3)).toBe(true);
    expect(announcer.covers(second, 1)).toBe(false);
    announcer.announce(thread.append());
    expect(announcer.covers(second, 3)).toBe(true);
    expect(seqsOf(closeTap(announcer, second, 3))).toEqual([4]);
    expect(seqsOf(closeTap(announcer, first, 3))).toEqual([4]);
  });

  test('does not cover a read that is older than what was announced before it was opened', () => {
    const { announcer, thread, join } = setUp();
    join();
    announcer.announce(thread.append());
    announcer.announce(thread.append());
    const tap = announcer.tap('t');
    expect(announcer.covers(tap, 1)).toBe(false);
    expect(announcer.covers(tap, 2)).toBe(true);
  });

  test('covers a read that is ahead of what was announced', async () => {
    const { announcer, thread, clock, seqs, join } = setUp();
    join();
    const tap = announcer.tap('t');
    const [first, second, third] = range(1, 3).map(() => thread.append());
    expect(announcer.covers(tap, 2)).toBe(true);
    for (const change of [third!, second!, first!]) announcer.announce(change);
    await clock.advance(0);
    expect(seqs()).toEqual([1, 2, 3]);
    expect(seqsOf(closeTap(announcer, tap, 2))).toEqual([3]);
  });

  test('is told when access changes, if it is of that thread', () => {
    const { announcer } = setUp();
    const [tap, other] = [announcer.tap('t'), announcer.tap('other')];
    announcer.accessChanged('t');
    expect([tap.accessChanged, other.accessChanged, announcer.tap('t').accessChanged]).toEqual([true, false, false]);
  });

  test('can be closed once', () => {
    const { announcer } = setUp();
    const tap = announcer.tap('t');
    closeTap(announcer, tap, 0);
    expect(() => closeTap(announcer, tap, 0)).toThrow('the tap is closed');
    expect(() => announcer.covers(tap, 0)).toThrow('the tap is closed');
    expect(() => announcer.covers({ threadId: 't', accessChanged: false }, 0)).toThrow('the tap is closed');
  });
});

describe('a thread that everybody has left', () => {
  test('is forgotten', () => {
    const { announcer, seqs, join } = setUp();
    join();
    announcer.forget('t');
    announcer.announce(appended(1));
    expect(seqs()).toEqual([]);
    expect(announcer.heads()).toEqual(new Map());
  });

  test('is not forgotten while somebody joins it', () => {
    const { announcer, join } = setUp();
    join();
    const tap = announcer.tap('t');
    announcer.forget('t');
    announcer.announce(appended(1));
    expect(announcer.covers(tap, 0)).toBe(true);
    expect(closeTap(announcer, tap, 0).map(({ seq }) => seq)).toEqual([1]);
  });

  test('begins anew with the next joiner', () => {
    const { announcer, seqs, join } = setUp();
    join(3);
    announcer.forget('t');
    join(8);
    announcer.announce(appended(9));
    expect(seqs()).toEqual([9]);
  });

  test('is not asked for any more', async () => {
    const { announcer, clock, reads, store, join } = setUp();
    join();
    store.isAway = true;
    announcer.observe('t', 3);
    await clock.advance(60);
    announcer.forget('t');
    await clock.advance(10_000);
    expect(reads).toEqual([0]);
    expect(clock.pending).toEqual([]);
  });

  test('is not announced by a read that was under way', async () => {
    const { announcer, thread, clock, seqs, join, holdRead } = setUp();
    join();
    thread.append();
    announcer.observe('t', 1);
    const release = holdRead();
    await clock.advance(50);
    announcer.forget('t');
    join(thread.head);
    release();
    await turn();
    expect(seqs()).toEqual([]);
  });
});
