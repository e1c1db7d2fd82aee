import { describe, expect, test } from '@jest/globals';
import type { RequestError } from '../../../../server/src/request-error.ts';
import { StoreUnavailable } from '../../../../server/src/store/thread-store.ts';
import type { AbandonedStream, StreamEndOp } from '../../../../server/src/store/thread-store.ts';
import { ActiveStream } from '../../../../server/src/streams/active-stream.ts';
import { storedLeaseMs } from '../../../../server/src/streams/lease.ts';
import { LeaseWatch } from '../../../../server/src/streams/lease-watch.ts';
import { fakeLogger } from '../../../support/fake-services.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { FakeProducer } from './fake-producer.ts';

const maxIdleMs = 600_000;

/** A watch that has been started, over streams which only it does anything with. The time of day was set by `setMs`. */
function setUp(leaseMs = 30_000, setMs = 0) {
  const clock = new ManualClock();
  const start = clock.now();
  const { logger, lines } = fakeLogger();
  const active = new Map<string, ActiveStream>();
  /** What was done, and after how many ms. */
  const done: [what: string, afterMs: number][] = [];
  const note = (what: string): void => void done.push([what, clock.now() - start]);
  const store = { abandoned: [] as AbandonedStream[], asked: 0, failure: undefined as Error | undefined };
  const written: StreamEndOp[] = [];
  const outcomes = {
    interrupt: undefined as Error | undefined,
    write: undefined as Error | undefined,
    isRefused: false,
  };
  const watch = new LeaseWatch({
    streams: {
      active,
      renew: (stream) => {
        note(`renew ${stream.id}`);
        stream.renewedAt = clock.now();
      },
      interrupt: async (stream) => {
        note(`interrupt ${stream.id}`);
        if (outcomes.interrupt) throw outcomes.interrupt;
        active.delete(stream.id);
      },
    },
    store: {
      abandonedStreams: async (_at, limit) => {
        store.asked += 1;
        if (store.failure) throw store.failure;
        return store.abandoned.slice(0, limit);
      },
    },
    write: async (op) => {
      written.push(op);
      if (outcomes.write) throw outcomes.write;
      if (outcomes.isRefused) return { ok: false };
      store.abandoned = store.abandoned.filter(({ id }) => id !== op.id);
      return { ok: true };
    },
    logger,
    now: () => clock.now() + setMs,
    steadyNow: clock.now,
    schedule: clock.schedule,
    leaseMs,
    maxIdleMs,
  });
  watch.start();
  return {
    clock,
    watch,
    done,
    store,
    written,
    outcomes,
    lines,
    add: (id: string): ActiveStream => {
      const stream = new ActiveStream({
        id,
        threadId: 't',
        position: 1,
        senderId: 'bot',
        messageId: id,
        content: '',
        epoch: 1,
        producer: new FakeProducer('bot'),
        now: clock.now(),
      });
      active.set(id, stream);
      return stream;
    },
  };
}

test.each([-3_600_000, 3_600_000])('measures by no clock that may be set: by %d ms', async (setMs) => {
  const { clock, done, add } = setUp(30_000, setMs);
  add('there');
  add('gone').leaseOverAt = clock.now() + 5_000;
  await clock.advance(6_000);
  expect(done).toEqual([
    ['renew there', 3_000],
    ['interrupt gone', 5_000],
    ['renew there', 6_000],
  ]);
});

describe('a stream whose producer is there', () => {
  test('has its lease renewed ten times in its length', async () => {
    const { clock, done, add } = setUp();
    add('s');
    await clock.advance(10_000);
    expect(done).toEqual([
      ['renew s', 3_000],
      ['renew s', 6_000],
      ['renew s', 9_000],
    ]);
  });

  test.each([300, 2000, 25_000])(
    'has, if its server is killed at any moment, all of a lease of %d ms, and little more',
    async (leaseMs) => {
      const { clock, done, add } = setUp(leaseMs);
      const begunAt = clock.now();
      add('s');
      await clock.advance(2 * leaseMs);
      const writtenAt = [0, ...done.map(([, afterMs]) => afterMs)];
      expect(clock.now() - begunAt - writtenAt.at(-1)!).toBeLessThanOrEqual(leaseMs / 5);
      for (const [i, at] of writtenAt.entries()) {
        const next = writtenAt[i + 1] ?? clock.now() - begunAt;
        // In the store until then; killed just before it would have been written again.
        const leftMs = at + storedLeaseMs(leaseMs) - next;
        expect(leftMs).toBeGreaterThanOrEqual(leaseMs);
      }
      expect(storedLeaseMs(leaseMs)).toBeLessThanOrEqual(1.2 * leaseMs);
    },
  );

  test('has it renewed in time where it is short, too', async () => {
    const { clock, done, add } = setUp(300);
    add('s');
    await clock.advance(650);
    const moments = [0, ...done.map(([, afterMs]) => afterMs)];
    expect(done.length).toBeGreaterThanOrEqual(4);
    for (const [i, at] of moments.slice(1).entries()) expect(at - moments[i]!).toBeLessThanOrEqual(150);
  });

  test('needs no renewal while text renews it', async () => {
    const { clock, done, add } = setUp();
    const stream = add('s');
    for (let i = 0; i < 20; i += 1) {
      await clock.advance(2500);
      stream.renewedAt = clock.now();
      stream.heardAt = clock.now();
    }
    expect(done).toEqual([]);
  });

  test('but says nothing is interrupted after the longest silence, and not before', async () => {
    const { clock, done, add } = setUp();
    add('s');
    const interruptions = () => done.filter(([what]) => what === 'interrupt s');
    await clock.advance(maxIdleMs - 1);
    expect(interruptions()).toEqual([]);
    await clock.advance(1001);
    expect(interruptions()).toHaveLength(1);
  });
});

describe('a stream whose producer has gone', () => {
  test('is not renewed, and interrupted when its lease is over, not before', async () => {
    const { clock, done, add } = setUp();
    add('s').leaseOverAt = clock.now() + 30_000;
    await clock.advance(29_999);
    expect(done).toEqual([]);
    await clock.advance(1001);
    expect(done).toEqual([['interrupt s', 30_000]]);
    await clock.advance(60_000);
    expect(done).toHaveLength(1);
  });

  test('is tried again, round after round, where the store is away', async () => {
    const { clock, done, add, outcomes, lines } = setUp();
    add('s').leaseOverAt = clock.now() + 1000;
    outcomes.interrupt = new StoreUnavailable('away');
    await clock.advance(3000);
    expect(done.map(([, afterMs]) => afterMs)).toEqual([1000, 2000, 3000]);
    expect(lines.map(({ level, fields }) => [level, (fields['err'] as RequestError).code])).toEqual([
      ['warn', 'unavailable'],
      ['warn', 'unavailable'],
      ['warn', 'unavailable'],
    ]);
    outcomes.interrupt = undefined;
    await clock.advance(3000);
    expect(done).toHaveLength(4);
  });

  test('does not hold up the others', async () => {
    const { clock, done, add, outcomes } = setUp();
    for (const id of ['a', 'b']) add(id).leaseOverAt = clock.now();
    outcomes.interrupt = new TypeError('poison');
    await clock.advance(0);
    expect(done.map(([what]) => what)).toEqual(['interrupt a', 'interrupt b']);
  });
});

describe('a stream of a server that has gone', () => {
  const abandoned: AbandonedStream = { threadId: 't', id: 'left', epoch: 3 };

  test('is ended as interrupted as soon as the watch starts, if its lease is still over', async () => {
    const { clock, store, written } = setUp();
    store.abandoned = [abandoned];
    await clock.advance(0);
    const at = clock.now();
    expect(written).toEqual([{ kind: 'stream_end', status: 'interrupted', leaseOverAt: at, at, ...abandoned }]);
  });

  test('is ended in the round in which its lease is found to be over', async () => {
    const { clock, store, written } = setUp();
    await clock.advance(500);
    store.abandoned = [abandoned];
    await clock.advance(499);
    expect(written).toEqual([]);
    await clock.advance(1);
    expect(written).toMatchObject([{ id: 'left', at: clock.now() }]);
  });

  const many = Array.from({ length: 250 }, (_, i): AbandonedStream => ({ threadId: 't', id: `left-${i}`, epoch: 1 }));

  test('does not wait for another round where there are many', async () => {
    const { clock, store, written } = setUp();
    store.abandoned = many;
    await clock.advance(0);
    expect(written).toHaveLength(250);
  });

  test('is tried once a round where none of many can be ended', async () => {
    const { clock, store, outcomes, written } = setUp();
    store.abandoned = many;
    outcomes.isRefused = true;
    await clock.advance(1000);
    expect([store.asked, written.length]).toEqual([2, 200]);
  });

  test('is left alone where its producer has come here', async () => {
    const { clock, store, written, add } = setUp();
    store.abandoned = [abandoned, { threadId: 't', id: 'other', epoch: 1 }];
    add('left');
    await clock.advance(1000);
    expect(written.map(({ id }) => id)).toEqual(['other']);
  });

  test('is looked for again where the store is away, which is no news to the log', async () => {
    const { clock, store, outcomes, written, lines } = setUp();
    store.failure = new StoreUnavailable('away');
    await clock.advance(1000);
    store.failure = undefined;
    store.abandoned = [abandoned];
    outcomes.write = new StoreUnavailable('away');
    await clock.advance(1000);
    outcomes.write = undefined;
    await clock.advance(1000);
    expect([store.asked, written.length, lines]).toEqual([4, 2, []]);
  });

  test('is looked for again after what nobody foresaw, which is logged', async () => {
    const { clock, store, lines } = setUp();
    store.failure = new TypeError('unforeseen');
    await clock.advance(1000);
    expect(store.asked).toBe(2);
    expect(lines.map(({ level }) => level)).toEqual(['error', 'error']);
  });
});

test('nothing is done any more once it is stopped', async () => {
  const { clock, watch, done, store, add } = setUp();
  add('s').leaseOverAt = clock.now();
  watch.stop();
  await clock.advance(60_000);
  expect([done, store.asked, clock.pending]).toEqual([[], 0, []]);
});
