import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import type { BackEnd, OpenBackEnd } from '../support/back-ends.ts';
import { connectClient, readThread } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { StreamReader } from '../support/stream-reader.ts';
import { fresh, newThread, seededRandom } from './helpers.ts';

/** Longer than anything that a producer does here takes, but for one that stays away. */
const leaseMs = 2500;
const messageId = 'the-stream';

type Step =
  | { readonly do: 'chunk'; readonly length: number; readonly waits: boolean }
  | { readonly do: 'repeat'; readonly back: number; readonly length: number }
  | { readonly do: 'pause'; readonly ms: number }
  | { readonly do: 'drop' | 'resume' | 'take over' | 'join' | 'resubscribe' | 'say' | 'restart' };

type Ending = 'end' | 'fail' | 'cancel' | 'delete' | 'cancel and end' | 'leave';

const chunk = fc.record({
  do: fc.constant('chunk' as const),
  length: fc.integer({ min: 0, max: 6 }),
  waits: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: chunk, weight: 12 },
  {
    arbitrary: fc.record({
      do: fc.constant('repeat' as const),
      back: fc.integer({ min: 0, max: 9 }),
      length: fc.integer({ min: 0, max: 12 }),
    }),
    weight: 3,
  },
  { arbitrary: fc.record({ do: fc.constant('pause' as const), ms: fc.integer({ min: 1, max: 60 }) }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constantFrom('drop', 'resume', 'take over', 'take over', 'say') }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constantFrom('join', 'resubscribe') }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant('restart' as const) }), weight: 1 },
);
const ending: fc.Arbitrary<Ending> = fc.oneof(
  { arbitrary: fc.constantFrom('end', 'fail', 'cancel', 'delete', 'cancel and end'), weight: 9 },
  { arbitrary: fc.constant('leave'), weight: 1 },
);

/** One reader of the thread, and its connection. */
interface Follower {
  readonly reader: StreamReader;
  client: TestClient;
  /** It was there all the time, with one connection. */
  isSteady: boolean;
}

/** One stream, everybody who has to do with it, and what is known of it. */
class Scene implements AsyncDisposable {
  readonly #backEnd: OpenBackEnd;
  #app: App;
  readonly #random: () => number;
  threadId = '';
  streamId = '';
  readonly followers: Follower[] = [];
  #producer: TestClient | undefined;
  /** That it goes on from next: text is still on its way when a stream is taken over at once. */
  #spare: Promise<TestClient> | undefined;
  /** What the producer has: beyond what was accepted this changes whenever it goes on. */
  text = '';
  /** Up to here it has sent its text, or so it believes. */
  sent = 0;
  /** The most that was ever sent, and the most that was ever acknowledged. */
  mostSent = 0;
  acknowledged = 0;
  says = 0;
  readonly faults: string[] = [];
  readonly #answers: Promise<void>[] = [];

  constructor(backEnd: OpenBackEnd, app: App, random: () => number) {
    this.#backEnd = backEnd;
    this.#app = app;
    this.#random = random;
  }

  static async open(backEnd: BackEnd, seed: number): Promise<Scene> {
    const opened = await backEnd.open();
    const scene = new Scene(opened, await startOn(opened.store), seededRandom(seed));
    await using creator = await scene.connect('ada');
    scene.threadId = (await newThread(creator)).id;
    await scene.join(true);
    await scene.resume();
    return scene;
  }

  connect(user: string, reader?: StreamReader): Promise<TestClient> {
    return connectClient(this.#app.url, { user, ...(reader && { tap: reader.tap }) });
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const each of steps) await this.#step(each);
  }

  async #step(each: Step): Promise<void> {
    switch (each.do) {
      case 'chunk': {
        const answered = this.#send(this.sent, each.length);
        if (each.waits) await answered;
        return;
      }
      case 'repeat':
        void this.#send(Math.max(0, this.sent - each.back), each.length);
        return;
      case 'pause':
        await delay(each.ms);
        return;
      case 'drop':
        await this.#producer?.[Symbol.asyncDispose]();
        this.#producer = undefined;
        return;
      case 'resume':
        if (!this.#producer) await this.resume();
        return;
      case 'take over':
        await this.resume();
        return;
      case 'join':
        await this.join(true);
        return;
      case 'resubscribe':
        await this.#resubscribe(this.followers[Math.floor(this.#random() * this.followers.length)]!);
        return;
      case 'say':
        this.says += 1;
        await this.followers[0]!.client.call('send_message', { thread_id: this.threadId, content: 'meanwhile' });
        return;
      case 'restart':
        await this.#restart();
    }
  }

  /** Sends this much of the text, new or not. */
  async #send(offset: number, length: number): Promise<void> {
    const producer = this.#producer;
    if (!producer) return;
    while (this.text.length < offset + length) {
      this.text += ['a', 'b', 'c', '文', '😀', '😃'][Math.floor(this.#random() * 6)]!;
    }
    const delta = this.text.slice(offset, offset + length);
    const end = offset + delta.length;
    this.sent = Math.max(this.sent, end);
    this.mostSent = Math.max(this.mostSent, end);
    const answered = producer.request('stream_chunk', { stream_id: this.streamId, offset, delta }, 20_000).then(
      (answer) => {
        if (!answer.ok) {
          // Of the one that was taken over from.
          const { code, details } = answer.error;
          const isKnown = (code === 'stream_conflict' && details?.['fenced'] === true) || code === 'stream_closed';
          if (!isKnown) this.faults.push(`a chunk at ${offset} was refused: ${JSON.stringify(answer.error)}`);
          return;
        }
        if (answer.data.offset < end) this.faults.push(`a chunk up to ${end} was stored up to ${answer.data.offset}`);
        this.acknowledged = Math.max(this.acknowledged, answer.data.offset);
      },
      () => {
        if (producer.socket.connected) this.faults.push(`a chunk at ${offset} was not answered`);
      },
    );
    this.#answers.push(answered);
    // What ends in half of a pair is answered with the other half.
    if (!isHalf(this.text.slice(0, end))) await answered;
  }

  /** Goes on from another connection, where the server says. */
  async resume(): Promise<void> {
    const before = this.#producer;
    const producer = await (this.#spare ?? this.connect('bot'));
    this.#spare = this.connect('bot');
    const start = { thread_id: this.threadId, message_id: messageId };
    const { message, offset } = await producer.call('stream_start', start);
    this.streamId = message.id;
    if (offset < this.acknowledged) this.faults.push(`resumed at ${offset}, but ${this.acknowledged} was acknowledged`);
    if (offset > this.mostSent) this.faults.push(`resumed at ${offset}, but no more than ${this.mostSent} was sent`);
    const held = this.text.slice(0, offset);
    if (message.content !== held) this.faults.push(`resumed with ${message.content}, but ${held} was sent`);
    this.text = held;
    this.sent = offset;
    this.#producer = producer;
    // That it is still there must not matter.
    if (before) setTimeout(() => void before[Symbol.asyncDispose](), 100).unref();
  }

  async join(isSteady: boolean): Promise<void> {
    const reader = new StreamReader(this.threadId);
    const client = await this.connect(`reader-${this.followers.length}`, reader);
    await client.call('subscribe_thread', { thread_id: this.threadId });
    this.followers.push({ reader, client, isSteady });
  }

  async #resubscribe(follower: Follower): Promise<void> {
    const { client, reader } = follower;
    follower.isSteady = false;
    const thread_id = this.threadId;
    await client.call('unsubscribe_thread', { thread_id });
    await delay(this.#random() * 50);
    await client.call('subscribe_thread', { thread_id, after_seq: reader.seq! });
  }

  async #restart(): Promise<void> {
    this.#producer = undefined;
    await (await this.#spare)?.[Symbol.asyncDispose]();
    this.#spare = undefined;
    await this.#app[Symbol.asyncDispose]();
    this.#app = await startOn(await this.#backEnd.reopen());
    for (const follower of this.followers) {
      follower.isSteady = false;
      await follower.client[Symbol.asyncDispose]();
      follower.client = await this.connect('reader', follower.reader);
      await follower.client.call('subscribe_thread', { thread_id: this.threadId, after_seq: follower.reader.seq! });
    }
    await this.resume();
  }

  /** Ends the stream in this way; how it came out is for the store to say. */
  async end(how: Ending): Promise<void> {
    const stream_id = this.streamId;
    const { client } = this.followers[0]!;
    if (how === 'leave') {
      await this.#producer?.[Symbol.asyncDispose]();
      return;
    }
    if (!this.#producer) await this.resume();
    const producer = this.#producer!;
    const status = how === 'fail' ? 'failed' : 'complete';
    const end = () => producer.request('stream_end', { stream_id, offset: this.sent, status });
    const cancel = () => client.request('stream_cancel', { stream_id });
    if (how === 'cancel') await cancel();
    else if (how === 'delete') await producer.request('delete_message', { thread_id: this.threadId, id: stream_id });
    else if (how === 'cancel and end') await Promise.all([end(), cancel()]);
    else await end();
  }

  /** What the store makes of the stream, once it has ended, and everybody has heard of it. */
  async outcome(): Promise<{ messages: Message[]; stream: Message; head: number }> {
    const { client } = this.followers[0]!;
    const read = () => readThread(client, this.threadId);
    let messages = await read();
    await eventually(
      'the stream has ended',
      async () => {
        messages = await read();
        return messages.every(({ status }) => status !== 'streaming');
      },
      2 * leaseMs + 5000,
    );
    await Promise.all(this.#answers);
    const head = Math.max(...messages.map(({ seq }) => seq));
    await eventually('everybody has heard of it', () => this.followers.every(({ reader }) => reader.seq === head));
    return { messages, stream: messages.find(({ id }) => id === this.streamId)!, head };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#producer?.[Symbol.asyncDispose]();
    await (await this.#spare)?.[Symbol.asyncDispose]();
    for (const { client } of this.followers) await client[Symbol.asyncDispose]();
    await this.#app[Symbol.asyncDispose]();
    await this.#backEnd[Symbol.asyncDispose]();
  }
}

/** Whether it ends in half of a surrogate pair. */
function isHalf(text: string): boolean {
  return /[\uD800-\uDBFF]$/.test(text);
}

function startOn(store: App['store']): Promise<App> {
  return startApp({ store, ratePerSecond: 0, streamLeaseMs: leaseMs });
}

describe.each(runnableBackEnds)('streams, on $name', (backEnd) => {
  test('whatever happens, every reader has the text that was accepted, and each stream ends once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), ending, fc.nat(), async (steps, how, seed) => {
        await using scene = await Scene.open(backEnd, seed);
        await scene.run(steps);
        await scene.end(how);
        const { stream, head } = await scene.outcome();

        expect(scene.faults).toEqual([]);
        const statuses: { [H in Ending]: string[] } = {
          end: ['complete'],
          fail: ['failed'],
          cancel: ['cancelled'],
          delete: ['deleted'],
          'cancel and end': ['complete', 'cancelled'],
          leave: ['interrupted'],
        };
        expect(statuses[how]).toContain(stream.status);
        if (stream.status === 'complete' || stream.status === 'failed') {
          const whole = scene.text.slice(0, scene.sent);
          expect(stream.content).toBe(isHalf(whole) ? `${whole.slice(0, -1)}\uFFFD` : whole);
        } else if (stream.status !== 'deleted') {
          // What was not acknowledged may be in it, or not.
          expect(scene.text.startsWith(stream.content)).toBe(true);
          expect(stream.content.length).toBeGreaterThanOrEqual(scene.acknowledged);
        }
        // The start, the end, and whatever else took a seq.
        expect(head).toBe(2 + scene.says + (how === 'delete' ? 1 : 0));
        for (const { reader, isSteady } of scene.followers) {
          expect(reader.faults).toEqual([]);
          const read = reader.streams.get(stream.id)!;
          expect(read).toMatchObject({ text: stream.content, status: stream.status });
          if (isSteady) expect(read.ends).toBe(1);
          else expect(read.ends).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 60, plugins: [fc.interruptAfterTimeLimit(25_000)] },
    );
  }, 60_000);

  test('fifty who come at any moment of a fast stream have all of its text', async () => {
    await using app = await startApp({ backEnd: backEnd.name, ratePerSecond: 0 });
    await using bot = await connectClient(app.url, { user: 'bot' });
    const { id: thread_id } = await newThread(bot);
    const joined = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const reader = new StreamReader(thread_id);
        return { reader, client: await connectClient(app.url, { user: `r${i}`, tap: reader.tap }) };
      }),
    );
    const { message } = await bot.call('stream_start', { thread_id, message_id: fresh('fast') });
    const stream_id = message.id;
    const words = Array.from({ length: 2000 }, (_, i) => `word${i} `);
    const whole = words.join('');
    const waiting = [...joined];
    const joins: Promise<unknown>[] = [];
    let offset = 0;
    for (const [i, delta] of words.entries()) {
      bot.send('stream_chunk', { stream_id, offset, delta });
      offset += delta.length;
      if (i % 40 === 0) joins.push(waiting.pop()!.client.call('subscribe_thread', { thread_id }));
      // They come between two chunks, not all behind the last.
      if (i % 10 === 0) await delay(1);
    }
    await bot.call('stream_end', { stream_id, offset, status: 'complete' });
    await Promise.all(joins);
    await eventually('everybody has seen the end', () => joined.every(({ reader }) => reader.seq === 2));
    for (const { reader, client } of joined) {
      expect(reader.faults).toEqual([]);
      expect(reader.streams.get(stream_id)).toMatchObject({ text: whole, status: 'complete' });
      await client[Symbol.asyncDispose]();
    }
    expect(joined.filter(({ reader }) => reader.streams.get(stream_id)!.ends === 1).length).toBeGreaterThan(40);
  }, 30_000);
});
