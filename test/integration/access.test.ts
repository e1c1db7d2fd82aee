import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import { connectClient, readThread } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { expectClean, LogRecorder } from '../support/log-checker.ts';
import { fresh, jwtAuth, newGate, newThread, range, sendText, tokenFor, withMethods } from './helpers.ts';

/** Within this a removed member has to be out of the room. */
const removalMs = 1000;

/** What a client got of a thread up to a message in another thread that is sent now. */
async function heardOf(threadId: string, client: TestClient, sender: TestClient): Promise<unknown[]> {
  const { id } = await newThread(sender);
  await client.call('subscribe_thread', { thread_id: id });
  const marker = await sendText(sender, id, 'marker');
  const before = await client.drainUntil('thread_message', (message) => message.id === marker.id);
  return before.filter((arrival) => JSON.stringify(arrival).includes(threadId));
}

const isRemoval = (threadId: string) => (error: { code: string; thread_id?: string | undefined }) =>
  error.code === 'forbidden' && error.thread_id === threadId;

describe.each(runnableBackEnds)('access, on $name', ({ name }) => {
  let app: App;
  let ada: TestClient;
  beforeAll(async () => {
    app = await startApp({ backEnd: name, ratePerSecond: 0 });
    ada = await connectClient(app.url, { user: 'ada' });
  });
  afterAll(async () => {
    await ada?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });

  test('a removed member is told so within a second, and receives nothing more', async () => {
    await using bo = await connectClient(app.url, { user: 'bo' });
    await using bo2 = await connectClient(app.url, { user: 'bo' });
    await using chi = await connectClient(app.url, { user: 'chi' });
    const { id: thread_id } = await newThread(ada, { members: ['bo', 'chi'] });
    for (const client of [bo, bo2, chi]) await client.call('subscribe_thread', { thread_id });
    const message = await sendText(ada, thread_id, 'hello');
    for (const client of [bo, bo2]) await client.next('thread_message');
    await ada.call('update_thread', { thread_id, members: ['chi'] });
    for (const client of [bo, bo2]) {
      const error = await client.next('error', isRemoval(thread_id), removalMs);
      expect(error).toEqual({ code: 'forbidden', message: expect.any(String), retry: 'never', thread_id });
    }
    await sendText(ada, thread_id, 'secret');
    await ada.call('edit_message', { thread_id, id: message.id, content: 'secret' });
    await ada.call('delete_message', { thread_id, id: message.id });
    for (const client of [bo, bo2]) expect(await heardOf(thread_id, client, ada)).toEqual([]);
    // Who stays hears it all, and nothing of a removal.
    expect(await heardOf(thread_id, chi, ada)).toHaveLength(4);
  });

  test('a removed member finds no such thread, whatever it asks for, and changes nothing', async () => {
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id: thread_id } = await newThread(ada, { members: ['bo'] });
    const { id } = await sendText(bo, thread_id, 'mine');
    await ada.call('update_thread', { thread_id, members: ['chi'] });
    const notFound = { ok: false, error: { code: 'thread_not_found', retry: 'never', thread_id } };
    expect(await bo.request('fetch_history', { thread_id })).toMatchObject(notFound);
    expect(await bo.request('fetch_history', { thread_id, after_seq: 1 })).toMatchObject(notFound);
    expect(await bo.request('subscribe_thread', { thread_id })).toMatchObject(notFound);
    expect(await bo.request('send_message', { thread_id, content: 'x' })).toMatchObject(notFound);
    expect(await bo.request('edit_message', { thread_id, id, content: 'x' })).toMatchObject(notFound);
    expect(await bo.request('delete_message', { thread_id, id })).toMatchObject(notFound);
    expect(await bo.request('update_thread', { thread_id, title: 'x' })).toMatchObject(notFound);
    expect((await bo.call('subscribe_threads', { threads: [{ thread_id }] })).threads).toMatchObject([notFound]);
    expect(await bo.request('create_thread', { id: thread_id })).toMatchObject({ error: { code: 'thread_exists' } });
    // Who was not subscribed is not told of the removal.
    expect(await heardOf(thread_id, bo, ada)).toEqual([]);
    const { messages, head_seq } = await ada.call('fetch_history', { thread_id });
    expect([messages.map(({ content }) => content), head_seq]).toEqual([['mine'], 1]);
  });

  test('a repeat of what a removed member had sent tells nothing either', async () => {
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id: thread_id } = await newThread(ada, { members: ['bo'] });
    const request = { thread_id, content: 'mine', message_id: 'key' };
    await bo.call('send_message', request);
    await ada.call('update_thread', { thread_id, members: ['chi'] });
    expect(await bo.request('send_message', request)).toMatchObject({ ok: false, error: { code: 'thread_not_found' } });
  });

  test('who is added again may read again, and hears more only after subscribing', async () => {
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id: thread_id } = await newThread(ada, { members: ['bo'] });
    await bo.call('subscribe_thread', { thread_id });
    await ada.call('update_thread', { thread_id, members: ['chi'] });
    await bo.next('error', isRemoval(thread_id));
    await sendText(ada, thread_id, 'one');
    await ada.call('update_thread', { thread_id, members: ['bo'] });
    await sendText(ada, thread_id, 'two');
    expect(await heardOf(thread_id, bo, ada)).toEqual([]);
    const { messages } = await bo.call('subscribe_thread', { thread_id, after_seq: 0 });
    expect(messages.map(({ content }) => content)).toEqual(['one', 'two']);
    const sent = await sendText(bo, thread_id, 'three');
    expect(await bo.next('thread_message')).toEqual(sent);
  });

  test('a thread that was open closes to all but its members and creator, and opens again', async () => {
    await using bo = await connectClient(app.url, { user: 'bo' });
    await using chi = await connectClient(app.url, { user: 'chi' });
    const { id: thread_id } = await newThread(ada);
    for (const client of [ada, bo, chi]) await client.call('subscribe_thread', { thread_id });
    await ada.call('update_thread', { thread_id, members: ['chi'] });
    await bo.next('error', isRemoval(thread_id), removalMs);
    const sent = await sendText(ada, thread_id, 'hello');
    for (const client of [ada, chi]) {
      expect(await client.next('thread_message', (message) => message.thread_id === thread_id)).toEqual(sent);
    }
    expect(await heardOf(thread_id, bo, ada)).toEqual([]);
    await ada.call('update_thread', { thread_id, members: [] });
    expect((await bo.call('subscribe_thread', { thread_id })).messages).toEqual([sent]);
  });

  test('what a member sends while it is removed is stored and seen, or refused', async () => {
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id: thread_id } = await newThread(ada, { members: ['bo'] });
    const sends = range(1, 60).map((i) => bo.request('send_message', { thread_id, content: `message ${i}` }));
    const [, ...answers] = await Promise.all([ada.call('update_thread', { thread_id, members: ['chi'] }), ...sends]);
    const stored = answers.flatMap((answer) => (answer.ok ? [answer.data.message] : []));
    const codes = new Set(answers.flatMap((answer) => (answer.ok ? [] : [answer.error.code])));
    expect([...codes].filter((code) => code !== 'thread_not_found')).toEqual([]);
    expect(await readThread(ada, thread_id)).toEqual(stored.toSorted((a, b) => a.seq - b.seq));
    const late = await bo.request('send_message', { thread_id, content: 'late' });
    expect(late).toMatchObject({ ok: false, error: { code: 'thread_not_found' } });
  });

  test('whatever is under way when members change, nobody hears what it may not', async () => {
    const recorder = new LogRecorder();
    const { id: thread_id } = await newThread(ada, { members: ['bo'] });
    const bo = recorder.view('bo');
    const chi = recorder.view('chi');
    await using removed = await connectClient(app.url, { user: 'bo', tap: bo.tap });
    await using stays = await connectClient(app.url, { user: 'chi', tap: chi.tap });
    let round = 0;
    const run = { isOver: false };
    const write = async () => {
      while (!run.isOver) {
        await Promise.all(range(1, 3).map((i) => ada.call('send_message', { thread_id, content: `${round} ${i}` })));
      }
    };
    const writing = write();
    for (; round < 15; round++) {
      await ada.call('update_thread', { thread_id, members: ['bo', 'chi'] });
      // From a message on that is certainly later.
      const { seq: from_seq } = await sendText(ada, thread_id, 'welcome');
      recorder.access({ thread_id, user: 'bo', may: true, from_seq });
      if (round === 0) await stays.call('subscribe_thread', { thread_id });
      const joining = range(1, 1 + (round % 3)).map(() => removed.request('subscribe_thread', { thread_id }));
      if (round % 2 === 0) await Promise.all(joining);
      await ada.call('update_thread', { thread_id, members: ['chi'] });
      // Everything that is stored from now on is hidden from him.
      const { head_seq } = await ada.call('fetch_history', { thread_id, limit: 0 });
      recorder.access({ thread_id, user: 'bo', may: false, from_seq: head_seq + 1 });
      await Promise.all(joining);
      const hidden = await ada.call('send_message', { thread_id, content: 'hidden' });
      const heard = await heardOf(hidden.message.id, removed, ada);
      expect(heard).toEqual([]);
    }
    run.isOver = true;
    await writing;
    const last = await sendText(ada, thread_id, 'the end');
    await stays.next('thread_message', (message) => message.id === last.id);
    await removed.call('ping', {});
    // The markers of `heardOf` are threads of their own.
    for (const view of recorder.log.views) {
      for (const entry of view.entries.splice(0)) {
        const of = 'payload' in entry ? entry.payload.thread_id : 'thread_id' in entry ? entry.thread_id : thread_id;
        if (of === thread_id) view.entries.push(entry);
      }
    }
    recorder.final(thread_id, await readThread(ada, thread_id));
    expectClean(recorder.log);
  });
});

describe('a subscribe that is under way while its user is removed', () => {
  test('is refused, and nothing is heard', async () => {
    const gate = newGate();
    const store = { isSlow: false };
    await using app = await startApp({
      ratePerSecond: 0,
      wrapStore: (opened) =>
        withMethods(opened, {
          async histories(...args) {
            // What is read is as old as the read, however late it arrives.
            const results = await opened.histories(...args);
            if (store.isSlow) await gate.pass();
            return results;
          },
        }),
    });
    await using ada = await connectClient(app.url, { user: 'ada' });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id: thread_id } = await newThread(ada, { members: ['bo'] });
    await sendText(ada, thread_id, 'before');
    store.isSlow = true;
    const batch = bo.request('subscribe_threads', { threads: [{ thread_id }, { thread_id: fresh('none') }] });
    await gate.reached;
    await ada.call('update_thread', { thread_id, members: ['chi'] });
    gate.open();
    expect(await batch).toMatchObject({
      ok: true,
      data: { threads: [{ ok: false, error: { code: 'thread_not_found' } }, { ok: false }] },
    });
    await sendText(ada, thread_id, 'after');
    expect(await heardOf(thread_id, bo, ada)).toEqual([]);
  });
});

describe('an admin', () => {
  test('reads and writes everywhere, and stays when members change', async () => {
    await using app = await startApp({ auth: jwtAuth, ratePerSecond: 0 });
    const connect = async (user: string, scope = '') => connectClient(app.url, { token: await tokenFor(user, scope) });
    await using ada = await connect('ada');
    await using root = await connect('root', 'admin');
    const { id: thread_id } = await newThread(ada, { members: ['bo'] });
    await root.call('subscribe_thread', { thread_id });
    await ada.call('update_thread', { thread_id, members: ['chi'] });
    const sent = await sendText(root, thread_id, 'official');
    expect(await root.next('thread_message')).toEqual(sent);
    expect(root.buffered.filter(({ event }) => event === 'error')).toEqual([]);
    // Whose new token says less is out, like a removed member.
    await root.call('reauth', { token: await tokenFor('root', 'agent') });
    await root.next('error', isRemoval(thread_id), removalMs);
    await sendText(ada, thread_id, 'secret');
    expect(await heardOf(thread_id, root, ada)).toEqual([]);
    const answer = await root.request('send_message', { thread_id, content: 'x' });
    expect(answer).toMatchObject({ ok: false, error: { code: 'thread_not_found' } });
  });
});
