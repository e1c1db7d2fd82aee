import { randomInt } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { runnableBackEnds } from '../support/back-ends.ts';
import type { BackEnd } from '../support/back-ends.ts';
import { connectClient, readThread } from '../support/client.ts';
import type { Arrival, TestClient } from '../support/client.ts';
import { LogRecorder, expectClean } from '../support/log-checker.ts';
import type { ViewRecorder } from '../support/log-checker.ts';
import { ownDatabase } from '../support/mongodb-back-end.ts';
import { makeTempDir, startServer } from '../support/process.ts';
import type { ServerProcess } from '../support/process.ts';

const threadIds = ['red', 'green', 'blue'];

interface Load {
  readonly rounds: number;
  readonly senders: number;
  readonly subscribers: number;
  /** Messages that a sender has under way at a time. */
  readonly inFlight: number;
}

const loads: { [B in BackEnd['name']]: Load } = {
  embedded: { rounds: 8, senders: 4, subscribers: 3, inFlight: 8 },
  mongodb: { rounds: 3, senders: 3, subscribers: 2, inFlight: 3 },
};

/** Sends numbered messages, edits some of its own, and repeats after a crash what was not acknowledged before it. */
class Sender {
  readonly user: string;
  readonly view: ViewRecorder;
  acked = 0;
  #next = 1;
  readonly #unacked = new Map<string, { thread_id: string; content: string; message_id: string }>();

  constructor(user: string, view: ViewRecorder) {
    this.user = user;
    this.view = view;
  }

  /** Sends until the connection ends. */
  async run(url: string, inFlight: number, onAck: () => void): Promise<void> {
    await using client = await connectClient(url, { user: this.user, tap: this.view.tap });
    const lanes = Array.from({ length: inFlight }, async (_, lane) => {
      // What crashed in the middle comes first, by the same message_id.
      const repeats = [...this.#unacked.values()].filter((_each, i) => i % inFlight === lane);
      for (const payload of repeats) await this.#send(client, payload, onAck);
      for (;;) {
        const number = this.#next++;
        const message_id = `${this.user}-${number}`;
        const thread_id = threadIds[number % threadIds.length]!;
        const message = await this.#send(
          client,
          { thread_id, content: `${number} of ${this.user}`, message_id },
          onAck,
        );
        if (number % 5 === 0)
          await client.call('edit_message', { thread_id, id: message.id, content: `edited ${number}` });
      }
    });
    await Promise.allSettled(lanes);
  }

  /** Sends once more whatever was never acknowledged. */
  async settle(url: string): Promise<void> {
    await using client = await connectClient(url, { user: this.user, tap: this.view.tap });
    for (const payload of this.#unacked.values()) await this.#send(client, payload, () => undefined);
  }

  async #send(
    client: TestClient,
    payload: { thread_id: string; content: string; message_id: string },
    onAck: () => void,
  ): Promise<Message> {
    this.#unacked.set(payload.message_id, payload);
    const { message } = await client.call('send_message', payload, 15_000);
    this.#unacked.delete(payload.message_id);
    this.acked += 1;
    onAck();
    return message;
  }
}

/** Follows all threads, and after each crash goes on from the last seq that it applied. */
class Subscriber {
  readonly #user: string;
  readonly #view: ViewRecorder;
  readonly #applied = new Map<string, number>();

  constructor(user: string, view: ViewRecorder) {
    this.#user = user;
    this.#view = view;
  }

  applied(threadId: string): number {
    return this.#applied.get(threadId) ?? 0;
  }

  /** Connects and recovers; the client given back is the caller's to dispose of. */
  async follow(url: string): Promise<TestClient> {
    const client = await connectClient(url, { user: this.#user, tap: (arrival) => this.#take(arrival) });
    const threads = threadIds.map((thread_id) => ({ thread_id, after_seq: this.applied(thread_id), limit: 200 }));
    const answer = await client.call('subscribe_threads', { threads }, 15_000);
    for (const [i, entry] of answer.threads.entries()) {
      if (!entry.ok) throw new Error(JSON.stringify(entry.error));
      let { data } = entry;
      while (data.has_more && data.recovered) {
        const after_seq = data.messages.at(-1)!.seq;
        data = await client.call('fetch_history', { thread_id: threadIds[i]!, after_seq });
      }
    }
    return client;
  }

  #take(arrival: Arrival): void {
    this.#view.tap(arrival);
    if (arrival.kind === 'event' && (arrival.event === 'thread_message' || arrival.event === 'message_updated')) {
      this.#reach(arrival.payload.thread_id, arrival.payload.seq);
    } else if (arrival.kind === 'answer' && arrival.event === 'subscribe_threads' && arrival.answer.ok) {
      // Whatever came before the answer is in it, and the pages that follow are read before anything else happens.
      for (const entry of arrival.answer.data.threads) {
        if (entry.ok) this.#reach(entry.data.thread.id, entry.data.head_seq);
      }
    }
  }

  #reach(threadId: string, seq: number): void {
    this.#applied.set(threadId, Math.max(seq, this.applied(threadId)));
  }
}

describe.each(runnableBackEnds)('kill -9 of the service on the $name store', ({ name }) => {
  const load = loads[name];

  test('every acknowledged message is there once, seqs are gapless, and every view is whole', async () => {
    await using dir = await makeTempDir();
    await using database = name === 'mongodb' ? ownDatabase() : undefined;
    const start = (): Promise<ServerProcess> =>
      startServer({
        dataDir: dir.path,
        env: { RATE_LIMIT_PER_SECOND: '0', ...(database && { MONGODB_URI: database.uri }) },
      });
    const recorder = new LogRecorder();
    const senders = Array.from({ length: load.senders }, (_, i) => new Sender(`s${i}`, recorder.view(`s${i}`)));
    const subscribers = Array.from(
      { length: load.subscribers },
      (_, i) => new Subscriber(`r${i}`, recorder.view(`r${i}`)),
    );

    for (let round = 0; round < load.rounds; round += 1) {
      await using server = await start();
      if (round === 0) await createThreads(server.url);
      const clients = await Promise.all(subscribers.map((subscriber) => subscriber.follow(server.url)));
      let acks = randomInt(10, 120);
      const killed = new Promise<void>((resolve) => {
        const onAck = (): void => {
          acks -= 1;
          if (acks === 0) void server.kill('SIGKILL').then(() => resolve());
        };
        for (const sender of senders) void sender.run(server.url, load.inFlight, onAck);
      });
      await killed;
      await Promise.all(clients.map((client) => client.disconnected()));
    }

    await using server = await start();
    const clients = await Promise.all(subscribers.map((subscriber) => subscriber.follow(server.url)));
    for (const sender of senders) await sender.settle(server.url);
    await using reader = await connectClient(server.url, { user: 'reader' });
    for (const threadId of threadIds) {
      // A last message that every subscriber must get, so that their views are complete.
      const { message } = await reader.call('send_message', { thread_id: threadId, content: 'the end' });
      for (const [i, client] of clients.entries()) {
        if (subscribers[i]!.applied(threadId) < message.seq) {
          await client.next('thread_message', ({ id }) => id === message.id, 10_000);
        }
      }
      recorder.final(threadId, await readThread(reader, threadId));
    }
    for (const client of clients) await client[Symbol.asyncDispose]();
    expect(senders.reduce((sum, sender) => sum + sender.acked, 0)).toBeGreaterThan(load.rounds * 10);
    expectClean(recorder.log);
  }, 180_000);
});

async function createThreads(url: string): Promise<void> {
  await using client = await connectClient(url, { user: 'creator' });
  for (const id of threadIds) await client.call('create_thread', { id });
}
