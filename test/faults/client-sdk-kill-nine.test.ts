import { randomInt } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { connectClient, readThread } from '../support/client.ts';
import { eventually, within } from '../support/eventually.ts';
import { LogRecorder, expectClean } from '../support/log-checker.ts';
import { makeTempDir, startServer } from '../support/process.ts';
import type { ServerProcess } from '../support/process.ts';
import { openSdk } from '../support/sdk-client.ts';
import type { SdkClient } from '../support/sdk-client.ts';

const threadIds = ['red', 'green', 'blue', 'white', 'black'];
const rounds = 4;
const users = ['ada', 'bo', 'chi'];

/** Sends to one thread after the other without a pause, and edits some of its own, until it is told to stop. */
class Author {
  readonly client: SdkClient;
  readonly sent: { content: string; message: Message }[] = [];
  #isOver = false;

  constructor(client: SdkClient) {
    this.client = client;
  }

  /** Never gives up: whatever breaks, a send resolves in the end. */
  async run(onSent: () => void): Promise<void> {
    const lanes = threadIds.map(async (threadId) => {
      for (let i = 1; !this.#isOver; i += 1) {
        const content = `${i} of ${this.client.user} to ${threadId}`;
        const message = await this.client.send(threadId, content);
        this.sent.push({ content, message });
        onSent();
        if (i % 4 === 0) await this.#edit(message);
      }
    });
    await Promise.all(lanes);
  }

  async #edit({ thread_id, id, content }: Message): Promise<void> {
    await this.client.client.thread(thread_id).edit(id, `${content}, edited`);
  }

  stop(): void {
    this.#isOver = true;
  }
}

/** One server process after another, on the same port and data. */
class Servers implements AsyncDisposable {
  readonly #dataDir: string;
  #server: ServerProcess | undefined;
  #port = 0;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const env = { RATE_LIMIT_PER_SECOND: '0', PORT: `${this.#port}` };
    this.#server = await startServer({ dataDir: this.#dataDir, env });
    this.#port = this.#server.port;
  }

  async kill(): Promise<void> {
    await this.#server?.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

test('clients of a server that is killed again and again lose nothing, and end up the same', async () => {
  await using dir = await makeTempDir();
  await using servers = new Servers(dir.path);
  await servers.start();
  const { url } = servers;
  const recorder = new LogRecorder();
  using ada = openSdk(url, users[0]!, {}, recorder);
  using bo = openSdk(url, users[1]!, {}, recorder);
  using chi = openSdk(url, users[2]!, {}, recorder);
  const clients = [ada, bo, chi];
  for (const id of threadIds) await ada.client.createThread({ id });
  await Promise.all(clients.map((client) => client.follow(...threadIds)));

  const authors = clients.map((client) => new Author(client));
  let acks = 0;
  let onEnough = (): void => undefined;
  const writing = Promise.all(authors.map((author) => author.run(() => --acks === 0 && onEnough())));
  for (let round = 0; round < rounds; round += 1) {
    await within(
      `some messages in round ${round}`,
      new Promise<void>((resolve) => {
        acks = randomInt(20, 120);
        onEnough = resolve;
      }),
      10_000,
    );
    await servers.kill();
    await servers.start();
  }
  for (const author of authors) author.stop();
  await within('everything is sent', writing, 15_000);

  await using reader = await connectClient(url, { user: 'reader' });
  for (const threadId of threadIds) {
    // A last message that everybody must get, so that their views are complete.
    const { message } = await reader.call('send_message', { thread_id: threadId, content: 'the end' });
    await eventually(`the end of ${threadId}`, () => {
      return clients.every((client) => client.seqs(threadId).at(-1) === message.seq);
    });
    const stored = await readThread(reader, threadId);
    recorder.final(threadId, stored);
    for (const client of clients) {
      expect(client.snapshot(threadId)).toMatchObject({ status: 'live', pending: [], error: undefined });
      expect(client.snapshot(threadId).messages).toEqual(stored);
    }
    for (const { client, sent } of authors) {
      // Each once, under the id that it was acknowledged with, and in the order in which they were given.
      const own = stored.filter(({ sender }) => sender.id === client.user).map(({ id }) => id);
      const given = sent.filter(({ message }) => message.thread_id === threadId).map(({ message }) => message.id);
      expect(own).toEqual(given);
    }
  }
  for (const { statuses } of clients) {
    expect(statuses.filter(({ state }) => state === 'connected').length).toBeGreaterThan(1);
  }
  expectClean(recorder.log);
}, 90_000);
