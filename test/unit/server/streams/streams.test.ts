import { describe, expect, test } from '@jest/globals';
import { limits } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { turn } from '../../../support/manual-clock.ts';
import { range } from '../changes.ts';
import { FakeProducer } from './fake-producer.ts';
import { storedLeaseMs } from '../../../../server/src/streams/lease.ts';
import { StreamBench, leaseMs } from './stream-bench.ts';

const fenced = 'stream_conflict {"fenced":true}';
const closed = (status: string) => `stream_closed {"status":"${status}"}`;
const expected = (offset: number) => `stream_conflict {"expected_offset":${offset}}`;

/** What is to be stored of a stream now, as `offset text`. */
function partsOf({ waiting }: StreamBench): string[] {
  return waiting.flatMap(({ op }) => (op.kind === 'stream_text' ? [`${op.offset} ${op.text}`] : []));
}

describe('text', () => {
  test('goes to the store at once where nothing was announced just before, and is answered when it is announced', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'first');
    expect(partsOf(bench)).toEqual(['0 first']);
    await turn();
    expect(bench.happened).toEqual(['streaming 1']);
    await bench.commit();
    expect(bench.happened.slice(1)).toEqual(['text 0 first', 'chunk to 5: 5']);
  });

  test('that comes within 50 ms of an announcement is merged, and stored 50 ms after it', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'a');
    await bench.commit();
    for (const [offset, delta] of ['b', 'c', 'd'].entries()) void bench.chunk(producer, id, offset + 1, delta);
    await bench.clock.advance(49);
    expect(partsOf(bench)).toEqual([]);
    await bench.clock.advance(1);
    expect(partsOf(bench)).toEqual(['1 bcd']);
    await bench.commit();
    expect(bench.happened.slice(-4)).toEqual(['text 1 bcd', 'chunk to 2: 4', 'chunk to 3: 4', 'chunk to 4: 4']);
  });

  test('that comes while text is being stored waits for it, and is then one piece', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'a');
    await bench.clock.advance(100);
    void bench.chunk(producer, id, 1, 'b');
    void bench.chunk(producer, id, 2, 'c');
    expect(partsOf(bench)).toEqual(['0 a']);
    await bench.commit();
    await bench.clock.advance(50);
    expect(partsOf(bench)).toEqual(['1 bc']);
  });

  test('of many streams that is due at about the same time is stored at one moment', async () => {
    const bench = new StreamBench();
    const producer = new FakeProducer('bot');
    const ids = [];
    for (const messageId of ['m1', 'm2', 'm3']) ids.push((await bench.start(producer, messageId)).message.id);
    for (const id of ids) {
      void bench.chunk(producer, id, 0, 'a');
      await bench.commit();
      void bench.chunk(producer, id, 1, 'b');
      await bench.clock.advance(1);
    }
    await bench.clock.advance(45);
    expect(partsOf(bench)).toEqual([]);
    await bench.clock.advance(12);
    expect(partsOf(bench)).toEqual(['1 b', '1 b', '1 b']);
    expect(new Set(bench.clock.pending)).toEqual(new Set());
  });

  test.each([-3_600_000, 3_600_000])('goes on as ever where the time of day is set by %d ms', async (setMs) => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const stream = bench.streams.active.get(id)!;
    void bench.chunk(producer, id, 0, 'a');
    await bench.commit();
    bench.setMs = setMs;
    void bench.chunk(producer, id, 1, 'b');
    await bench.clock.advance(50);
    await bench.commit();
    expect([bench.textOf(id), bench.pauses(id)]).toEqual(['ab', [50]]);
    const now = bench.clock.now();
    expect([stream.heardAt, stream.renewedAt]).toEqual([now - 50, now]);
    bench.streams.producerGone(producer);
    expect(stream.leaseOverAt).toBe(now + leaseMs);
    // What others compare with is the time of day.
    expect(bench.rows.get(id)!.leaseUntil).toBe(now + setMs + storedLeaseMs(leaseMs));
    bench.streams.renew(stream);
    await bench.clock.advance(1000);
    await bench.commit();
    expect(bench.rows.get(id)!.leaseUntil).toBe(now + setMs + leaseMs);
  });

  test('that is stored after its producer went leaves the lease as it is, in whole ms', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'a');
    await bench.commit();
    void bench.chunk(producer, id, 1, 'b');
    await bench.clock.advance(10.4);
    const goneAt = Math.floor(bench.clock.now());
    producer.isClosed = true;
    bench.streams.producerGone(producer);
    await bench.clock.advance(50);
    await bench.commit();
    expect([bench.textOf(id), bench.rows.get(id)!.leaseUntil]).toEqual(['ab', goneAt + leaseMs]);
  });

  test.each([
    ['beyond the end', 9, 'more', expected(4)],
    ['that differs', 0, 'TEXT', expected(4)],
    ['too long', 4, 'x'.repeat(limits.maxStreamLength), 'payload_too_large'],
    ['with half of a pair', 4, '\uDE00', 'invalid_payload'],
  ])('%s is refused, and nothing is stored of it', async (_what, offset, delta, outcome) => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'text');
    await bench.commit();
    expect(await bench.chunk(producer, id, offset, delta)).toMatch(outcome);
    await bench.clock.advance(1000);
    expect(partsOf(bench)).toEqual([]);
  });

  test('that was sent before is answered: at once where it is stored, else with the rest', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'stored');
    await bench.commit();
    expect(await bench.chunk(producer, id, 0, 'sto')).toBe('6');
    void bench.chunk(producer, id, 6, ' more');
    const again = bench.chunk(producer, id, 6, ' more');
    await bench.clock.advance(50);
    expect(partsOf(bench)).toEqual(['6  more']);
    await bench.commit();
    expect(await again).toBe('11');
  });
});

describe('the rhythm of a stream', () => {
  const chunks = fc.array(
    fc.record({
      pauseMs: fc.oneof(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 150 })),
      length: fc.integer({ min: 1, max: 4 }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  const commits = fc.array(
    fc.record({ ms: fc.integer({ min: 0, max: 120 }), how: fc.constantFrom('ok', 'ok', 'ok', 'stored', 'not stored') }),
    { minLength: 1, maxLength: 20 },
  );

  /** Writes come to something after these times, one after the other, each with all that waits when it begins. */
  function commitBy(
    bench: StreamBench,
    schedule: readonly { ms: number; how: 'ok' | 'stored' | 'not stored' }[],
  ): void {
    let isUnderWay = false;
    let next = 0;
    const begin = (): void => {
      if (isUnderWay || bench.waiting.length === 0) return;
      isUnderWay = true;
      const { ms, how } = schedule[next++ % schedule.length]!;
      bench.clock.schedule(() => {
        const count = bench.waiting.length;
        bench.clock.schedule(() => {
          void (how === 'ok' ? bench.commit(count) : bench.lose(how, count)).then(() => {
            isUnderWay = false;
            begin();
          });
        }, ms);
      }, 0);
    };
    bench.onWrite = begin;
  }

  test('is at least 50 ms, whatever comes when, nothing is lost or taken back, and the end is last', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, commits, async (schedule, durations) => {
        const bench = new StreamBench();
        const { id, producer } = await bench.running();
        commitBy(bench, durations.every(({ how }) => how !== 'ok') ? [{ ms: 5, how: 'ok' }] : durations);
        let sent = '';
        const acks: Promise<string>[] = [];
        for (const [i, { pauseMs, length }] of schedule.entries()) {
          await bench.clock.advance(pauseMs);
          const delta = String.fromCharCode(97 + (i % 26)).repeat(length);
          acks.push(bench.chunk(producer, id, sent.length, delta));
          sent += delta;
        }
        const outcomes: string[] = [];
        while (outcomes.at(-1) !== 'complete' && outcomes.length < 100) {
          void bench.end(producer, id, sent.length).then((outcome) => outcomes.push(outcome));
          // In steps: what a commit leads to takes more than one turn.
          for (let step = 0; step < 40; step++) await bench.clock.advance(50);
        }
        // Where it failed, it is because the store was away.
        expect(new Set(outcomes.filter((outcome) => outcome !== 'unavailable'))).toEqual(new Set(['complete']));
        expect(bench.rows.get(id)!.message).toMatchObject({ content: sent, status: 'complete', seq: 2 });
        expect(bench.pauses(id).filter((ms) => ms < 50)).toEqual([]);
        for (const ack of await Promise.all(acks)) expect(ack).toMatch(/^(\d+|unavailable)$/);
        const ending = bench.happened.indexOf('complete 2');
        // Where nobody heard what became of the end, the announcer reads the message.
        if (ending !== -1) {
          expect(bench.textOf(id)).toBe(sent);
          expect(bench.happened.slice(ending).filter((what) => what.startsWith('text'))).toEqual([]);
        } else {
          expect(sent.startsWith(bench.textOf(id))).toBe(true);
        }
        expect(bench.streams.active.size).toBe(0);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test('that is slow follows its chunks: nothing waits for more than its commit', async () => {
    const slow = fc.array(fc.integer({ min: 50, max: 300 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        slow,
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 0, max: 9 }),
        async (pauses, ms, past) => {
          const bench = new StreamBench();
          await bench.clock.advance(past);
          const { id, producer } = await bench.running();
          commitBy(bench, [{ ms, how: 'ok' }]);
          const sentAt: number[] = [];
          for (const [offset, pauseMs] of pauses.entries()) {
            await bench.clock.advance(pauseMs + ms);
            sentAt.push(bench.clock.now());
            void bench.chunk(producer, id, offset, 'x');
          }
          await bench.clock.advance(1000);
          expect(bench.announced.map(({ at }, i) => at - sentAt[i]!)).toEqual(pauses.map(() => ms));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('the end', () => {
  test('waits until the last text may be announced', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'a');
    await bench.commit();
    void bench.chunk(producer, id, 1, 'b');
    void bench.end(producer, id, 2);
    await bench.clock.advance(49);
    expect(bench.waiting).toEqual([]);
    await bench.clock.advance(1);
    await bench.commit();
    await bench.commit();
    expect(bench.happened.slice(-5)).toEqual(['text 1 b', 'ending', 'complete 2', 'chunk to 2: 2', 'end: complete']);
    expect(bench.pauses(id)).toEqual([50]);
  });

  test('waits for text on its way into the store', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'a');
    void bench.end(producer, id, 1);
    await turn();
    await bench.commit(1);
    await bench.commit();
    expect(bench.happened.slice(1)).toEqual(['text 0 a', 'chunk to 1: 1', 'ending', 'complete 2', 'end: complete']);
    expect(bench.streams.active.size).toBe(0);
    expect(producer.losses).toEqual([]);
  });

  test('is unavailable where text before it could not be stored, and works when it is tried again', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const chunk = bench.chunk(producer, id, 0, 'text');
    const end = bench.end(producer, id, 4);
    await turn();
    await bench.lose('not stored', 1);
    await bench.commit();
    expect([await chunk, await end]).toEqual(['unavailable', 'unavailable']);
    const again = bench.end(producer, id, 4);
    await bench.commit();
    await bench.commit();
    expect(await again).toBe('complete');
    expect(bench.rows.get(id)!.message.content).toBe('text');
  });

  test('refuses text that comes after it, and takes what repeats', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'text');
    void bench.end(producer, id, 4, 'failed');
    expect(await bench.chunk(producer, id, 4, 'more')).toBe(closed('failed'));
    const repeat = bench.chunk(producer, id, 0, 'text');
    await bench.commit();
    await bench.commit();
    expect(await repeat).toBe('4');
  });

  test('at another offset is a conflict, which changes nothing', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'text');
    expect(await bench.end(producer, id, 3)).toBe(expected(4));
    void bench.chunk(producer, id, 4, '!');
    await bench.commit();
    await bench.clock.advance(50);
    await bench.commit();
    expect(bench.textOf(id)).toBe('text!');
  });

  test('twice at once ends it once', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const ends = [bench.end(producer, id, 0), bench.end(producer, id, 0), bench.end(producer, id, 0, 'failed')];
    await bench.commit();
    expect(await Promise.all(ends)).toEqual(['complete', 'complete', closed('complete')]);
    expect(bench.happened.filter((what) => what === 'ending')).toHaveLength(1);
  });

  test('that failed leaves the stream open', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const end = bench.end(producer, id, 0);
    await bench.lose('not stored');
    expect(await end).toBe('unavailable');
    const chunk = bench.chunk(producer, id, 0, 'on');
    await bench.commit();
    expect(await chunk).toBe('2');
  });

  test('that took effect although nobody heard of it is told by what comes next', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const end = bench.end(producer, id, 0);
    await bench.lose('stored');
    expect(await end).toBe('unavailable');
    const again = bench.end(producer, id, 0);
    await bench.commit();
    expect(await again).toBe('complete');
    expect(bench.streams.active.size).toBe(0);
  });
});

describe('a store that is away', () => {
  test.each(['stored', 'not stored'] as const)(
    'fails the chunks under way, whose text is %s; it is tried again by itself, announced once, and repeats are answered',
    async (how) => {
      const bench = new StreamBench();
      const { id, producer } = await bench.running();
      const chunks = [bench.chunk(producer, id, 0, 'text'), bench.chunk(producer, id, 4, ' more')];
      await bench.lose(how);
      expect(await Promise.all(chunks)).toEqual(['unavailable', 'unavailable']);
      expect(bench.announced).toEqual([]);
      const repeat = bench.chunk(producer, id, 0, 'text');
      await bench.clock.advance(490);
      expect(bench.waiting).toEqual([]);
      await bench.clock.advance(20);
      expect(partsOf(bench)).toEqual(['0 text more']);
      await bench.commit();
      expect(await repeat).toBe('9');
      expect(bench.announced.map(({ text }) => text.delta)).toEqual(['text more']);
      expect(bench.rows.get(id)!.message.content).toBe('text more');
    },
  );

  test('is not asked any more by a server that has closed', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const sent = bench.chunk(producer, id, 0, 'text');
    bench.streams.stop();
    await bench.lose('not stored');
    expect(await sent).toBe('unavailable');
    await bench.clock.advance(10_000);
    expect(bench.waiting).toEqual([]);
  });

  test('is tried again until it is back, with what has come meanwhile', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    for (const offset of range(0, 4)) {
      void bench.chunk(producer, id, offset, 'x');
      await bench.clock.advance(520);
      expect(bench.waiting).toHaveLength(1);
      await bench.lose('not stored');
    }
    await bench.clock.advance(520);
    await bench.commit();
    expect(bench.textOf(id)).toBe('xxxxx');
  });

  test('that cannot renew a lease fails no text', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const chunk = bench.chunk(producer, id, 0, 'text');
    bench.streams.renew(bench.streams.active.get(id)!);
    await bench.commit(1);
    const next = bench.chunk(producer, id, 4, ' more');
    await bench.lose('not stored');
    await bench.clock.advance(50);
    await bench.commit();
    expect([await chunk, await next]).toEqual(['4', '9']);
  });

  test('makes nothing of what no store can digest', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const chunk = bench.chunk(producer, id, 0, 'text');
    for (const { reject } of bench.waiting.splice(0)) reject(new TypeError('poison'));
    expect(await chunk).toBe('internal');
    expect(bench.lines).toHaveLength(1);
  });
});

describe('a lease', () => {
  test('that is renewed while text is on its way refuses nothing that comes after it', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const first = bench.chunk(producer, id, 0, 'first');
    bench.streams.renew(bench.streams.active.get(id)!);
    const second = bench.chunk(producer, id, 5, ' second');
    await bench.commit();
    await bench.clock.advance(50);
    await bench.commit();
    expect([await first, await second]).toEqual(['5', '12']);
    expect(bench.textOf(id)).toBe('first second');
  });

  test('is renewed by text, and by empty text where there is none', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const stream = bench.streams.active.get(id)!;
    await bench.clock.advance(9000);
    bench.streams.renew(stream);
    await bench.commit();
    expect(bench.rows.get(id)!.leaseUntil).toBe(bench.clock.now() + storedLeaseMs(leaseMs));
    expect(stream.renewedAt).toBe(bench.clock.now());
    await bench.clock.advance(9000);
    void bench.chunk(producer, id, 0, 'text');
    await bench.commit();
    expect(bench.rows.get(id)!.leaseUntil).toBe(bench.clock.now() + storedLeaseMs(leaseMs));
    expect(stream.renewedAt).toBe(bench.clock.now());
    expect(bench.announced).toHaveLength(1);
  });

  test('is a whole number of ms from the start on, whatever its length', async () => {
    const bench = new StreamBench(3001);
    const { id } = await bench.running();
    const leaseUntil = bench.rows.get(id)!.leaseUntil;
    expect(leaseUntil).toBe(bench.clock.now() + 3602);
  });

  test('runs from when the producer has gone, on the first time that is told', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const stream = bench.streams.active.get(id)!;
    const goneAt = bench.clock.now();
    producer.isClosed = true;
    bench.streams.producerGone(producer);
    await bench.clock.advance(100);
    bench.streams.producerGone(producer);
    expect(stream.leaseOverAt).toBe(goneAt + leaseMs);
  });

  test('is written when the producer has gone, for those who see no more of it than the store', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    await bench.clock.advance(9000);
    bench.streams.producerGone(producer);
    bench.streams.producerGone(producer);
    expect(bench.waiting).toHaveLength(1);
    await bench.commit();
    expect(bench.rows.get(id)!.leaseUntil).toBe(bench.clock.now() + leaseMs);
  });

  test('runs from the start where the producer has gone before it was answered', async () => {
    const bench = new StreamBench();
    const producer = new FakeProducer('bot');
    const started = bench.streams.start(producer, { threadId: 't', messageId: 'm', role: 'assistant', metadata: {} });
    producer.isClosed = true;
    bench.streams.producerGone(producer);
    await bench.commit();
    const { message } = await started;
    expect(bench.streams.active.get(message.id)!.leaseOverAt).toBe(bench.clock.now() + leaseMs);
  });

  test('of a producer that has gone is not prolonged by text of its that is still stored', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'text');
    producer.isClosed = true;
    bench.streams.producerGone(producer);
    const overAt = bench.clock.now() + leaseMs;
    await bench.clock.advance(100);
    await bench.commit();
    expect(bench.streams.active.get(id)!.leaseOverAt).toBe(overAt);
  });
});

describe('a cancel', () => {
  test('refuses the text that is not stored yet, and tells the producer once', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'stored');
    await bench.commit();
    const late = bench.chunk(producer, id, 6, ' late');
    const cancel = bench.cancel('ada', id);
    await bench.commit();
    expect(await cancel).toBe('cancelled');
    expect(await late).toBe(closed('cancelled'));
    await bench.clock.advance(1000);
    expect(bench.waiting).toEqual([]);
    expect(producer.losses.map(({ status, reason }) => [status, reason])).toEqual([['cancelled', 'enough']]);
    expect(bench.rows.get(id)!.message).toMatchObject({ status: 'cancelled', content: 'stored' });
  });

  test.each([
    ['text', false],
    ['text and the end', true],
  ])('that overtakes %s on the way tells the producer once', async (_what, isEnding) => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const cancel = bench.cancel('ada', id);
    await turn();
    const chunk = bench.chunk(producer, id, 0, 'late');
    const end = isEnding ? bench.end(producer, id, 4) : Promise.resolve(closed('cancelled'));
    await bench.commit();
    await bench.commit();
    expect(await Promise.all([cancel, chunk, end])).toEqual(['cancelled', closed('cancelled'), closed('cancelled')]);
    expect(producer.losses.map(({ status }) => status)).toEqual(['cancelled']);
  });

  test('while the end waits for its moment tells the producer once', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'a');
    await bench.commit();
    const chunk = bench.chunk(producer, id, 1, 'b');
    const end = bench.end(producer, id, 2);
    const cancel = bench.cancel('ada', id);
    await bench.commit();
    expect(producer.losses).toHaveLength(1);
    await bench.clock.advance(50);
    await bench.commit();
    expect(await Promise.all([chunk, end, cancel])).toEqual([closed('cancelled'), closed('cancelled'), 'cancelled']);
    expect(producer.losses.map(({ status }) => status)).toEqual(['cancelled']);
  });

  test('of a stream that ends at the same time leaves it as it ended', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    const answers = [bench.end(producer, id, 0), bench.cancel('ada', id)];
    await bench.commit();
    expect(await Promise.all(answers)).toEqual(['complete', 'complete']);
    expect(producer.losses).toEqual([]);
  });
});

describe('somebody else', () => {
  test('who takes the stream over goes on behind what was accepted, which is announced once', async () => {
    const bench = new StreamBench();
    const { id, producer: first } = await bench.running();
    void bench.chunk(first, id, 0, 'a');
    await bench.commit();
    const pending = bench.chunk(first, id, 1, 'bc');
    const second = new FakeProducer('bot');
    const { offset, resumed } = await bench.start(second);
    expect({ offset, resumed }).toEqual({ offset: 3, resumed: true });
    expect(await pending).toBe('3');
    void bench.chunk(second, id, 3, 'd');
    await bench.clock.advance(50);
    await bench.commit();
    expect(bench.textOf(id)).toBe('abcd');
    expect(bench.pauses(id).filter((ms) => ms < 50)).toEqual([]);
    expect(first.losses.map(({ status, error }) => [status, error.toObject().details])).toEqual([
      ['streaming', { fenced: true }],
    ]);
    for (const answer of [bench.chunk(first, id, 4, 'e'), bench.end(first, id, 4)]) {
      await turn();
      await bench.commit();
      expect(await answer).toBe(fenced);
    }
  });

  test('who takes up a stream of its own is not fenced: what waits for more text is to be sent again', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'a');
    await bench.commit();
    const half = bench.chunk(producer, id, 1, 'b\ud83d');
    await bench.clock.advance(50);
    await bench.commit();
    const { offset } = await bench.start(producer);
    expect(offset).toBe(2);
    await expect(half).resolves.toBe('stream_conflict {"expected_offset":2}');
    const again = bench.chunk(producer, id, 2, '\ud83d\ude00');
    await bench.clock.advance(50);
    await bench.commit();
    expect(await again).toBe('4');
    expect(bench.textOf(id)).toBe('ab\ud83d\ude00');
  });

  test('who is another user may not write, and what is no stream is not found', async () => {
    const bench = new StreamBench();
    const { id } = await bench.running();
    const eve = new FakeProducer('eve');
    const answers = [bench.chunk(eve, id, 0, 'x'), bench.end(eve, id, 0), bench.chunk(eve, 'nothing', 0, 'x')];
    await turn();
    await bench.commit();
    expect(await Promise.all(answers)).toEqual(['forbidden', 'forbidden', 'stream_not_found']);
  });

  test('who lost the race for a stream hears so from the store', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    // Another server.
    bench.rows.get(id)!.epoch += 1;
    const chunk = bench.chunk(producer, id, 0, 'text');
    await bench.commit();
    expect(await chunk).toBe(fenced);
    expect(bench.streams.active.size).toBe(0);
    expect(producer.losses).toHaveLength(1);
  });

  test('who closes the thread to the producer stops its text, and gives the stream its lease', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'seen');
    await bench.commit();
    bench.members = ['carl'];
    const secret = bench.chunk(producer, id, 4, ' secret');
    await bench.clock.advance(50);
    await bench.commit();
    expect(await secret).toBe('stream_not_found');
    await bench.clock.advance(1000);
    expect(bench.waiting).toEqual([]);
    expect(bench.streams.active.get(id)!.leaseOverAt).toBeDefined();
    // Let in again in time, it goes on where the store ends.
    bench.members = [];
    const again = bench.chunk(producer, id, 4, ' again');
    await bench.clock.advance(50);
    await bench.commit();
    expect(await again).toBe('10');
    expect(bench.textOf(id)).toBe('seen again');
    expect(bench.streams.active.get(id)!.leaseOverAt).toBeUndefined();
  });
});

describe('a producer', () => {
  test(`has at most ${limits.maxStreamsPerConnection} streams at a time, those that are being started among them`, async () => {
    const bench = new StreamBench();
    const producer = new FakeProducer('bot');
    const start = (messageId: string) =>
      bench.note(
        'start',
        bench.streams.start(producer, request(messageId)).then(({ message }) => message.id),
      );
    const request = (messageId: string) => ({ threadId: 't', messageId, role: 'assistant', metadata: {} }) as const;
    const starts = range(1, limits.maxStreamsPerConnection + 1).map((i) => start(`x${i}`));
    await bench.commit();
    const ids = await Promise.all(starts);
    expect(ids.filter((id) => id === 'too_many_streams')).toHaveLength(1);
    expect(await start('y')).toBe('too_many_streams');
    void bench.end(producer, ids[0]!, 0);
    await bench.commit();
    const next = start('z');
    await bench.commit();
    expect(await next).toMatch(/^s/);
    // One of its own it may take up all the same.
    const again = start('x2');
    await bench.commit();
    expect(await again).toBe(ids[1]);
    expect(await start('y')).toBe('too_many_streams');
    // Another has its own.
    expect((await bench.start(new FakeProducer('other'), 'other')).resumed).toBe(false);
  });

  test('whose start was refused, or failed, has no stream of it', async () => {
    const bench = new StreamBench();
    bench.members = ['carl'];
    const producer = new FakeProducer('bot');
    const start = () =>
      bench.note(
        'start',
        bench.streams
          .start(producer, { threadId: 't', messageId: 'm', role: 'assistant', metadata: {} })
          .then(({ resumed }) => `${resumed}`),
      );
    const refused = start();
    await bench.commit();
    expect(await refused).toBe('thread_not_found');
    bench.members = [];
    const failed = start();
    await bench.lose('stored');
    expect(await failed).toBe('unavailable');
    expect(bench.streams.active.size).toBe(0);
    const again = start();
    await bench.commit();
    expect(await again).toBe('true');
    expect(bench.streams.active.size).toBe(1);
  });
});

describe('an interruption', () => {
  test('stores what was accepted, then ends the stream, and tells its producer', async () => {
    const bench = new StreamBench();
    const { id, producer } = await bench.running();
    void bench.chunk(producer, id, 0, 'a');
    await bench.commit();
    void bench.chunk(producer, id, 1, 'b');
    const interrupted = bench.streams.interrupt(bench.streams.active.get(id)!);
    await bench.clock.advance(50);
    await bench.commit();
    await bench.commit();
    await interrupted;
    expect(bench.happened.slice(-4)).toEqual(['text 1 b', 'ending', 'interrupted 2', 'chunk to 2: 2']);
    expect(producer.losses.map(({ status }) => status)).toEqual(['interrupted']);
    expect(bench.streams.active.size).toBe(0);
  });

  test('is refused where somebody has taken the stream over elsewhere', async () => {
    const bench = new StreamBench();
    const { id } = await bench.running();
    bench.rows.get(id)!.epoch += 1;
    const interrupted = bench.streams.interrupt(bench.streams.active.get(id)!);
    await bench.commit();
    await interrupted;
    expect(bench.rows.get(id)!.message.status).toBe('streaming');
    expect(bench.streams.active.size).toBe(0);
  });

  test('rejects where the store is away, and may be tried again', async () => {
    const bench = new StreamBench();
    const { id } = await bench.running();
    const interrupt = () =>
      bench.note(
        'interrupt',
        bench.streams.interrupt(bench.streams.active.get(id)!).then(() => 'done'),
      );
    const first = interrupt();
    await bench.lose('not stored');
    expect(await first).toBe('unavailable');
    const second = interrupt();
    await bench.commit();
    expect(await second).toBe('done');
    expect(bench.rows.get(id)!.message.status).toBe('interrupted');
  });
});
