import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { ServerPayload, ThreadHistory } from '@threadwire/protocol';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import type { WriteOp } from '../../server/src/store/thread-store.ts';
import { startApp } from '../support/app.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import { connectClient, readThread } from '../support/client.ts';
import type { Arrival, TestClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { expectClean, LogRecorder } from '../support/log-checker.ts';
import type { ViewRecorder } from '../support/log-checker.ts';
import { fresh, newThread, range, seededRandom, sendMany, sendText, withMethods } from './helpers.ts';

/** Within this every subscriber has to be at the head. */
const convergeMs = 8000;
/** A handshake that was cut may never be answered. */
const reconnectMs = 300;

/** A client that does what the contract tells it to: it applies what is above its cursor and resumes by `after_seq`. */
class Follower implements AsyncDisposable {
  readonly #url: string;
  readonly #threadId: string;
  readonly #view: ViewRecorder;
  #client: TestClient | undefined;
  /** Every event up to here was applied, or came with an answer; undefined before the first answer. */
  #applied: number | undefined;
  /** Where a recovery that one answer could not hold goes on. */
  #backlog: number | undefined;
  #isLive = false;

  constructor(url: string, threadId: string, view: ViewRecorder) {
    this.#url = url;
    this.#threadId = threadId;
    this.#view = view;
  }

  /** Up to here nothing is missing. */
  get cursor(): number {
    return this.#backlog ?? this.#applied ?? -1;
  }

  get isConnected(): boolean {
    return this.#client?.socket.connected ?? false;
  }

  async connect(timeoutMs = 5000): Promise<void> {
    this.#client = await connectClient(this.#url, {
      user: 'reader',
      tap: (arrival) => this.#receive(arrival),
      timeoutMs,
    });
  }

  async subscribe(): Promise<void> {
    const from = this.#applied === undefined ? {} : { after_seq: this.cursor };
    await this.#client!.call('subscribe_thread', { thread_id: this.#threadId, ...from });
    while (this.#backlog !== undefined) {
      await this.#client!.call('fetch_history', { thread_id: this.#threadId, after_seq: this.#backlog });
    }
  }

  async unsubscribe(): Promise<void> {
    this.#isLive = false;
    await this.#client!.call('unsubscribe_thread', { thread_id: this.#threadId });
  }

  disconnect(): void {
    this.#client!.socket.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
  }

  #receive(arrival: Arrival): void {
    this.#view.tap(arrival);
    switch (arrival.kind) {
      case 'disconnected':
        this.#isLive = false;
        break;
      case 'answer':
        if (arrival.event === 'subscribe_thread' && arrival.answer.ok) this.#join(arrival.answer.data);
        else if (arrival.event === 'fetch_history' && arrival.answer.ok) this.#go(arrival.answer.data);
        break;
      case 'event': {
        const { seq } = arrival.payload as Partial<ServerPayload<'thread_message'>>;
        if (seq !== undefined && this.#isLive) this.#applied = Math.max(this.#applied!, seq);
        break;
      }
      default:
    }
  }

  #join(history: ThreadHistory): void {
    this.#applied = Math.max(this.#applied ?? 0, history.head_seq);
    this.#isLive = true;
    this.#go(history);
  }

  #go({ recovered, has_more, messages }: ThreadHistory): void {
    this.#backlog = recovered && has_more ? messages.at(-1)!.seq : undefined;
  }
}

/** Whatever goes wrong because of a cut connection; what the server did wrong shows in the log. */
async function unlessCut(action: Promise<unknown>): Promise<void> {
  await action.catch((error: unknown) => {
    if (!/connection|refused: websocket error|no session|was closed/.test(String(error))) throw error;
  });
}

/** Sends, repeats, edits and deletes at random, one after the other. */
async function writeAtRandom(client: TestClient, threadId: string, count: number, random: () => number): Promise<void> {
  const own: { id: string; message_id: string }[] = [];
  for (const i of range(1, count)) {
    const some = own[Math.floor(random() * own.length)];
    const dice = random();
    if (!some || dice < 0.5) {
      const message_id = fresh('m');
      const send = () => client.call('send_message', { thread_id: threadId, content: `message ${i}`, message_id });
      const answers = await Promise.all([send(), ...(dice < 0.1 ? [send(), send()] : [])]);
      own.push(answers[0].message);
    } else if (dice < 0.6) {
      await client.call('send_message', { thread_id: threadId, content: 'again', message_id: some.message_id });
    } else if (dice < 0.9) {
      // One that was deleted cannot be edited.
      await client.request('edit_message', { thread_id: threadId, id: some.id, content: `edit ${i}` });
    } else {
      await client.call('delete_message', { thread_id: threadId, id: some.id });
    }
  }
}

async function headOf(client: TestClient, threadId: string): Promise<number> {
  return (await client.call('fetch_history', { thread_id: threadId, limit: 0 })).head_seq;
}

describe.each(runnableBackEnds)('order and recovery, on $name', ({ name }) => {
  const changes = name === 'embedded' ? 120 : 25;

  test.each([[1], [2], [3]])(
    'writers, joiners, leavers and reconnections at random leave no gap, no double and no disorder (seed %i)',
    async (seed) => {
      const random = seededRandom(seed);
      await using app = await startApp({ backEnd: name, ratePerSecond: 0 });
      const recorder = new LogRecorder();
      await using ada = await connectClient(app.url, { user: 'ada' });
      const { id } = await newThread(ada);
      const writers = await Promise.all(
        ['ada', 'ada', 'bo', 'chi'].map((user) => connectClient(app.url, { user, tap: recorder.view(user).tap })),
      );
      const followers = range(1, 5).map(() => new Follower(app.url, id, recorder.view('reader')));
      const run = { isOver: false };
      const writing = Promise.all(writers.map((writer) => writeAtRandom(writer, id, changes, random))).finally(() => {
        run.isOver = true;
      });
      const following = followers.map(async (follower) => {
        await follower.connect();
        await follower.subscribe();
        while (!run.isOver) {
          const dice = random();
          if (dice < 0.3) {
            follower.disconnect();
            await follower.connect();
          } else if (dice < 0.6) {
            await follower.unsubscribe();
          }
          if (dice > 0.9) {
            // Subscribing twice over, and leaving at the same time, is allowed.
            await Promise.all([follower.subscribe(), follower.unsubscribe(), follower.subscribe()]);
          } else {
            await follower.subscribe();
          }
          await delay(random() * 15);
        }
      });
      await writing;
      await Promise.all(following);
      const head = await headOf(ada, id);
      expect(head).toBeGreaterThan(changes * 2);
      await eventually(`everybody at ${head}`, () => followers.every(({ cursor }) => cursor === head), convergeMs);
      recorder.final(id, await readThread(ada, id));
      for (const client of [...followers, ...writers]) await client[Symbol.asyncDispose]();
      expectClean(recorder.log);
    },
  );

  test('acks that are lost and requests that break off, sent again with their message_id, are one message each', async () => {
    await using app = await startApp({ backEnd: name, ratePerSecond: 0 });
    await using proxy = await startFaultProxy({ port: app.server.port });
    const recorder = new LogRecorder();
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    await using reader = new Follower(app.url, thread_id, recorder.view('reader'));
    await reader.connect();
    await reader.subscribe();
    const view = recorder.view('bo');
    const requests = range(1, 20).map((i) => ({ thread_id, content: `message ${i}`, message_id: fresh('m') }));
    for (const round of range(0, 5)) {
      {
        await using bo = await connectClient(proxy.url, { user: 'bo', tap: view.tap });
        // Either no ack comes back, or the connection breaks inside a request.
        if (round % 2 === 0) proxy.down.blackHole = true;
        const broken =
          round % 2 === 0 ? undefined : proxy.up.cutAfter(100 + 331 * round, round % 4 === 1 ? 'rst' : 'fin');
        const sends = requests.map((request) => unlessCut(bo.call('send_message', request)));
        if (round % 2 === 0) await eventually('some to be stored', async () => (await headOf(ada, thread_id)) > round);
        else await broken;
        proxy.cut('rst');
        await Promise.all(sends);
      }
      await proxy.heal();
    }
    await using bo = await connectClient(proxy.url, { user: 'bo', tap: view.tap });
    const answers = await Promise.all(requests.map((request) => bo.call('send_message', request)));
    expect(answers.some(({ duplicate }) => duplicate)).toBe(true);
    expect(await headOf(ada, thread_id)).toBe(20);
    await eventually('the reader at the head', () => reader.cursor === 20, convergeMs);
    const stored = await readThread(ada, thread_id);
    expect(stored.map(({ content }) => content).toSorted()).toEqual(requests.map(({ content }) => content).toSorted());
    recorder.final(thread_id, stored);
    expectClean(recorder.log);
  });
});

describe('a subscribe that races sends', () => {
  test('gets no event before its answer, and every one after it', async () => {
    const random = seededRandom(4);
    await using app = await startApp({
      ratePerSecond: 0,
      // What is read may be old by the time it arrives.
      wrapStore: (store) =>
        withMethods(store, {
          async histories(...args) {
            if (random() < 0.5) await delay(random() * 10);
            const results = await store.histories(...args);
            if (random() < 0.8) await delay(random() * 20);
            return results;
          },
        }),
    });
    await using ada = await connectClient(app.url, { user: 'ada' });
    const recorder = new LogRecorder();
    for (let i = 0; i < 6; i += 1) {
      const ids = await Promise.all(range(1, 3).map(async () => (await newThread(ada)).id));
      const readers = await Promise.all(
        range(1, 4).map((i) => connectClient(app.url, { user: `reader-${i}`, tap: recorder.view(`reader-${i}`).tap })),
      );
      const sendSome = () => Promise.all(ids.map((id) => sendMany(ada, id, 5)));
      const begun = sendSome();
      // One group after the other: what is sent at once is stored at once, and nobody would read in between.
      const sending = begun.then(async () => {
        for (let group = 2; group <= 8; group += 1) await sendSome();
      });
      await Promise.all(
        readers.map(async (reader, i) => {
          if (i === 0) await begun;
          else await delay(random() * 10);
          const threads = ids.map((thread_id) => ({ thread_id, ...(i % 2 === 0 ? { after_seq: 0 } : { limit: 200 }) }));
          // The same connection may ask twice; and a thread that it is in already.
          await Promise.all([
            reader.call('subscribe_threads', { threads }),
            reader.call('subscribe_thread', threads[0]!),
          ]);
        }),
      );
      await sending;
      for (const id of ids) {
        const last = await sendText(ada, id, 'last');
        for (const reader of readers) await reader.next('thread_message', (message) => message.id === last.id);
        recorder.final(id, await readThread(ada, id));
      }
      for (const reader of readers) await reader[Symbol.asyncDispose]();
    }
    expectClean(recorder.log);
    // Some answers came while messages were under way, or this has shown nothing.
    const heads = recorder.log.views.flatMap(({ entries }) =>
      entries.flatMap((entry) => (entry.kind === 'history' && entry.subscribes ? [entry.history.head_seq] : [])),
    );
    expect(heads.some((head) => head > 0 && head < 40)).toBe(true);
  });
});

describe('a write whose answer is lost', () => {
  const lost = () => new StoreUnavailable('the answer was lost');

  test('is announced soon if it took effect', async () => {
    const state = { isLosing: false };
    await using app = await startApp({
      wrapStore: (store) =>
        withMethods(store, {
          async write(ops) {
            const results = await store.write(ops);
            if (state.isLosing) throw lost();
            return results;
          },
          // It is not the poll of heads, which comes later, that finds it.
          threads: () => Promise.reject(lost()),
        }),
    });
    await using ada = await connectClient(app.url, { user: 'ada' });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id: thread_id } = await newThread(ada);
    await bo.call('subscribe_thread', { thread_id });
    state.isLosing = true;
    const answer = await ada.request('send_message', { thread_id, content: 'lost', message_id: 'm' });
    expect(answer).toMatchObject({ ok: false, error: { code: 'unavailable', retry: 'later' } });
    expect(await bo.next('thread_message')).toMatchObject({ seq: 1, content: 'lost', message_id: 'm' });
    // Sent again it is a duplicate, and not announced again.
    state.isLosing = false;
    const again = await ada.call('send_message', { thread_id, content: 'lost', message_id: 'm' });
    expect(again).toMatchObject({ duplicate: true, message: { seq: 1 } });
    await sendText(ada, thread_id, 'marker');
    expect(await bo.next('thread_message')).toMatchObject({ seq: 2 });
  });

  test('is announced soon after, if it takes effect later', async () => {
    const late: WriteOp[] = [];
    await using app = await startApp({
      wrapStore: (store) =>
        withMethods(store, {
          async write(ops) {
            late.push(...ops);
            throw lost();
          },
          async changesAfter(...args) {
            const changes = await store.changesAfter(...args);
            // By the first look nothing has happened yet.
            if (late.length > 0) await store.write(late.splice(0));
            return changes;
          },
        }),
    });
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    await ada.call('subscribe_thread', { thread_id });
    const answer = await ada.request('send_message', { thread_id, content: 'late' });
    expect(answer).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(await ada.next('thread_message', undefined, convergeMs)).toMatchObject({ seq: 1, content: 'late' });
  });

  test('is announced when a repeat finds it stored', async () => {
    const state = { isLosing: true };
    await using app = await startApp({
      wrapStore: (store) =>
        withMethods(store, {
          async write(ops) {
            // Lost by a process that is no more: nobody here knows of it.
            if (state.isLosing) await store.write(ops.map((op) => ({ ...op, id: fresh('lost') })));
            state.isLosing = false;
            return store.write(ops);
          },
        }),
    });
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    await ada.call('subscribe_thread', { thread_id });
    const { message, duplicate } = await ada.call('send_message', { thread_id, content: 'once', message_id: 'm' });
    expect([duplicate, message.seq]).toEqual([true, 1]);
    expect(await ada.next('thread_message')).toEqual(message);
  });
});

describe('a connection that is cut', () => {
  test('inside frames, again and again, resumes by after_seq and converges', async () => {
    const random = seededRandom(5);
    await using app = await startApp({ ratePerSecond: 0 });
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using ada = await connectClient(app.url, { user: 'ada' });
    const recorder = new LogRecorder();
    const { id } = await newThread(ada);
    const followers = range(1, 3).map(() => new Follower(proxy.url, id, recorder.view('reader')));
    let cuts = 0;
    const run = { isOver: false };
    const writing = writeAtRandom(ada, id, 400, random).finally(() => {
      run.isOver = true;
    });
    const cutting = async () => {
      while (!run.isOver) {
        // Anywhere: in a header, in a payload, in the handshake.
        await Promise.race([
          proxy.down.cutAfter(1 + Math.floor(random() * 6000), random() < 0.5 ? 'rst' : 'fin'),
          writing,
        ]);
        cuts += 1;
      }
    };
    const following = followers.map(async (follower) => {
      while (!run.isOver) {
        await unlessCut(follower.connect(reconnectMs).then(() => follower.subscribe()));
        await eventually('the next cut', () => run.isOver || !follower.isConnected, convergeMs);
      }
    });
    await Promise.all([writing, cutting(), ...following]);
    await proxy.heal();
    for (const follower of followers) {
      if (follower.isConnected) follower.disconnect();
      await follower.connect();
      await follower.subscribe();
    }
    const head = await headOf(ada, id);
    await eventually(`everybody at ${head}`, () => followers.every(({ cursor }) => cursor === head), convergeMs);
    expect(cuts).toBeGreaterThan(5);
    recorder.final(id, await readThread(ada, id));
    for (const follower of followers) await follower[Symbol.asyncDispose]();
    expectClean(recorder.log);
  });
});
