import { describe, expect, test } from '@jest/globals';
import { startApp } from '../../support/app.ts';
import { connectClient, readThread } from '../../support/client.ts';
import { eventually } from '../../support/eventually.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { answered, openSdk } from '../../support/sdk-client.ts';
import { newThread, range, sendMany, sendText } from '../helpers.ts';

describe('one connection', () => {
  test('carries ten threads, the list and every request', async () => {
    await using app = await startApp();
    await using proxy = await startFaultProxy({ port: app.server.port });
    using ada = openSdk(proxy.url, 'ada');
    using bo = openSdk(app.url, 'bo');
    const ids = await Promise.all(range(1, 10).map(async () => (await ada.client.createThread({})).id));
    ada.client.watchThreads();
    const waits = ids.map((id) => bo.follow(id));
    await ada.follow(...ids);
    await Promise.all(waits);
    await Promise.all(ids.map((id) => bo.send(id, `to ${id}`)));
    await Promise.all(ids.map((id) => ada.send(id, `also to ${id}`)));
    for (const client of [ada, bo]) {
      await eventually('both messages of every thread', () => client.told.length === 20);
      for (const id of ids) expect(client.contents(id)).toEqual([`to ${id}`, `also to ${id}`]);
    }
    expect(await ada.client.ping()).toBeGreaterThan(0);
    expect(proxy.stats.accepted).toBe(1);
    // What was asked for in one turn went out together.
    expect(await answered(app.url, 'subscribe_threads')).toBe(2);
    expect(await answered(app.url, 'subscribe_thread')).toBe(0);
  });
});

describe('a thread', () => {
  test('shows what others send, edit and delete, as it happens and in order', async () => {
    await using app = await startApp();
    using ada = openSdk(app.url, 'ada');
    using bo = openSdk(app.url, 'bo');
    const { id } = await ada.client.createThread({ title: 'plans' });
    await bo.follow(id);
    expect(bo.snapshot(id)).toMatchObject({
      status: 'live',
      thread: { title: 'plans' },
      messages: [],
      hasOlder: false,
    });
    const first = await ada.send(id, 'one');
    await ada.send(id, 'two');
    const thread = ada.client.thread(id);
    const edited = await thread.edit(first.id, 'one, better', { metadata: { a: 1 }, ifSeq: 1 });
    expect(edited).toMatchObject({ seq: 3, content: 'one, better', metadata: { a: 1 } });
    await expect(thread.edit(first.id, 'too late', { ifSeq: 1 })).rejects.toMatchObject({
      name: 'ThreadwireError',
      code: 'seq_conflict',
      retry: 'never',
      details: { seq: 3 },
    });
    await expect(bo.client.thread(id).edit(first.id, 'not mine')).rejects.toMatchObject({ code: 'forbidden' });
    await thread.delete(first.id);
    await eventually('the delete', () => bo.told.length === 4);
    expect(bo.told.map(({ event, message }) => [event, message.seq, message.content])).toEqual([
      ['thread_message', 1, 'one'],
      ['thread_message', 2, 'two'],
      ['message_updated', 3, 'one, better'],
      ['message_updated', 4, ''],
    ]);
    expect(bo.snapshot(id).messages.map(({ status, position }) => [position, status])).toEqual([
      [1, 'deleted'],
      [2, 'complete'],
    ]);
    await thread.update({ title: 'new plans' });
    expect(ada.snapshot(id).thread?.title).toBe('new plans');
  });

  test('shows an own message at once, and once', async () => {
    await using app = await startApp();
    using ada = openSdk(app.url, 'ada');
    const { id } = await ada.client.createThread({});
    await ada.follow(id);
    const shown: string[][] = [];
    ada.client.thread(id).onChange(() => {
      const { messages, pending } = ada.snapshot(id);
      shown.push([...messages, ...pending].map(({ content }) => content));
    });
    await Promise.all(range(1, 20).map((i) => ada.send(id, `${i}`)));
    expect(ada.contents(id)).toEqual(range(1, 20).map(String));
    expect(ada.snapshot(id).pending).toEqual([]);
    const all = range(1, 20).map(String);
    for (const contents of shown) expect(contents).toEqual(all.slice(0, contents.length));
    expect(ada.told).toHaveLength(20);
  });

  test('has a change in its snapshot when handlers are told of it', async () => {
    await using app = await startApp();
    using ada = openSdk(app.url, 'ada');
    const { id } = await ada.client.createThread({});
    await ada.follow(id);
    const seen: unknown[] = [];
    ada.client.on('thread_message', (message) => seen.push(ada.snapshot(id).messages.at(-1)?.id === message.id));
    await ada.send(id, 'one');
    await ada.send(id, 'two');
    await eventually('both are told', () => seen.length === 2);
    expect(seen).toEqual([true, true]);
  });

  test('is read back to its beginning page by page, and stays live meanwhile', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id } = await newThread(bo);
    await sendMany(bo, id, 230);
    using ada = openSdk(app.url, 'ada');
    await ada.follow(id);
    expect([ada.snapshot(id).messages.length, ada.snapshot(id).hasOlder]).toEqual([50, true]);
    const thread = ada.client.thread(id);
    let pages = 0;
    while (ada.snapshot(id).hasOlder) {
      const loading = [thread.loadOlder(100), thread.loadOlder(100)];
      expect(ada.snapshot(id).isLoadingOlder).toBe(true);
      await Promise.all(loading);
      await sendText(bo, id, `during ${++pages}`);
    }
    expect(pages).toBe(2);
    await eventually('the last message', () => ada.snapshot(id).messages.length === 232);
    expect(ada.snapshot(id).messages).toEqual(await readThread(bo, id));
    await thread.loadOlder();
    thread.keepNewest(10);
    expect([ada.snapshot(id).messages.length, ada.snapshot(id).hasOlder]).toEqual([10, true]);
    expect(ada.told).toHaveLength(2);
    expect(await ada.client.fetchHistory({ thread_id: id, after_seq: 231 })).toMatchObject({
      recovered: true,
      head_seq: 232,
    });
  });

  test('that is not there can be opened when it is', async () => {
    await using app = await startApp();
    using ada = openSdk(app.url, 'ada');
    using bo = openSdk(app.url, 'bo');
    const thread = ada.client.thread('not-yet');
    await expect(thread.subscribe().ready).rejects.toMatchObject({ code: 'thread_not_found', threadId: 'not-yet' });
    expect(thread.getSnapshot()).toMatchObject({ status: 'failed', error: { code: 'thread_not_found' } });
    await expect(thread.send('x')).rejects.toMatchObject({ code: 'thread_not_found' });
    expect(thread.getSnapshot().pending).toMatchObject([{ content: 'x', status: 'failed' }]);
    await bo.client.createThread({ id: 'not-yet' });
    thread.retry();
    await thread.subscribe().ready;
    const [failed] = thread.getSnapshot().pending;
    const { content } = await thread.resend(failed!.messageId);
    expect([content, thread.getSnapshot().status, thread.getSnapshot().pending]).toEqual(['x', 'live', []]);
  });

  test('from which the user is removed is dropped, and what comes later is not seen', async () => {
    await using app = await startApp();
    using ada = openSdk(app.url, 'ada');
    using bo = openSdk(app.url, 'bo');
    const { id } = await ada.client.createThread({ members: ['bo'] });
    const { id: other } = await ada.client.createThread({});
    await ada.send(id, 'for bo');
    await bo.follow(id, other);
    bo.client.watchThreads();
    await eventually('both in the list', () => bo.client.threadList.getSnapshot().threads.length === 2);
    expect(bo.contents(id)).toEqual(['for bo']);
    await ada.client.thread(id).update({ members: ['carl'] });
    await ada.send(id, 'not for bo');
    await eventually('the removal', () => bo.snapshot(id).status === 'failed');
    expect(bo.snapshot(id)).toMatchObject({ messages: [], error: { code: 'forbidden', threadId: id } });
    await expect(bo.send(id, 'still there?')).rejects.toMatchObject({ code: 'thread_not_found' });
    await ada.send(other, 'the marker');
    await eventually('the marker', () => bo.told.length === 1);
    expect(bo.told[0]!.message.content).toBe('the marker');
    await eventually('it gone from the list', () => bo.client.threadList.getSnapshot().threads.length === 1);
    // Let in again.
    await ada.client.thread(id).update({ members: ['bo'] });
    bo.client.thread(id).retry();
    await bo.follow(id);
    expect(bo.contents(id)).toEqual(['for bo', 'not for bo']);
  });

  test('held by several is left with the last, and what happened since is there on coming back', async () => {
    await using app = await startApp();
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id } = await newThread(bo);
    using ada = openSdk(app.url, 'ada');
    const thread = ada.client.thread(id);
    const [one, two] = [thread.subscribe(), thread.subscribe()];
    await Promise.all([one.ready, two.ready]);
    one.unsubscribe();
    one.unsubscribe();
    await sendText(bo, id, 'still seen');
    await eventually('it', () => ada.told.length === 1);
    two.unsubscribe();
    await eventually('it left', async () => (await answered(app.url, 'unsubscribe_thread')) === 1);
    await sendText(bo, id, 'not seen');
    expect([thread.getSnapshot().status, ada.contents(id)]).toEqual(['idle', ['still seen']]);
    const again = thread.subscribe();
    expect([thread.getSnapshot().status, ada.contents(id)]).toEqual(['reconnecting', ['still seen']]);
    await again.ready;
    expect(ada.contents(id)).toEqual(['still seen', 'not seen']);
    expect(ada.seqs(id)).toEqual([1, 2]);
  });
});

describe('the list of threads', () => {
  test('is live, newest activity first, and read page by page', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    using ada = openSdk(app.url, 'ada');
    const ids = [];
    for (const i of range(1, 60)) ids.push((await ada.client.createThread({ title: `${i}` })).id);
    using bo = openSdk(app.url, 'bo');
    const stop = bo.client.watchThreads();
    const list = bo.client.threadList;
    await eventually('the list', () => list.getSnapshot().status === 'live');
    expect([list.getSnapshot().threads.length, list.getSnapshot().hasMore]).toEqual([50, true]);
    await list.loadMore();
    const all = await bo.client.listThreads({ limit: 100 });
    expect(all.threads).toHaveLength(60);
    expect(list.getSnapshot().threads).toEqual(all.threads);
    expect(list.getSnapshot().hasMore).toBe(false);
    await ada.send(ids[6]!, 'news');
    await ada.client.createThread({ title: '61' });
    await eventually('61 and 7 on top', () => {
      const [first, second] = list.getSnapshot().threads;
      return first!.title === '61' && second!.title === '7';
    });
    stop();
    await eventually('nobody watching', () => list.getSnapshot().status === 'idle');
    // What is stored may be a second behind.
    await eventually('the same in a page', async () => {
      const [first, second] = (await bo.client.listThreads({ limit: 2 })).threads;
      return first!.title === '61' && second!.title === '7';
    });
  });
});
