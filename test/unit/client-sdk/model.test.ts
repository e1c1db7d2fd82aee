import { describe, expect, test } from '@jest/globals';
import type { Message, ServerPayload } from '@threadwire/protocol';
import fc from 'fast-check';
import type { StreamWriter } from '../../../client-sdk/src/index.ts';
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
  ...(['older', 'older', 'keep newest', 'begin', 'grow', 'grow', 'grow', 'grow', 'end'] as const),
  ...(['start', 'say', 'say', 'say', 'finish', 'listen', 'listen'] as const),
];

/** What happens most where replies are streamed. */
const streamKinds: readonly Step['kind'][] = [
  ...(['grow', 'grow', 'grow', 'grow', 'grow', 'grow', 'grow', 'grow', 'begin', 'end', 'listen'] as const),
  ...(['start', 'say', 'say', 'say', 'say', 'say', 'finish', 'flow', 'flow', 'flow', 'flow', 'flow', 'flow'] as const),
  ...(['process', 'deliver', 'deliver', 'late', 'late', 'tick', 'busy', 'away', 'break', 'write', 'repeat'] as const),
];
/** A thread that is live, and in it a reply that somebody writes. */
const underWay: readonly Step[] = (['accept', 'flow', 'begin', 'flow'] as const).map((kind) => ({ kind, n: 6 }));

/** What the handlers of one thread were told, held against what the contract lets them be told. */
class Handlers {
  readonly problems: string[] = [];
  readonly #last = new Map<string, number>();
  /** Of each thread, what the latest reload or first page says is known: nothing up to there need be told. */
  readonly #known = new Map<string, number>();
  readonly #told = new Map<string, Set<string>>();
  readonly #new = new Set<string>();
  /** Of each message: what a handler has that puts the pieces it is given one behind the other. */
  readonly #texts = new Map<string, string>();

  page({ thread, head_seq }: ServerPayload<'thread_history'>, held: readonly Message[]): void {
    this.#known.set(thread.id, head_seq);
    this.keep(thread.id, held);
    for (const { id, content } of held) if (!this.#texts.has(id)) this.#texts.set(id, content);
  }

  /** Of the thread's other messages nothing is told any more. */
  keep(threadId: string, held: readonly Message[]): void {
    for (const id of this.#texts.keys()) {
      if (id.startsWith(`${threadId}-`) && !held.some((message) => message.id === id)) this.#texts.delete(id);
    }
  }

  grow({ stream_id: id, offset, delta }: ServerPayload<'stream_chunk'>, held: Message | undefined): void {
    if (!held || delta === '') this.problems.push(`${id}: text of nothing`);
    // One that an older page brought.
    const text = this.#texts.get(id) ?? held?.content.slice(0, offset) ?? '';
    if (text.length !== offset) this.problems.push(`${id}: ${delta} at ${offset}, not at ${text.length}`);
    this.#texts.set(id, text + delta);
  }

  end({ thread_id, stream_id: id, seq, length }: ServerPayload<'stream_end'>, held: Message | undefined): void {
    this.#inTurn(thread_id, seq);
    const text = this.#texts.get(id);
    if (text && text.length !== length) this.problems.push(`${id} ended at ${length}, not at ${text.length}`);
    if (held && held.status === 'streaming') this.problems.push(`${id} ended, and does not show it`);
    this.#told.set(thread_id, (this.#told.get(thread_id) ?? new Set()).add(`${id} at ${seq}`));
  }

  take(event: 'thread_message' | 'message_updated' | 'stream_start', message: Message): void {
    const { thread_id, id, seq, position, content } = message;
    this.#inTurn(thread_id, seq);
    this.#texts.set(id, content);
    const isNew = event !== 'message_updated';
    if (isNew && this.#new.has(id)) this.problems.push(`${id} was new twice`);
    if (isNew) this.#new.add(id);
    else if (!this.#new.has(id) && position > (this.#known.get(thread_id) ?? 0)) {
      this.problems.push(`${id}, of after the page, changed (${seq}) before it was new`);
    }
    const told = this.#told.get(thread_id) ?? new Set();
    this.#told.set(thread_id, told.add(`${id} at ${seq}`));
  }

  /** Everything that is as it is since then, and was not on a page to begin with, must have been told. */
  finish(threadId: string, messages: readonly Message[], held: readonly Message[]): void {
    for (const { id, content } of held) {
      const text = this.#texts.get(id) ?? content;
      if (text !== content) this.problems.push(`${id} was told as ${text}, not ${content}`);
    }
    for (const { id, seq } of messages) {
      if (seq <= (this.#known.get(threadId) ?? 0)) continue;
      if (!this.#told.get(threadId)?.has(`${id} at ${seq}`)) this.problems.push(`${id} at ${seq} was never told`);
    }
  }

  #inTurn(threadId: string, seq: number): void {
    const last = this.#last.get(threadId) ?? 0;
    if (seq <= last) this.problems.push(`${threadId}: ${seq} came after ${last}`);
    this.#last.set(threadId, seq);
  }
}

/** One loop over a message's text. */
interface Loop {
  readonly id: string;
  text: string;
  state: 'going' | 'ended' | 'thrown';
}

async function listen(loop: Loop, pieces: AsyncIterable<string>): Promise<void> {
  try {
    for await (const piece of pieces) {
      loop.text += piece;
      // Sometimes more comes meanwhile.
      if (loop.text.length % 2 === 0) await turn();
    }
    loop.state = 'ended';
  } catch {
    loop.state = 'thrown';
  }
}

async function run(steps: readonly Step[], limits: ModelServer['limits']) {
  const server = new ModelServer(threadIds, limits);
  const clock = new SdkClock();
  const client = (await opening)(server, { user: 'ada', clock });
  const handlers = new Handlers();
  const heldMessage = (threadId: string, id: string) => client.thread(threadId).message(id).current;
  client.on('thread_history', (page) => {
    if (!page.recovered) handlers.page(page, client.thread(page.thread.id).getSnapshot().messages);
  });
  for (const event of ['thread_message', 'message_updated', 'stream_start'] as const) {
    client.on(event, (message) => handlers.take(event, message));
  }
  client.on('stream_chunk', (chunk) => handlers.grow(chunk, heldMessage(chunk.thread_id, chunk.stream_id)));
  client.on('stream_end', (end) => handlers.end(end, heldMessage(end.thread_id, end.stream_id)));
  const subscriptions: { id: string; unsubscribe: () => void }[] = [];
  const sends: string[] = [];
  const failures: unknown[] = [];
  const replies: { writer?: StreamWriter; text: string; isEnding: boolean; message?: Message }[] = [];
  const loops: Loop[] = [];
  const pick = <T>(from: readonly T[], n: number): T | undefined => from[n % Math.max(1, from.length)];
  const finish = (reply: (typeof replies)[number]): void => {
    if (!reply.writer || reply.isEnding) return;
    reply.isEnding = true;
    reply.writer.end().then(
      (message) => (reply.message = message),
      (error: unknown) => failures.push(error),
    );
  };
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
    'keep newest': (n) => {
      const thread = client.thread(pick(threadIds, n)!);
      thread.keepNewest(n % 4);
      handlers.keep(thread.id, thread.getSnapshot().messages);
    },
    begin: (n) => server.begin(pick(threadIds, n)!),
    grow: (n) => server.grow(pick(threadIds, n)!, n),
    end: (n) => server.end(pick(threadIds, n)!, n),
    start: (n) => {
      const reply: (typeof replies)[number] = { text: '', isEnding: false };
      replies.push(reply);
      client
        .thread(pick(threadIds, n)!)
        .startStream()
        .then(
          (writer) => (reply.writer = writer),
          (error: unknown) => failures.push(error),
        );
    },
    say: (n) => {
      const reply = pick(replies, n);
      if (!reply?.writer || reply.isEnding) return;
      // Half of a character may come alone.
      const piece = n % 4 === 0 ? '\uD83D' : n % 4 === 1 ? '\uDE00' : 'so '.repeat(n % 50 === 0 ? 9000 : 1 + (n % 3));
      reply.text += piece;
      reply.writer.write(piece).catch((error: unknown) => failures.push(error));
    },
    finish: (n) => {
      const reply = pick(replies, n);
      if (reply) finish(reply);
    },
    listen: (n) => {
      const thread = client.thread(pick(threadIds, n)!);
      const message = pick(thread.getSnapshot().messages, n);
      if (!message) return;
      const loop: Loop = { id: message.id, text: '', state: 'going' };
      loops.push(loop);
      void listen(loop, thread.message(message.id).stream());
    },
  };
  for (const { kind, n } of steps) {
    act[kind](n);
    // Sometimes what was asked for is not over when the next thing happens.
    if (n % 4 > 0) await turn();
  }

  // Everything comes to rest.
  for (const id of threadIds) subscribe(threadIds.indexOf(id));
  server.refusals = 0;
  // A thread that reads text that was left out is live, but its message still streams.
  const live = (): boolean =>
    threadIds.every((id) => {
      const { status, messages } = client.thread(id).getSnapshot();
      return status === 'live' && messages.every((message) => message.status !== 'streaming');
    });
  const sent = (): boolean =>
    failures.length > 0 || (settled === sends.length && replies.every(({ message }) => message !== undefined));
  for (let i = 0; !(live() && sent() && server.isIdle); i += 1) {
    if (i === 2000) throw new Error('it does not come to rest');
    await turn();
    for (const id of threadIds) server.end(id, i);
    replies.forEach(finish);
    server.accept();
    if (server.isIdle) clock.fireNext();
    server.process();
    server.catchUp(0);
    server.deliver();
    await turn();
  }
  await turn();
  const snapshots = threadIds.map((id) => client.thread(id).getSnapshot());
  client.close();
  await turn();
  return { server, handlers, snapshots, sends, replies, loops, failures };
}

const steps = (from: readonly Step['kind'][]) =>
  fc.array(fc.record({ kind: fc.constantFrom(...from), n: fc.nat(1000) }), {
    minLength: 10,
    maxLength: 120,
    size: 'max',
  });
const limits = fc.record({
  page: fc.integer({ min: 1, max: 4 }),
  recoverable: fc.integer({ min: 2, max: 9 }),
  batch: fc.integer({ min: 0, max: 5 }),
});

describe('whatever a server does that the contract allows, and whatever breaks', () => {
  test.each([
    ['whatever is done', steps(kinds)],
    ['while replies are streamed', steps(streamKinds).map((after) => [...underWay, ...after])],
  ])('handlers are told of everything in order and once, and snapshots end as what is stored: %s', async (_, all) => {
    await fc.assert(
      fc.asyncProperty(all, limits, async (what, most) => {
        const { server, handlers, snapshots, sends, replies, loops, failures } = await run(what, most);
        for (const [i, id] of threadIds.entries()) {
          const stored = server.messages(id);
          handlers.finish(id, stored, snapshots[i]!.messages);
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
        expect(new Set(own.map(({ message_id }) => message_id)).size).toBe(own.length);
        expect(own.length).toBe(sends.length + replies.length);
        // Each reply has the text that was written, once.
        for (const { text, message } of replies) {
          expect(message).toMatchObject({ status: 'complete', content: text.toWellFormed() });
          expect(server.ended.get(message!.id)!.text).toBe(message!.content);
        }
        // Each loop over a text that nobody has changed since got all of it, or was told why not.
        for (const { id, text, state } of loops) {
          expect(state).not.toBe('going');
          const { text: all, seq } = server.ended.get(id) ?? { text, seq: 0 };
          const isAsItEnded = threadIds.some((t) => server.messages(t).some((m) => m.id === id && m.seq === seq));
          if (isAsItEnded) expect([id, text]).toEqual([id, state === 'ended' ? all : all.slice(0, text.length)]);
        }
      }),
      { numRuns: 400 },
    );
  });
});
