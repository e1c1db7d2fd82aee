import { describe, expect, test } from '@jest/globals';
import { startApp, storeWith } from '../../support/app.ts';
import { connectClient, readThread } from '../../support/client.ts';
import type { TestClient } from '../../support/client.ts';
import { eventually, within } from '../../support/eventually.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { CutKind, FaultProxy } from '../../support/fault-proxy.ts';
import { LogRecorder, expectClean } from '../../support/log-checker.ts';
import { answered, openSdk } from '../../support/sdk-client.ts';
import type { SdkClient } from '../../support/sdk-client.ts';
import { newGate, newThread, range, sendMany, sendText } from '../helpers.ts';

const kilobytes = (count: number): string => 'x'.repeat(count * 1024);

/** Breaks the connection, and lets nobody in until `during` has happened. */
async function away(proxy: FaultProxy, client: SdkClient, during: () => Promise<unknown>): Promise<void> {
  await proxy.refuse();
  proxy.cut('rst');
  await eventually('the loss', () => client.client.getStatus().state === 'reconnecting');
  await during();
  await proxy.accept();
}

async function whole(reader: TestClient, client: SdkClient, threadId: string): Promise<void> {
  const stored = await readThread(reader, threadId);
  const head = Math.max(0, ...stored.map(({ seq }) => seq));
  await eventually(`${client.user} whole`, () => {
    const { status, messages } = client.snapshot(threadId);
    return (
      status === 'live' &&
      messages.at(-1)?.position === stored.at(-1)?.position &&
      client.seqs(threadId).at(-1) === head
    );
  });
  expect(client.snapshot(threadId).messages).toEqual(stored);
}

describe('a connection that breaks', () => {
  test('is made again, and what was missed is told in order and once, in its latest state', async () => {
    await using app = await startApp();
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id } = await newThread(bo);
    const [one, two] = await sendMany(bo, id, 2);
    using ada = openSdk(proxy.url, 'ada');
    await ada.follow(id);
    await away(proxy, ada, async () => {
      expect(ada.client.getStatus().error).toMatchObject({ code: 'unavailable', retry: 'later' });
      expect(ada.snapshot(id).status).toBe('reconnecting');
      await bo.call('edit_message', { thread_id: id, id: one!.id, content: 'edited' });
      const three = await sendText(bo, id, 'three');
      await bo.call('edit_message', { thread_id: id, id: three.id, content: 'three, edited' });
      await sendText(bo, id, 'four');
      await bo.call('delete_message', { thread_id: id, id: two!.id });
    });
    await whole(bo, ada, id);
    expect(ada.told.map(({ event, message }) => [event, message.seq, message.content])).toEqual([
      ['message_updated', 3, 'edited'],
      ['thread_message', 5, 'three, edited'],
      ['thread_message', 6, 'four'],
      ['message_updated', 7, ''],
    ]);
    expect(ada.pages.map(({ recovered }) => recovered)).toEqual([false, true]);
  });

  test('has all threads resubscribed by one request', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const ids = range(1, 300).map((i) => `t${i}`);
    await Promise.all(ids.map((id) => newThread(bo, { id })));
    using ada = openSdk(proxy.url, 'ada');
    await ada.follow(...ids);
    await away(proxy, ada, () => Promise.all(ids.map((id) => sendText(bo, id, `to ${id}`))));
    await eventually('all live again', () => ids.every((id) => ada.snapshot(id).status === 'live'));
    expect(await answered(app.url, 'subscribe_threads')).toBe(2);
    expect(await answered(app.url, 'fetch_history')).toBe(0);
    for (const id of ids) expect(ada.contents(id)).toEqual([`to ${id}`]);
    expect(ada.told).toHaveLength(300);
  });

  test('for too long has the thread reloaded, and says so', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id } = await newThread(bo);
    await sendMany(bo, id, 10);
    using ada = openSdk(proxy.url, 'ada');
    await ada.follow(id);
    await away(proxy, ada, () => sendMany(bo, id, 600));
    await eventually('it live again', () => ada.snapshot(id).status === 'live');
    expect(ada.pages.at(-1)).toMatchObject({ recovered: false, head_seq: 610 });
    expect(ada.seqs(id)).toEqual(range(561, 610));
    expect(ada.snapshot(id).messages.map(({ position }) => position)).toEqual(range(561, 610));
    expect(ada.snapshot(id).hasOlder).toBe(true);
    await ada.client.thread(id).loadOlder(200);
    expect(ada.snapshot(id).messages).toHaveLength(250);
  });

  test('while a page is bounded has the rest of what was missed read page by page', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id } = await newThread(bo);
    using ada = openSdk(proxy.url, 'ada');
    await ada.follow(id);
    // More than one page holds in number, and one of more than it holds in bytes.
    await away(proxy, ada, async () => {
      await sendMany(bo, id, 210);
      for (const i of range(1, 24)) await sendText(bo, id, `${i} ${kilobytes(50)}`);
    });
    await whole(bo, ada, id);
    expect(ada.seqs(id)).toEqual(range(1, 234));
    const recovering = ada.pages.filter(({ recovered }) => recovered);
    expect(recovering.length).toBeGreaterThanOrEqual(4);
    expect(recovering.map(({ has_more }) => has_more).lastIndexOf(true)).toBe(recovering.length - 2);
  });

  test('has what happens while pages are read told after them', async () => {
    const gate = newGate();
    let isHeld = false;
    let edited = '';
    await using app = await startApp({
      ratePerSecond: 0,
      wrapStore: (store) =>
        storeWith(store, {
          histories: async (requests, totalBytes) => {
            const pages = await store.histories(requests, totalBytes);
            // Read, and on its way for so long that it is old.
            if (isHeld && requests[0]!.afterSeq === 200) await gate.pass();
            return pages;
          },
        }),
    });
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id } = await newThread(bo);
    using ada = openSdk(proxy.url, 'ada');
    await ada.follow(id);
    await away(proxy, ada, async () => {
      const [first] = await sendMany(bo, id, 210);
      isHeld = true;
      edited = first!.id;
    });
    await within('the second page', gate.reached);
    isHeld = false;
    await sendMany(bo, id, 3);
    await bo.call('edit_message', { thread_id: id, id: edited, content: 'edited' });
    gate.open();
    await whole(bo, ada, id);
    expect(ada.seqs(id)).toEqual(range(1, 214));
    expect(ada.told.filter(({ event }) => event === 'message_updated')).toHaveLength(1);
  });

  test('leaves room for no thread alone: where an answer is full, the others are read one by one', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const ids = range(1, 30).map((i) => `t${i}`);
    for (const id of ids) {
      await newThread(bo, { id });
      await sendText(bo, id, `first ${kilobytes(60)}`);
    }
    using ada = openSdk(proxy.url, 'ada');
    await ada.follow(...ids);
    for (const id of ids) expect(ada.contents(id)).toEqual([`first ${kilobytes(60)}`]);
    expect(ada.told).toEqual([]);
    await away(proxy, ada, () => Promise.all(ids.map((id) => sendText(bo, id, `second ${kilobytes(60)}`))));
    for (const id of ids) await whole(bo, ada, id);
    expect(ada.told).toHaveLength(30);
  });

  test('leaves the list as it was until it is known anew', async () => {
    await using app = await startApp();
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    await newThread(bo, { id: 'stays' });
    await newThread(bo, { id: 'lost', members: ['ada'] });
    using ada = openSdk(proxy.url, 'ada');
    ada.client.watchThreads();
    const { threadList } = ada.client;
    const ids = () => threadList.getSnapshot().threads.map(({ id }) => id);
    await eventually('the list', () => threadList.getSnapshot().status === 'live');
    expect(ids()).toEqual(['lost', 'stays']);
    for (const i of range(1, 3)) {
      await away(proxy, ada, async () => {
        expect([threadList.getSnapshot().status, ids().length]).toEqual(['reconnecting', i + 1]);
        if (i === 1) await bo.call('update_thread', { thread_id: 'lost', members: ['carl'] });
        await newThread(bo, { id: `new-${i}` });
        if (i > 1) await newThread(bo, { id: `more-${i}`, members: ['carl'] });
      });
      await eventually('the list again', () => threadList.getSnapshot().status === 'live');
      if (i === 1) await newThread(bo, { id: 'fills-up' });
      await eventually('it whole', () => ids().length === i + 2);
    }
    expect(ids()).toEqual(['new-3', 'new-2', 'fills-up', 'new-1', 'stays']);
  });
});

describe('messages', () => {
  test('sent while there is no connection arrive when there is, once and in order', async () => {
    await using app = await startApp();
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id } = await newThread(bo);
    using ada = openSdk(proxy.url, 'ada');
    await ada.follow(id);
    let sends: Promise<unknown>[] = [];
    await away(proxy, ada, async () => {
      sends = range(1, 5).map((i) => ada.send(id, `offline ${i}`));
      await sendText(bo, id, 'meanwhile');
      expect(ada.snapshot(id).pending).toMatchObject(sends.map(() => ({ status: 'waiting' })));
    });
    await within('all are sent', Promise.all(sends));
    const contents = ['meanwhile', ...range(1, 5).map((i) => `offline ${i}`)];
    expect((await readThread(bo, id)).map(({ content }) => content)).toEqual(contents);
    await whole(bo, ada, id);
    expect(ada.told.map(({ message }) => message.content)).toEqual(contents);
    expect(ada.snapshot(id).pending).toEqual([]);
  });

  test('whose acks are lost are stored once, and resolve', async () => {
    await using app = await startApp();
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const { id } = await newThread(bo);
    using ada = openSdk(proxy.url, 'ada');
    await ada.follow(id);
    for (const i of range(1, 4)) {
      proxy.down.blackHole = true;
      const sending = ada.send(id, `message ${i}`);
      await eventually('it stored', async () => (await readThread(bo, id)).length === i);
      proxy.cut(i % 2 === 0 ? 'rst' : 'fin');
      await proxy.heal();
      expect((await within('it is sent', sending)).position).toBe(i);
    }
    await whole(bo, ada, id);
    expect(ada.seqs(id)).toEqual([1, 2, 3, 4]);
  });
});

interface Cut {
  readonly flow: 'up' | 'down';
  readonly bytes: number;
  readonly kind: CutKind;
}

/** Through the upgrade, CONNECT, the session, the subscribe, its pages, what is sent, and its acks. */
const cuts: Cut[] = [
  ...[1, 250, 420, 560, 700, 800, 1200].map((bytes) => ({ flow: 'up' as const, bytes })),
  ...[1, 120, 200, 260, 400, 700, 1100, 3000, 50_000].map((bytes) => ({
    flow: 'down' as const,
    bytes,
  })),
  ...[300_000, 560_000, 700_000, 850_000].map((bytes) => ({ flow: 'down' as const, bytes })),
].map((cut, i) => ({ ...cut, kind: i % 2 === 0 ? 'rst' : 'fin' }));

describe('in whichever phase the connection is cut', () => {
  test('nothing is lost, told twice or sent twice', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using proxy = await startFaultProxy({ port: app.server.port });
    await using bo = await connectClient(app.url, { user: 'bo' });
    const recorder = new LogRecorder();
    await newThread(bo, { id: 'big' });
    await newThread(bo, { id: 'small' });
    const big = await sendMany(bo, 'big', 16);
    using ada = openSdk(proxy.url, 'ada', {}, recorder);
    await ada.follow('big', 'small');
    const sends: Promise<unknown>[] = [];
    for (const [i, { flow, bytes, kind }] of cuts.entries()) {
      let cut: Promise<void> | undefined;
      await away(proxy, ada, async () => {
        // What was missed: two pages, where the cut is far enough down the stream.
        for (const { id } of bytes > 10_000 ? big : []) {
          await bo.call('edit_message', { thread_id: 'big', id, content: `${i} ${kilobytes(50)}` });
        }
        await sendText(bo, 'small', `meanwhile ${i}`);
        for (const threadId of ['big', 'small']) sends.push(ada.send(threadId, `offline ${i}`));
        cut = proxy[flow].cutAfter(bytes, kind);
      });
      await eventually('it live again', () => ['big', 'small'].every((id) => ada.snapshot(id).status === 'live'));
      await within('all are sent', Promise.all(sends));
      // So that the bytes are reached, if they were not yet.
      for (let more = 0; more < 50 && (await isPending(cut!)); more += 1) {
        await Promise.all([ada.send('small', `more ${i}`), bo.call('ping', {})]);
      }
      if (bytes < 100_000) await within(`the cut ${flow} at ${bytes}`, cut!);
      proxy.up.heal();
      proxy.down.heal();
    }
    await sendText(bo, 'big', 'the end');
    await sendText(bo, 'small', 'the end');
    for (const id of ['big', 'small']) {
      await whole(bo, ada, id);
      recorder.final(id, await readThread(bo, id));
    }
    expectClean(recorder.log);
    expect(proxy.stats.cut).toBeGreaterThanOrEqual(cuts.length * 2 - 4);
    const own = (await readThread(bo, 'big')).filter(({ sender }) => sender.id === 'ada');
    expect(own.map(({ content }) => content)).toEqual(cuts.map((_cut, i) => `offline ${i}`));
  });
});

function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return Promise.race([promise, Promise.resolve(pending)]).then((value) => value === pending);
}
