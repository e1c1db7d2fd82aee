import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { Announcer } from '../../../server/src/threads/announcer.ts';
import type { Tap } from '../../../server/src/threads/announcer.ts';
import type { Change } from '../../../server/src/threads/durable-event.ts';
import { StoreUnavailable } from '../../../server/src/store/thread-store.ts';
import { fakeLogger } from '../../support/fake-services.ts';
import { ManualClock, turn } from '../../support/manual-clock.ts';
import { ThreadModel, closeTap } from './changes.ts';

/** Somebody who reads the thread, joins it, and may leave it. */
interface Joiner {
  readonly tap: Tap;
  /** The head that it read; the answer to the read comes later. */
  head: number;
  /** The seqs that it was sent after its answer. */
  readonly view: number[];
  state: 'reading' | 'joined' | 'left';
}

/** A thread, the announcer, and all that happens around them at moments that a test picks. */
class World {
  readonly thread = new ThreadModel();
  readonly joiners: Joiner[] = [];
  readonly #clock = new ManualClock();
  readonly #underway: Change[] = [];
  readonly #reads: { answer: () => void; fail: () => void }[] = [];
  readonly #announcer = new Announcer({
    publish: (change) => {
      const { seq } = change as Change;
      for (const joiner of this.joiners) if (joiner.state === 'joined') joiner.view.push(seq);
    },
    changesAfter: (_threadId, seq, limit) => {
      const read = this.thread.changesAfter(seq, limit);
      return new Promise((resolve, reject) => {
        this.#reads.push({ answer: () => resolve(read), fail: () => reject(new StoreUnavailable('away')) });
      });
    },
    logger: fakeLogger().logger,
    schedule: this.#clock.schedule,
  });

  append(): void {
    this.#underway.push(this.thread.append());
  }

  edit(index: number): void {
    this.#underway.push(this.thread.edit(index));
  }

  /** A commit whose answer is lost: nobody announces it, it is only suspected. */
  appendUnknown(): void {
    this.thread.append();
    this.#announcer.suspect('t');
  }

  deliver(index: number): void {
    const [change] = this.#underway.splice(index % Math.max(1, this.#underway.length), 1);
    if (change) this.#announcer.announce(change);
  }

  deliverAgain(index: number): void {
    const change = this.#underway[index % Math.max(1, this.#underway.length)];
    if (change) this.#announcer.announce(change);
  }

  lose(index: number): void {
    this.#underway.splice(index % Math.max(1, this.#underway.length), 1);
  }

  startJoin(): void {
    const tap = this.#announcer.tap('t');
    this.joiners.push({ tap, head: this.thread.head, view: [], state: 'reading' });
  }

  finishJoin(index: number): void {
    const joiner = this.#pick('reading', index);
    if (!joiner) return;
    if (!this.#announcer.covers(joiner.tap, joiner.head)) {
      joiner.head = this.thread.head;
      return;
    }
    joiner.view.push(...closeTap(this.#announcer, joiner.tap, joiner.head).map(({ seq }) => seq));
    joiner.state = 'joined';
    this.#announcer.observe('t', joiner.head);
  }

  /** The join comes to nothing. */
  abandonJoin(index: number): void {
    const joiner = this.#pick('reading', index);
    if (!joiner) return;
    this.#announcer.drop(joiner.tap);
    joiner.state = 'left';
    this.#forgetIfEmpty();
  }

  leave(index: number): void {
    const joiner = this.#pick('joined', index);
    if (!joiner) return;
    joiner.state = 'left';
    this.#forgetIfEmpty();
  }

  async answerRead(isUp: number): Promise<void> {
    const read = this.#reads.shift();
    if (isUp === 1) read?.answer();
    else read?.fail();
    await turn();
  }

  pass(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }

  /** Everything that is under way comes to its end, and the node learns how far the thread has got. */
  async settle(): Promise<void> {
    while (this.#underway.length > 0) this.deliver(0);
    while (this.joiners.some(({ state }) => state === 'reading')) this.finishJoin(0);
    this.#announcer.observe('t', this.thread.head);
    do {
      await this.pass(2000);
      while (this.#reads.length > 0) await this.answerRead(1);
    } while (this.#clock.pending.length > 0);
  }

  #pick(state: Joiner['state'], index: number): Joiner | undefined {
    const those = this.joiners.filter((joiner) => joiner.state === state);
    return those[index % Math.max(1, those.length)];
  }

  #forgetIfEmpty(): void {
    if (!this.joiners.some(({ state }) => state === 'joined')) this.#announcer.forget('t');
  }
}

type Action = Exclude<keyof World, 'thread' | 'joiners' | 'settle'>;

/** How likely each step is, and the numbers it may be given. */
const actions: { [A in Action]: { weight: number; arbitrary: fc.Arbitrary<number> } } = {
  append: { weight: 6, arbitrary: fc.constant(0) },
  edit: { weight: 3, arbitrary: fc.nat(50) },
  appendUnknown: { weight: 1, arbitrary: fc.constant(0) },
  deliver: { weight: 8, arbitrary: fc.nat(50) },
  deliverAgain: { weight: 1, arbitrary: fc.nat(50) },
  lose: { weight: 2, arbitrary: fc.nat(50) },
  startJoin: { weight: 4, arbitrary: fc.constant(0) },
  finishJoin: { weight: 4, arbitrary: fc.nat(50) },
  abandonJoin: { weight: 1, arbitrary: fc.nat(50) },
  leave: { weight: 2, arbitrary: fc.nat(50) },
  answerRead: { weight: 4, arbitrary: fc.nat(1) },
  pass: { weight: 4, arbitrary: fc.constantFrom(1, 25, 50, 100, 400) },
};

const step = fc.oneof(
  ...Object.entries(actions).map(([name, { weight, arbitrary }]) => ({
    weight,
    arbitrary: fc.tuple(fc.constant(name as Action), arbitrary),
  })),
);

/**
 * Checks what a joiner was sent: in order, each seq once, and whole above the head that it read, but for what was
 * superseded. What it had read already may come again; a client passes over it.
 */
function checkView({ head, view, state }: Joiner, thread: ThreadModel): void {
  expect(view).toEqual([...new Set(view)].sort((a, b) => a - b));
  const end = state === 'joined' ? thread.head : (view.at(-1) ?? head);
  const missing = thread.latest.filter((seq) => seq > head && seq <= end && !view.includes(seq));
  expect({ head, view, missing }).toEqual({ head, view, missing: [] });
}

test('whoever joins sees everything above the head it read, in order and once, whatever happens meanwhile', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
      const world = new World();
      for (const [action, argument] of steps) await world[action](argument);
      await world.settle();
      for (const joiner of world.joiners) checkView(joiner, world.thread);
    }),
    { numRuns: 300 },
  );
});
