import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import fc from 'fast-check';
import { turn } from '../../support/manual-clock.ts';
import { SdkClock } from '../../support/sdk-clock.ts';
import { clientsOnFakeSockets } from '../../support/sdk-fake-socket.ts';
import { ModelServer } from '../../support/sdk-model-server.ts';

const opening = clientsOnFakeSockets();

const threadIds = ['a', 'b'];

interface Step {
  readonly kind: (typeof kinds)[number];
  readonly n: number;
}

/** What may happen next, as often as it stands here. */
const kinds = [
  ...(['write', 'write', 'write', 'process', 'process', 'process', 'deliver', 'deliver', 'deliver', 'late'] as const),
  ...(['flow', 'flow', 'flow', 'flow', 'accept', 'accept', 'away', 'away', 'break', 'refuse'] as const),
  ...(['repeat', 'tick', 'tick', 'busy', 'subscribe', 'unsubscribe', 'send', 'edit some'] as const),
  ...(['older', 'older', 'keep newest'] as const),
];

/** What the handlers of one thread were told, held against what the contract lets them be told. */
class Handlers {
  readonly problems: string[] = [];
  readonly #last = new Map<string, number>();
  /** Of each thread, what the latest reload or first page says is known: nothing up to there need be told. */
  readonly #known = new Map<string, number>();
  readonly #told = new Map<string, Set<string>>();
  readonly #new = new Set<string>();

  page(threadId: string, head: number): void {
    this.#known.set(threadId, head);
  }

  take(event: 'thread_message' | 'message_updated', { thread_id, id, seq, position }: Message): void {
    const last = this.#last.get(thread_id) ?? 0;
    if (seq <= last) this.problems.push(`${thread_id}: ${seq} came after ${last}`);
    this.#last.set(thread_id, seq);
    if (event === 'thread_message' && this.#new.has(id)) this.problems.push(`${id} was new twice`);
    if (event === 'thread_message') this.#new.add(id);
    else if (!this.#new.has(id) && position > (this.#known.get(thread_id) ?? 0)) {
      this.problems.push(`${id}, of after the page, changed (${seq}) before it was new`);
    }
    const told = this.#told.get(thread_id) ?? new Set();
    this.#told.set(thread_id, told.add(`${id} at ${seq}`));
  }

  /** Everything that is as it is since then, and was not on a page to begin with, must have been told. */
  finish(threadId: string, messages: readonly Message[]): void {
    for (const { id, seq } of messages) {
      if (seq <= (this.#known.get(threadId) ?? 0)) continue;
      if (!this.#told.get(threadId)?.has(`${id} at ${seq}`)) this.problems.push(`${id} at ${seq} was never told`);
    }
  }
}

async function run(steps: readonly Step[], limits: ModelServer['limits']) {
  const server = new ModelServer(threadIds, limits);
  const clock = new SdkClock();
  const client = (await opening)(server, { user: 'ada', clock });
  const handlers = new Handlers();
  client.on('thread_history', ({ thread, head_seq, recovered }) => {
    if (!recovered) handlers.page(thread.id, head_seq);
  });
  for (const event of ['thread_message', 'message_updated'] as const) {
    client.on(event, (message) => handlers.take(event, message));
  }
  const subscriptions: { id: string; unsubscribe: () => void }[] = [];
  const sends: string[] = [];
  const failures: unknown[] = [];
  let settled = 0;
  const subscribe = (n: number): void => {
    const id = threadIds[n % threadIds.length]!;
    subscriptions.push({ id, ...client.thread(id).subscribe() });
  };
  subscribe(0);

  const act: { [K in Step['kind']]: (n: number) => void } = {
    write: (n) => server.write(threadIds[n % threadIds.length]!, n),
    'edit some': (n) => {
      for (let i = 0; i < n % (limits.recoverable * 2); i += 1) server.write(threadIds[n % threadIds.length]!, n + i);
    },
    // What is under way goes on, but for answers that are late.
    flow: (n) => {
      for (let i = 0; i < 1 + (n % 8); i += 1) {
        server.process();
        server.deliver();
      }
    },
    process: () => server.process(),
    deliver: () => server.deliver(),
    late: (n) => server.catchUp(n),
    accept: () => server.accept(),
    refuse: () => server.refuse(),
    break: (n) => server.break(n % 4, n % 3),
    // A break during which things happen, to the first answer after it.
    away: (n) => {
      server.break(n % 4, n % 3);
      for (let i = 0; i < n % limits.recoverable; i += 1) server.write(threadIds[n % threadIds.length]!, n + i);
      for (let i = 0; i < 20 && !server.isWanted; i += 1) clock.fireNext();
      server.accept();
      for (let i = 0; i < n % 5; i += 1) server.process();
      for (let i = 0; i < n % 3; i += 1) server.deliver();
    },
    repeat: (n) => server.repeat(threadIds[n % threadIds.length]!, n),
    tick: () => void clock.fireNext(),
    busy: (n) => (server.refusals = 1 + (n % 3)),
    subscribe,
    unsubscribe: (n) => subscriptions.splice(n % Math.max(1, subscriptions.length), 1)[0]?.unsubscribe(),
    send: (n) => {
      const content = `send ${sends.length}`;
      sends.push(content);
      client
        .thread(threadIds[n % threadIds.length]!)
        .send(content)
        .then(
          () => (settled += 1),
          (error: unknown) => failures.push(error),
        );
    },
    older: (n) => {
      // It gives up where time passes without an answer.
      client
        .thread(threadIds[n % threadIds.length]!)
        .loadOlder()
        .catch(() => undefined);
    },
    'keep newest': (n) => client.thread(threadIds[n % threadIds.length]!).keepNewest(n % 4),
  };
  for (const { kind, n } of steps) {
    act[kind](n);
    // Sometimes what was asked for is not over when the next thing happens.
    if (n % 4 > 0) await turn();
  }

  // Everything comes to rest.
  for (const id of threadIds) subscribe(threadIds.indexOf(id));
  server.refusals = 0;
  const live = (): boolean => threadIds.every((id) => client.thread(id).getSnapshot().status === 'live');
  const sent = (): boolean => settled + failures.length === sends.length;
  for (let i = 0; !(live() && sent() && server.isIdle); i += 1) {
    if (i === 2000) throw new Error('it does not come to rest');
    await turn();
    server.accept();
    if (server.isIdle) clock.fireNext();
    server.process();
    server.catchUp(0);
    server.deliver();
  }
  await turn();
  const snapshots = threadIds.map((id) => client.thread(id).getSnapshot());
  client.close();
  return { server, handlers, snapshots, sends, failures };
}

const step = fc.record({ kind: fc.constantFrom(...kinds), n: fc.nat(1000) });
const limits = fc.record({
  page: fc.integer({ min: 1, max: 4 }),
  recoverable: fc.integer({ min: 2, max: 9 }),
  batch: fc.integer({ min: 0, max: 5 }),
});

describe('whatever a server does that the contract allows, and whatever breaks', () => {
  test('handlers are told of every change in order and once, and the snapshots end as what is stored', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 120, size: 'max' }), limits, async (steps, most) => {
        const { server, handlers, snapshots, sends, failures } = await run(steps, most);
        for (const [i, id] of threadIds.entries()) {
          const stored = server.messages(id);
          handlers.finish(id, stored);
          const { messages, hasOlder, pending } = snapshots[i]!;
          expect(pending).toEqual([]);
          const from = messages[0]?.position ?? stored.length + server.head(id);
          const expected = hasOlder ? stored.filter(({ position }) => position >= from) : stored;
          expect(messages).toEqual(expected);
        }
        expect(handlers.problems).toEqual([]);
        expect(failures).toEqual([]);
        // Each message that was sent is stored once.
        const own = threadIds.flatMap((id) => server.messages(id)).filter(({ sender }) => sender.id === 'ada');
        expect(new Set(own.map(({ message_id }) => message_id)).size).toBe(sends.length);
        expect(own.length).toBe(sends.length);
      }),
      { numRuns: 400 },
    );
  });
});
