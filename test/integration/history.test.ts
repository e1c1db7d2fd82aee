import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { limits, threadHistorySchema, utf8Bytes } from '@threadwire/protocol';
import type { ClientPayload, Message, ThreadHistory } from '@threadwire/protocol';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { fresh, newThread, range, sendMany, sendText } from './helpers.ts';

const jsonBytes = (value: unknown) => utf8Bytes(JSON.stringify(value));
const positionsOf = ({ messages }: ThreadHistory) => messages.map(({ position }) => position);
const seqsOf = ({ messages }: ThreadHistory) => messages.map(({ seq }) => seq);

async function fetch(client: TestClient, payload: ClientPayload<'fetch_history'>): Promise<ThreadHistory> {
  const history = await client.call('fetch_history', payload);
  expect(threadHistorySchema.strict().safeParse(history).error).toBeUndefined();
  expect(history.thread).toMatchObject({ id: payload.thread_id, head_seq: history.head_seq });
  return history;
}

describe.each(runnableBackEnds)('history, on $name', ({ name }) => {
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

  /** A new thread with so many messages. */
  async function threadOf(count: number): Promise<string> {
    const { id } = await newThread(ada);
    await sendMany(ada, id, count);
    return id;
  }

  describe('without a cursor', () => {
    test('is the newest page by position, oldest first: 50 where no limit is given', async () => {
      const thread_id = await threadOf(60);
      expect(await fetch(ada, { thread_id })).toMatchObject({ head_seq: 60, recovered: false, has_more: true });
      expect(positionsOf(await fetch(ada, { thread_id }))).toEqual(range(11, 60));
      const cases: [number, number[], boolean][] = [
        [0, [], true],
        [1, [60], true],
        [59, range(2, 60), true],
        [60, range(1, 60), false],
        [200, range(1, 60), false],
      ];
      for (const [limit, positions, has_more] of cases) {
        const history = await fetch(ada, { thread_id, limit });
        expect(positionsOf(history)).toEqual(positions);
        expect(history).toMatchObject({ has_more, streaming: [], head_seq: 60 });
      }
    });

    test('keeps to positions, also where messages were edited and deleted', async () => {
      const thread_id = await threadOf(4);
      const { messages } = await fetch(ada, { thread_id });
      await ada.call('edit_message', { thread_id, id: messages[0]!.id, content: 'edited' });
      await ada.call('delete_message', { thread_id, id: messages[2]!.id });
      const history = await fetch(ada, { thread_id });
      expect(positionsOf(history)).toEqual([1, 2, 3, 4]);
      expect(seqsOf(history)).toEqual([5, 2, 6, 4]);
      expect(history.head_seq).toBe(6);
    });

    test('of an empty thread is empty', async () => {
      const { id: thread_id } = await newThread(ada);
      const empty = { messages: [], streaming: [], head_seq: 0, has_more: false };
      expect(await fetch(ada, { thread_id })).toMatchObject({ ...empty, recovered: false });
      expect(await fetch(ada, { thread_id, limit: 0 })).toMatchObject({ ...empty, recovered: false });
      expect(await fetch(ada, { thread_id, after_seq: 0 })).toMatchObject({ ...empty, recovered: true });
      expect(await fetch(ada, { thread_id, before_position: 5 })).toMatchObject(empty);
    });
  });

  describe('with before_position', () => {
    test('goes back page by page to the first message', async () => {
      const thread_id = await threadOf(23);
      const found: number[] = [];
      for (let before_position: number | undefined; ;) {
        const page = await fetch(ada, {
          thread_id,
          limit: 5,
          ...(before_position === undefined ? {} : { before_position }),
        });
        found.unshift(...positionsOf(page));
        expect(page.has_more).toBe(page.messages[0]!.position > 1);
        if (!page.has_more) break;
        before_position = page.messages[0]!.position;
      }
      expect(found).toEqual(range(1, 23));
    });

    test('is a page of 50 where no limit is given', async () => {
      const thread_id = await threadOf(60);
      const page = await fetch(ada, { thread_id, before_position: 60 });
      expect(positionsOf(page)).toEqual(range(10, 59));
      expect(page).toMatchObject({ recovered: false, has_more: true, head_seq: 60 });
    });

    test('is the page before it, wherever it lies', async () => {
      const thread_id = await threadOf(10);
      expect(positionsOf(await fetch(ada, { thread_id, before_position: 5 }))).toEqual(range(1, 4));
      expect(positionsOf(await fetch(ada, { thread_id, before_position: 999 }))).toEqual(range(1, 10));
      for (const before_position of [0, 1]) {
        const nothing = await fetch(ada, { thread_id, before_position });
        expect(nothing).toMatchObject({ messages: [], has_more: false, head_seq: 10 });
      }
    });
  });

  describe('with after_seq', () => {
    test('is the latest state of all that changed after it, by seq', async () => {
      const thread_id = await threadOf(6);
      const { messages } = await fetch(ada, { thread_id });
      const idAt = (position: number) => messages[position - 1]!.id;
      await ada.call('edit_message', { thread_id, id: idAt(2), content: 'twice' });
      await ada.call('delete_message', { thread_id, id: idAt(5) });
      await ada.call('edit_message', { thread_id, id: idAt(2), content: 'edited' });
      const changed = await fetch(ada, { thread_id, after_seq: 6 });
      expect(changed).toMatchObject({ recovered: true, has_more: false, head_seq: 9 });
      expect(changed.messages).toMatchObject([
        { position: 5, seq: 8, status: 'deleted', content: '' },
        { position: 2, seq: 9, content: 'edited' },
      ]);
      expect(seqsOf(await fetch(ada, { thread_id, after_seq: 0 }))).toEqual([1, 3, 4, 6, 8, 9]);
      expect(await fetch(ada, { thread_id, after_seq: 9 })).toMatchObject({
        messages: [],
        recovered: true,
        has_more: false,
      });
    });

    test('goes on page by page from the last seq, up to the head', async () => {
      const thread_id = await threadOf(230);
      const first = await fetch(ada, { thread_id, after_seq: 10 });
      expect(seqsOf(first)).toEqual(range(11, 210));
      expect(first).toMatchObject({ recovered: true, has_more: true });
      const found: number[] = [];
      let pages = 0;
      for (let after_seq = 10; ; pages++) {
        const page = await fetch(ada, { thread_id, after_seq, limit: 50 });
        expect(page.recovered).toBe(true);
        found.push(...seqsOf(page));
        if (!page.has_more) break;
        after_seq = page.messages.at(-1)!.seq;
      }
      expect(found).toEqual(range(11, 230));
      expect(pages).toBe(4);
    });

    test('honours a limit of 0: nothing, but that there is more', async () => {
      const thread_id = await threadOf(3);
      const one = await fetch(ada, { thread_id, after_seq: 1, limit: 0 });
      expect(one).toMatchObject({ messages: [], recovered: true, has_more: true, head_seq: 3 });
      const none = await fetch(ada, { thread_id, after_seq: 3, limit: 0 });
      expect(none).toMatchObject({ messages: [], recovered: true, has_more: false });
    });

    test('says recovered: false where more than 500 changed, and starts afresh', async () => {
      const thread_id = await threadOf(501);
      const tooFar = await fetch(ada, { thread_id, after_seq: 0 });
      expect(tooFar).toMatchObject({ recovered: false, has_more: true, head_seq: 501 });
      expect(positionsOf(tooFar)).toEqual(range(452, 501));
      expect(positionsOf(await fetch(ada, { thread_id, after_seq: 0, limit: 7 }))).toEqual(range(495, 501));
      const just = await fetch(ada, { thread_id, after_seq: 1 });
      expect(just).toMatchObject({ recovered: true, has_more: true });
      expect(seqsOf(just)).toEqual(range(2, 201));
      await using client = await connectClient(app.url, { user: 'ada' });
      const joined = await client.call('subscribe_thread', { thread_id, after_seq: 0 });
      expect(joined).toMatchObject({ recovered: false, has_more: true });
    });

    test('says recovered: false where it is above the head: the store was restored', async () => {
      const thread_id = await threadOf(3);
      for (const after_seq of [4, Number.MAX_SAFE_INTEGER]) {
        const history = await fetch(ada, { thread_id, after_seq });
        expect(history).toMatchObject({ recovered: false, has_more: false, head_seq: 3 });
        expect(positionsOf(history)).toEqual([1, 2, 3]);
      }
    });
  });

  describe('the bytes of a page', () => {
    test('are at most 512 KiB of JSON, and has_more says that there is more', async () => {
      const { id: thread_id } = await newThread(ada);
      // As JSON these are six times as long.
      const sizes = [60_000, 30_000, 60_000, 30_000, 10, 60_000, 30_000];
      const sent: Message[] = [];
      for (const size of sizes) sent.push(await sendText(ada, thread_id, '\u0001'.repeat(size)));
      const back: ThreadHistory[] = [];
      const forth: ThreadHistory[] = [];
      for (let page: ThreadHistory | undefined; page?.has_more !== false; back.push(page)) {
        const before = page?.messages[0]?.position;
        page = await fetch(ada, { thread_id, ...(before === undefined ? {} : { before_position: before }) });
      }
      for (let page: ThreadHistory | undefined; page?.has_more !== false; forth.push(page)) {
        page = await fetch(ada, { thread_id, after_seq: page?.messages.at(-1)?.seq ?? 0 });
      }
      expect(back.toReversed().flatMap(({ messages }) => messages)).toEqual(sent);
      expect(forth.flatMap(({ messages }) => messages)).toEqual(sent);
      for (const [i, pages] of [back, forth].entries()) {
        for (const [n, { messages }] of pages.entries()) {
          expect(messages.length).toBeGreaterThan(0);
          expect(jsonBytes(messages)).toBeLessThanOrEqual(limits.maxHistoryBytes);
          // No smaller than need be: the next message would not have fitted.
          const next = pages[n + 1]?.messages.at(i === 0 ? -1 : 0);
          if (next) expect(jsonBytes([...messages, next])).toBeGreaterThan(limits.maxHistoryBytes);
        }
      }
    });

    test('count the brackets and commas of their JSON too', async () => {
      // With positions of three digits all messages are of one length.
      const thread_id = await threadOf(99);
      const bare = jsonBytes(await sendText(ada, thread_id, 'x')) - 1;
      const content = 'x'.repeat(Math.floor(limits.maxHistoryBytes / 200) - bare);
      await Promise.all(range(1, 200).map(() => sendText(ada, thread_id, content)));
      const { messages } = await fetch(ada, { thread_id, limit: 200 });
      expect(messages).toHaveLength(199);
      expect(jsonBytes(messages)).toBeLessThanOrEqual(limits.maxHistoryBytes);
    });

    test('are shared by the entries of subscribe_threads: 1 MiB, then no messages but has_more', async () => {
      const ids = await Promise.all(range(1, 20).map(async () => (await newThread(ada)).id));
      const content = '€'.repeat(21_845);
      await Promise.all(ids.slice(0, 18).map((id) => sendText(ada, id, content)));
      await using client = await connectClient(app.url, { user: 'ada' });
      const { threads } = await client.call('subscribe_threads', { threads: ids.map((thread_id) => ({ thread_id })) });
      const histories = threads.map((entry) => (entry.ok ? entry.data : undefined)!);
      expect(histories.map(({ thread }) => thread.id)).toEqual(ids);
      const withText = histories.filter(({ messages }) => messages.length > 0);
      expect(withText).toHaveLength(15);
      expect(withText).toEqual(histories.slice(0, 15));
      const bytes = withText.reduce((sum, { messages }) => sum + jsonBytes(messages), 0);
      expect(bytes).toBeLessThanOrEqual(limits.maxSubscribeBytes);
      const noRoom = { messages: [], has_more: true, head_seq: 1 };
      const empty = { messages: [], has_more: false, head_seq: 0 };
      expect(histories.slice(15)).toMatchObject([noRoom, noRoom, noRoom, empty, empty]);
      // They are joined all the same.
      for (const id of [ids[0]!, ids[17]!, ids[19]!]) {
        const sent = await sendText(ada, id, 'hello');
        expect(await client.next('thread_message')).toEqual(sent);
      }
    });
  });

  describe('subscribe_threads', () => {
    test('joins 1,000 threads at once, each with its own cursor, and answers in order', async () => {
      const ids = range(1, 1000).map((i) => fresh(`b${i}`));
      for (const first of range(0, 19)) {
        await Promise.all(ids.slice(50 * first, 50 * first + 50).map((id) => newThread(ada, { id })));
      }
      await Promise.all(range(1, 4).map((i) => sendText(ada, ids[500]!, `message ${i}`)));
      await using client = await connectClient(app.url, { user: 'ada' });
      const threads = ids.map((thread_id, i) => (i === 500 ? { thread_id, after_seq: 1, limit: 2 } : { thread_id }));
      const answer = await client.call('subscribe_threads', { threads }, 15_000);
      expect(answer.threads.map((entry) => entry.ok && entry.data.thread.id)).toEqual(ids);
      const [one] = answer.threads.slice(500);
      expect(one).toMatchObject({ data: { messages: [{ seq: 2 }, { seq: 3 }], recovered: true, has_more: true } });
      const places = [0, 499, 500, 501, 999];
      const sent = await Promise.all(places.map((i) => sendText(ada, ids[i]!, 'hello')));
      for (const message of sent) {
        expect(await client.next('thread_message', ({ thread_id }) => thread_id === message.thread_id)).toEqual(
          message,
        );
      }
    });

    test('answers what is wrong with an entry in its place, and joins the others', async () => {
      const [one, two] = [await threadOf(1), await threadOf(2)];
      await using bo = await connectClient(app.url, { user: 'bo' });
      const { id: closed } = await newThread(ada, { members: ['chi'] });
      const ids = [fresh('none'), one, closed, two];
      const { threads } = await bo.call('subscribe_threads', { threads: ids.map((thread_id) => ({ thread_id })) });
      expect(threads).toMatchObject([
        { ok: false, error: { code: 'thread_not_found', retry: 'never', thread_id: ids[0] } },
        { ok: true, data: { head_seq: 1 } },
        { ok: false, error: { code: 'thread_not_found', retry: 'never', thread_id: closed } },
        { ok: true, data: { head_seq: 2 } },
      ]);
      await sendText(ada, closed, 'secret');
      const sent = await sendText(ada, two, 'hello');
      expect(await bo.next('thread_message')).toEqual(sent);
    });
  });
});

// What does not depend on the store.
describe('subscriptions', () => {
  let app: App;
  let ada: TestClient;
  beforeAll(async () => {
    app = await startApp({ ratePerSecond: 0, maxSubscriptions: 3 });
    ada = await connectClient(app.url, { user: 'ada' });
  });
  afterAll(async () => {
    await ada?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });

  const threads = async (count: number) => Promise.all(range(1, count).map(async () => (await newThread(ada)).id));

  test('are at most as many as the session says', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    expect(client.session.limits.max_subscriptions).toBe(3);
    const [one, two, three, four] = await threads(4);
    // What fails holds no place.
    for (let i = 0; i < 5; i += 1) {
      await client.request('subscribe_thread', { thread_id: fresh('none') });
      await client.request('subscribe_threads', { threads: [{ thread_id: fresh('none') }] });
    }
    for (const thread_id of [one, two, three]) await client.call('subscribe_thread', { thread_id: thread_id! });
    const tooMany = { ok: false, error: { code: 'too_many_subscriptions', retry: 'never', thread_id: four } };
    expect(await client.request('subscribe_thread', { thread_id: four! })).toMatchObject(tooMany);
    // Again is not more.
    await client.call('subscribe_thread', { thread_id: two! });
    await client.call('unsubscribe_thread', { thread_id: one! });
    const batch = { threads: [{ thread_id: two! }, { thread_id: four! }, { thread_id: one! }, { thread_id: three! }] };
    expect((await client.call('subscribe_threads', batch)).threads).toMatchObject([
      { ok: true },
      { ok: true },
      { ok: false, error: { code: 'too_many_subscriptions', thread_id: one } },
      { ok: true },
    ]);
    await sendText(ada, one!, 'unheard');
    const heard = await sendText(ada, four!, 'heard');
    expect(await client.next('thread_message')).toEqual(heard);
  });

  test('end with unsubscribe_thread, which is ok also where there was none', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const [one, two] = await threads(2);
    expect(await client.call('unsubscribe_thread', { thread_id: one! })).toEqual({});
    expect(await client.call('unsubscribe_thread', { thread_id: fresh('none') })).toEqual({});
    await client.call('subscribe_threads', { threads: [{ thread_id: one! }, { thread_id: two! }] });
    expect(await client.call('unsubscribe_thread', { thread_id: one! })).toEqual({});
    await sendText(ada, one!, 'unheard');
    const heard = await sendText(ada, two!, 'heard');
    expect(await client.next('thread_message')).toEqual(heard);
  });

  test('are as the last of several requests at a time has it', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const [one, two] = await threads(2);
    for (let i = 0; i < 10; i += 1) {
      const requests = [
        client.call('subscribe_thread', { thread_id: one! }),
        client.call('unsubscribe_thread', { thread_id: one! }),
        client.call('unsubscribe_thread', { thread_id: two! }),
        client.call('subscribe_thread', { thread_id: two! }),
      ];
      await Promise.all(requests);
      await sendText(ada, one!, 'unheard');
      const heard = await sendText(ada, two!, 'heard');
      expect(await client.next('thread_message')).toEqual(heard);
    }
  });

  test('are not made by fetch_history', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const [one, two] = await threads(2);
    await client.call('fetch_history', { thread_id: one! });
    await client.call('subscribe_thread', { thread_id: two! });
    await sendText(ada, one!, 'unheard');
    const heard = await sendText(ada, two!, 'heard');
    expect(await client.next('thread_message')).toEqual(heard);
  });

  test.each([
    ['fetch_history', { after_seq: 1, before_position: 2 }, 'before_position'],
    ['subscribe_thread', { before_position: 2 }, 'before_position'],
    ['fetch_history', { limit: 201 }, 'limit'],
    ['fetch_history', { limit: -1 }, 'limit'],
    ['subscribe_thread', { limit: 0.5 }, 'limit'],
    ['subscribe_thread', { after_seq: -1 }, 'after_seq'],
    ['subscribe_thread', { after_seq: 2 ** 53 }, 'after_seq'],
    ['fetch_history', { before_position: '1' }, 'before_position'],
  ] as const)('%s with %j is an invalid_payload', async (event, fields, path) => {
    const [thread_id] = await threads(1);
    const answer = await ada.requestRaw(event, [{ thread_id, ...fields }]);
    expect(answer).toMatchObject({
      ok: false,
      error: { code: 'invalid_payload', thread_id, details: { issues: [{ path }] } },
    });
  });

  test('of more than 1,000 threads at once, or none, are an invalid_payload', async () => {
    for (const count of [0, 1001]) {
      const threads = range(1, count).map((i) => ({ thread_id: `t-${i}` }));
      const answer = await ada.request('subscribe_threads', { threads });
      expect(answer).toMatchObject({
        ok: false,
        error: { code: 'invalid_payload', details: { issues: [{ path: 'threads' }] } },
      });
    }
  });
});
