import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import type { Responder } from '../../server/src/responder/responder.ts';
import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import type { App, AppOptions } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { embeddedBackEnd } from '../support/embedded-back-end.ts';
import { newGate, sendMany, sendText } from './helpers.ts';
import { answered, echo, gated, joined, of, repliesIn, replyTo } from './reply-helpers.ts';

// What a server answers that finds messages without a reply: what was owed one, once, and nothing else.

/** Servers on one store, one after the other, whose clock goes on when it is told to. */
async function openRuns() {
  const data = await embeddedBackEnd.open();
  let aheadMs = 0;
  const now = (): number => Date.now() + aheadMs;
  let app: App | undefined;
  const stop = async (): Promise<void> => {
    await app?.[Symbol.asyncDispose]();
    app = undefined;
  };
  return {
    pass: (minutes: number): void => void (aheadMs += minutes * 60_000),
    stop,
    /** Stops the server before, if there is one, and starts the next. */
    start: async (options: AppOptions = {}): Promise<App> => {
      await stop();
      app = await startApp({ store: await data.reopen(), now, ratePerSecond: 0, ...options });
      return app;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await data[Symbol.asyncDispose]();
    },
  };
}

/** Somebody who comes back to a thread; hears what happens from then on. */
async function back(app: App, thread_id: string): Promise<TestClient> {
  const client = await connectClient(app.url, { user: 'ada' });
  await client.call('subscribe_thread', { thread_id });
  return client;
}

/** Waits until so many replies of a thread have ended, and gives what they say. */
async function replies(client: TestClient, threadId: string, count: number): Promise<string[]> {
  for (;;) {
    const all = await repliesIn(client, threadId);
    if (all.length >= count && all.every(({ status }) => status !== 'streaming')) return all.map(contentOf);
    await client.next('stream_end');
  }
}

const contentOf = ({ content }: Message): string => content;

describe('after a restart', () => {
  /** Threads are looked through by their last activity: this one, which is owed a reply, is the last. */
  async function lastThread(url: string): Promise<string> {
    const { client, id } = await joined(url);
    await sendText(client, id, 'the last one');
    await client[Symbol.asyncDispose]();
    return id;
  }

  test('what came before anybody was asked to answer is not answered', async () => {
    await using runs = await openRuns();
    const before = await runs.start();
    const last = await lastThread(before.url);
    const { client: sender, id } = await joined(before.url, {});
    await sendMany(sender, id, 10);
    runs.pass(5);
    await sender.call('update_thread', { thread_id: id, ...answered() });
    await sender[Symbol.asyncDispose]();
    const app = await runs.start(of(echo));
    await using watcher = await back(app, last);
    expect(await replies(watcher, last, 1)).toEqual(['You said: the last one']);
    expect(await repliesIn(watcher, id)).toEqual([]);
    await using client = await back(app, id);
    await replyTo(client, await sendText(client, id, 'to you'));
    expect((await repliesIn(client, id)).map(contentOf)).toEqual(['You said: to you']);
  });

  test('nor what came while it was switched off', async () => {
    await using runs = await openRuns();
    const { client: first, id } = await joined((await runs.start(of(echo))).url);
    await replyTo(first, await sendText(first, id, 'first'));
    await first[Symbol.asyncDispose]();
    runs.pass(5);
    await using sender = await back(await runs.start(), id);
    await sender.call('update_thread', { thread_id: id, metadata: {} });
    await sendMany(sender, id, 5);
    runs.pass(5);
    await sender.call('update_thread', { thread_id: id, ...answered() });
    // It is owed a reply, and would be answered after those before it.
    await sendText(sender, id, 'second');
    const app = await runs.start(of(echo));
    await using client = await back(app, id);
    expect(await replies(client, id, 2)).toEqual(['You said: first', 'You said: second']);
  });

  test('what waited behind another reply is answered after it, in order, however many pages it fills', async () => {
    const { respond } = gated();
    await using runs = await openRuns();
    const before = await runs.start(of(respond));
    const { client: sender, id } = await joined(before.url);
    await sendText(sender, id, 'waits');
    await sender.next('stream_chunk');
    const waiting = await sendMany(sender, id, 205);
    await sender[Symbol.asyncDispose]();
    await runs.stop();
    runs.pass(10);
    const began: string[] = [];
    const noting: Responder = async function* (message) {
      began.push(message.content);
      yield message.content === 'waits' ? 'waits begins, and goes on' : `You said: ${message.content}`;
    };
    const app = await runs.start(of(noting));
    await using client = await back(app, id);
    while (began.length < 206) await client.next('stream_end');
    expect(began).toEqual(['waits', ...waiting.map(contentOf)]);
    // The newest page has the last of them.
    expect((await replies(client, id, 200)).at(-1)).toBe('You said: message 205');
  });

  test('what was left of a reply has failed where it would be shorter now', async () => {
    const { respond } = gated();
    await using runs = await openRuns();
    const { client: sender, id } = await joined((await runs.start(of(respond))).url);
    await sendText(sender, id, 'first');
    await sender.next('stream_chunk');
    await sender[Symbol.asyncDispose]();
    const shorter: Responder = async function* () {
      yield 'first';
    };
    await using client = await back(await runs.start(of(shorter)), id);
    await replies(client, id, 1);
    const error = 'The reply could not be continued where it broke off.';
    expect(await repliesIn(client, id)).toMatchObject([{ status: 'failed', content: 'first begins', error }]);
  });

  test('what was left of a reply is cancelled by the message that came after it, where that is asked for', async () => {
    const { respond, gateOf } = gated();
    await using runs = await openRuns();
    const before = await runs.start(of(respond));
    const { client: sender, id } = await joined(before.url, answered('cancel_previous'));
    const first = await sendText(sender, id, 'first');
    await sender.next('stream_chunk');
    await sender[Symbol.asyncDispose]();
    // One that has no time to answer.
    const other = await back(await runs.start(), id);
    const second = await sendText(other, id, 'second');
    await other[Symbol.asyncDispose]();
    gateOf('second').open();
    const app = await runs.start(of(respond));
    await using client = await back(app, id);
    await replies(client, id, 2);
    expect(await repliesIn(client, id)).toMatchObject([
      { message_id: `reply:${first.id}`, status: 'cancelled' },
      { message_id: `reply:${second.id}`, status: 'complete' },
    ]);
  });

  test('what comes before the rest was looked at is answered once, and what it overtook gives way to it', async () => {
    await using runs = await openRuns();
    const { client: sender, id } = await joined((await runs.start()).url, answered('cancel_previous'));
    const old = await sendText(sender, id, 'old');
    await sender[Symbol.asyncDispose]();
    const { respond, gateOf } = gated();
    const gate = newGate();
    const wrapStore = (store: ThreadStore): ThreadStore =>
      storeWith(store, {
        listThreads: async (request) => {
          await gate.pass();
          return store.listThreads(request);
        },
      });
    const app = await runs.start({ ...of(respond), wrapStore });
    await using client = await back(app, id);
    const fresh = await sendText(client, id, 'new');
    await Promise.all([gate.reached, gateOf('new').reached]);
    gate.open();
    expect(await replyTo(client, old)).toMatchObject({ status: 'cancelled', content: '' });
    gateOf('new').open();
    await replies(client, id, 2);
    expect((await repliesIn(client, id)).map(({ message_id, status }) => [message_id, status])).toEqual([
      [`reply:${fresh.id}`, 'complete'],
      [`reply:${old.id}`, 'cancelled'],
    ]);
  });
});
