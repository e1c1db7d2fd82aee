import { describe, expect, test } from '@jest/globals';
import { startApp } from '../../support/app.ts';
import { eventually, within } from '../../support/eventually.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { turn } from '../../support/manual-clock.ts';
import { openSdk } from '../../support/sdk-client.ts';
import type { SdkClient } from '../../support/sdk-client.ts';
import { makeTempDir, startServer } from '../../support/process.ts';
import { range } from '../helpers.ts';

/** Words of all kinds, as many as are asked for. */
function words(count: number): string[] {
  return range(1, count).map((i) => `${i} w\u00F6rter \u{1F600}${i % 7 === 0 ? '\n' : ' '}`);
}

/** What handlers that join the pieces have of each message, and a loop over one. */
class Reader {
  readonly #texts = new Map<string, string>();
  readonly problems: string[] = [];

  constructor(sdk: SdkClient, threadId: string) {
    const thread = sdk.client.thread(threadId);
    for (const event of ['thread_message', 'stream_start', 'message_updated'] as const) {
      thread.on(event, ({ id, content }) => this.#texts.set(id, content));
    }
    sdk.client.on('thread_history', ({ streaming }) => {
      for (const { id, content } of streaming) if (!this.#texts.has(id)) this.#texts.set(id, content);
    });
    thread.on('stream_chunk', ({ stream_id: id, offset, delta }) => {
      const text = this.#texts.get(id) ?? '';
      if (text.length !== offset) this.problems.push(`${id}: text at ${offset}, not at ${text.length}`);
      this.#texts.set(id, text + delta);
    });
    thread.on('stream_end', ({ stream_id: id, length }) => {
      const text = this.#texts.get(id) ?? '';
      if (text.length !== length) this.problems.push(`${id} ended at ${length}, not at ${text.length}`);
    });
  }

  text(id: string): string | undefined {
    return this.#texts.get(id);
  }
}

async function collect(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

async function newThread(sdk: SdkClient): Promise<string> {
  const { id } = await sdk.client.createThread({});
  return id;
}

async function untilStored(sdk: SdkClient, threadId: string, content: string): Promise<void> {
  await eventually(`${content} is stored`, async () => {
    const { streaming } = await sdk.client.fetchHistory({ thread_id: threadId });
    return streaming[0]?.content === content;
  });
}

describe('a reply', () => {
  test('grows for everybody as it is written, and for who joins later', async () => {
    await using app = await startApp();
    using bot = openSdk(app.url, 'bot');
    using ada = openSdk(app.url, 'ada');
    using late = openSdk(app.url, 'late');
    const id = await newThread(bot);
    await ada.follow(id);
    const reader = new Reader(ada, id);
    const writer = await bot.client.thread(id).startStream({ metadata: { model: 'm' } });
    expect(writer.message).toMatchObject({
      role: 'assistant',
      status: 'streaming',
      content: '',
      metadata: { model: 'm' },
    });
    const loop = collect(ada.client.thread(id).message(writer.id).stream());
    await writer.write('Hello');
    await eventually('the first words', () => ada.contents(id)[0] === 'Hello');
    await late.follow(id);
    expect(late.snapshot(id).messages).toMatchObject([{ id: writer.id, status: 'streaming', content: 'Hello' }]);
    const rest = collect(late.client.thread(id).message(writer.id).stream());
    for (const word of words(300)) await writer.write(word);
    const text = `Hello${words(300).join('')}`;
    const message = await writer.end({ metadata: { model: 'm', tokens: 300 } });
    expect(message).toMatchObject({ status: 'complete', content: text, metadata: { model: 'm', tokens: 300 } });
    expect([await loop, await rest]).toEqual([text, text]);
    for (const sdk of [ada, late]) {
      await eventually('the end', () => sdk.snapshot(id).messages[0]?.status === 'complete');
      expect(sdk.snapshot(id).messages).toEqual([message]);
    }
    expect([reader.text(writer.id), reader.problems]).toEqual([text, []]);
  });

  test('is stopped by a reader: its source is left, and everybody sees the text so far', async () => {
    await using app = await startApp();
    using bot = openSdk(app.url, 'bot');
    using ada = openSdk(app.url, 'ada');
    const id = await newThread(bot);
    await ada.follow(id);
    const writer = await bot.client.thread(id).startStream();
    let isLeft = false;
    const endless = async function* () {
      try {
        for (;;) {
          yield 'on ';
          await turn();
        }
      } finally {
        isLeft = true;
      }
    };
    const piping = writer.pipeFrom(endless()).catch((error: unknown) => error);
    await eventually('some text', () => (ada.contents(id)[0] ?? '').length > 50);
    const cancelled = await ada.client.thread(id).message(writer.id).cancel('enough');
    expect(cancelled.status).toBe('cancelled');
    expect(await within('the writer hears of it', piping)).toMatchObject({
      code: 'stream_closed',
      // Also where text is on its way, which is refused.
      message: 'The stream was cancelled: enough',
      details: { status: 'cancelled' },
    });
    await eventually('the source is left', () => isLeft);
    expect([writer.status, writer.signal.reason]).toEqual(['cancelled', await piping]);
    expect(await ada.client.thread(id).message(writer.id).cancel()).toEqual(cancelled);
    await eventually('it shows', () => ada.snapshot(id).messages[0]?.status === 'cancelled');
    expect(ada.snapshot(id).messages).toEqual([cancelled]);
  });

  test('whose writer was replaced by a new process goes on where it was', async () => {
    await using app = await startApp();
    using bot = openSdk(app.url, 'bot');
    const id = await newThread(bot);
    const old = await bot.client.thread(id).startStream({ messageId: 'job-7' });
    await old.write('Hello, ');
    await untilStored(bot, id, 'Hello, ');
    using next = openSdk(app.url, 'bot');
    const writer = await next.client.thread(id).startStream({ messageId: 'job-7' });
    expect([writer.id, writer.length]).toEqual([old.id, 7]);
    await writer.write('you');
    void old.write('nobody wants this');
    await eventually('the old one is fenced', () => old.signal.aborted);
    expect(old.signal.reason).toMatchObject({ code: 'stream_conflict', details: { fenced: true } });
    expect(await writer.end()).toMatchObject({ content: 'Hello, you', status: 'complete' });
  });
});

describe('a reply that a second run of the same work goes on with', () => {
  /** The first run's connection is gone when the second begins; it comes back to what the second has made of it. */
  async function takeOver() {
    const app = await startApp();
    const proxy = await startFaultProxy({ port: app.server.port });
    const first = openSdk(proxy.url, 'bot');
    const second = openSdk(app.url, 'bot');
    const id = await newThread(second);
    const old = await first.client.thread(id).startStream({ messageId: 'job-8' });
    await old.write('Hello');
    await untilStored(second, id, 'Hello');
    await proxy.refuse();
    proxy.cut('rst');
    await eventually('the loss', () => first.client.getStatus().state === 'reconnecting');
    void old.write(' from the first');
    const writer = await second.client.thread(id).startStream({ messageId: 'job-8' });
    const close = async () => {
      first.client.close();
      second.client.close();
      await proxy[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    };
    return { proxy, second, id, old, writer, [Symbol.asyncDispose]: close };
  }

  test('is left to it by the first one, which was away', async () => {
    await using run = await takeOver();
    const { proxy, second, id, old, writer } = run;
    await writer.write(', you');
    await untilStored(second, id, 'Hello, you');
    const ending = old.end().catch((error: unknown) => error);
    await proxy.accept();
    const fenced = { code: 'stream_conflict', details: { fenced: true } };
    expect(await within('the first knows', ending)).toMatchObject(fenced);
    await writer.write('!');
    expect(await writer.end()).toMatchObject({ status: 'complete', content: 'Hello, you!' });
    expect(writer.signal.aborted).toBe(false);
  });

  test('and ended is not what the first one was to end it as', async () => {
    await using run = await takeOver();
    const { proxy, old, writer } = run;
    const ending = old.end().catch((error: unknown) => error);
    await writer.write(', you');
    await writer.end();
    await proxy.accept();
    expect(await within('the first knows', ending)).toMatchObject({
      code: 'stream_closed',
      details: { status: 'complete' },
    });
    expect(old.message.content).toBe('Hello, you');
  });
});

test('a writer that reads its thread hears when its reply is interrupted', async () => {
  await using app = await startApp({ streamMaxIdleMs: 1000 });
  using bot = openSdk(app.url, 'bot');
  const id = await newThread(bot);
  await bot.follow(id);
  const writer = await bot.client.thread(id).startStream();
  const aborted = new Promise((resolve) => {
    writer.signal.addEventListener('abort', resolve);
  });
  await within('it hears of it', aborted);
  expect(writer.signal.reason).toMatchObject({ code: 'stream_closed', details: { status: 'interrupted' } });
  expect(bot.snapshot(id).messages[0]).toMatchObject({ id: writer.id, status: 'interrupted' });
});

describe('while connections break again and again', () => {
  test('every reply has the text that was written, once, for every reader', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using botProxy = await startFaultProxy({ port: app.server.port });
    await using adaProxy = await startFaultProxy({ port: app.server.port });
    using bot = openSdk(botProxy.url, 'bot');
    using ada = openSdk(adaProxy.url, 'ada');
    const id = await newThread(bot);
    await ada.follow(id);
    const reader = new Reader(ada, id);
    using cy = openSdk(app.url, 'cy');
    const thread = bot.client.thread(id);
    const writers = await Promise.all(range(1, 4).map(() => thread.startStream()));
    const loops = writers.map((writer) => collect(ada.client.thread(id).message(writer.id).stream()));
    const texts = writers.map(() => '');
    for (let i = 0; i < 16; i += 1) {
      const { proxy, sdk } = i % 2 === 0 ? { proxy: botProxy, sdk: bot } : { proxy: adaProxy, sdk: ada };
      // Anywhere in a frame.
      const cut = i % 4 < 2 ? proxy.up.cutAfter(200 + 131 * i, 'rst') : proxy.down.cutAfter(300 + 177 * i, 'fin');
      const done = new AbortController();
      void cut.then(() => done.abort());
      for (let n = 0; n < 1000 && !done.signal.aborted; n += 1) {
        for (const [w, writer] of writers.entries()) {
          const word = `${w}.${n} w\u00F6rter \u{1F600} `;
          texts[w] += word;
          await writer.write(word);
        }
        // What ada sends is little.
        ada.client.ping().catch(() => undefined);
        await cy.client.ping();
      }
      await within(`cut ${i}`, cut);
      proxy.up.heal();
      proxy.down.heal();
      await eventually('it is back', () => sdk.client.getStatus().state === 'connected');
    }
    const messages = await within('all are written', Promise.all(writers.map((writer) => writer.end())));
    expect(messages.map(({ content }) => content)).toEqual(texts);
    expect(await within('all are read', Promise.all(loops))).toEqual(texts);
    await eventually('all have ended', () => ada.snapshot(id).messages.every(({ status }) => status === 'complete'));
    expect(ada.snapshot(id).messages).toEqual(messages.toSorted((a, b) => a.position - b.position));
    expect(reader.problems).toEqual([]);
    for (const message of messages) expect(reader.text(message.id)).toBe(message.content);
  });
});

describe('a server that is killed and started again', () => {
  test('loses nothing of a reply, and its writer and readers go on', async () => {
    await using data = await makeTempDir();
    await using before = await startServer({ dataDir: data.path });
    using bot = openSdk(before.url, 'bot');
    using ada = openSdk(before.url, 'ada');
    const id = await newThread(bot);
    await ada.follow(id);
    const reader = new Reader(ada, id);
    const writer = await bot.client.thread(id).startStream();
    const loop = collect(ada.client.thread(id).message(writer.id).stream());
    const [first, second, third] = [words(200), words(300), words(100)].map((pieces) => pieces.join(''));
    await writer.write(first!);
    await eventually('some of it is read', () => (ada.contents(id)[0] ?? '') !== '');
    void writer.write(second!);
    await before.kill('SIGKILL');
    await eventually('the loss', () => bot.client.getStatus().state === 'reconnecting');
    void writer.write(third!);
    await using after = await startServer({ dataDir: data.path, env: { PORT: String(before.port) } });
    expect(after.port).toBe(before.port);
    const message = await within('it is ended', writer.end());
    expect(message).toMatchObject({ status: 'complete', content: `${first}${second}${third}` });
    expect(await within('it is read', loop)).toBe(message.content);
    await eventually('it shows', () => ada.snapshot(id).messages[0]?.status === 'complete');
    expect([ada.snapshot(id).messages, reader.text(message.id), reader.problems]).toEqual([
      [message],
      message.content,
      [],
    ]);
  });
});
