import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { threadSchema } from '@threadwire/protocol';
import type { Thread } from '@threadwire/protocol';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { fresh, jwtAuth, newThread, range, sendText, tokenFor } from './helpers.ts';

/** `head_seq` and `updated_at` of a list may lag so much. */
const listLagMs = 1000;
/** In which an announcement that is due once a second has to come. */
const announceTimeoutMs = 3000;

async function listAll(client: TestClient, limit: number): Promise<Thread[]> {
  const threads: Thread[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await client.call('list_threads', { limit, ...(cursor === undefined ? {} : { cursor }) });
    expect(page.threads.length).toBeLessThanOrEqual(limit);
    threads.push(...page.threads);
    if (page.next_cursor === undefined) return threads;
    cursor = page.next_cursor;
  }
}

describe.each(runnableBackEnds)('threads, on $name', ({ name }) => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ backEnd: name, ratePerSecond: 0 });
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  const connect = (user: string) => connectClient(app.url, { user });

  describe('create_thread', () => {
    test('holds for what its sender sends right behind it, without waiting for the answer', async () => {
      await using client = await connect(fresh('ada'));
      for (let round = 0; round < 20; round += 1) {
        const id = fresh('t');
        const about = { thread_id: id };
        const answers = await Promise.all([
          client.request('create_thread', { id }),
          client.request('subscribe_thread', about),
          client.request('send_message', { ...about, content: 'first' }),
          client.request('send_message', { ...about, content: 'second' }),
          client.request('stream_start', about),
          client.request('update_thread', { ...about, title: 'Title' }),
          client.request('fetch_history', about),
          client.request('subscribe_threads', { threads: [about] }),
          client.request('unsubscribe_thread', about),
        ]);
        expect(answers.map(({ ok }) => ok)).toEqual(answers.map(() => true));
        expect(answers[7]).toMatchObject({ data: { threads: [{ ok: true }] } });
        const { messages } = await client.call('fetch_history', about);
        expect(messages.map(({ content }) => content)).toEqual(['first', 'second']);
      }
    });

    test('gives a thread with defaults', async () => {
      const user = fresh('ada');
      await using client = await connect(user);
      const thread = await newThread(client);
      expect(threadSchema.strict().parse(thread)).toEqual({
        id: expect.any(String),
        title: '',
        members: [],
        metadata: {},
        created_by: user,
        created_at: thread.updated_at,
        updated_at: thread.updated_at,
        head_seq: 0,
      });
      expect(Math.abs(Date.parse(thread.created_at) - Date.now())).toBeLessThan(60_000);
    });

    test('keeps every field as it was given, whatever script it is written in', async () => {
      const fields = {
        id: fresh('A_z.0:@'),
        title: '\u{1F469}\u200D\u{1F4BB} Zoë שלום e\u0301 \uFFFE "\\" \u2028',
        members: ['bo', 'chi@example.com'],
        metadata: { 'a.b': { '': [1, -0.5, true, null, 'ü', { ö: [] }] }, ä: 1e21 },
      };
      await using client = await connect('ada');
      expect(await newThread(client, fields)).toMatchObject(fields);
      const { thread } = await client.call('fetch_history', { thread_id: fields.id });
      expect(thread).toMatchObject(fields);
    });

    test('invents an id where none is given', async () => {
      await using client = await connect('ada');
      const threads = await Promise.all([newThread(client), newThread(client)]);
      expect(threads[0].id).not.toBe(threads[1].id);
    });

    test('gives the thread as it is to its creator who sends the same id again', async () => {
      await using client = await connect('ada');
      const first = await newThread(client, { id: fresh('t'), title: 'first' });
      await using other = await connect('ada');
      expect(await newThread(other, { id: first.id, title: 'second', members: ['bo'] })).toEqual(first);
    });

    test('refuses an id that another user took, whether or not he may read the thread', async () => {
      await using ada = await connect('ada');
      await using bo = await connect('bo');
      for (const members of [[], ['bo'], ['chi']]) {
        const { id } = await newThread(ada, { members });
        const answer = await bo.request('create_thread', { id });
        expect(answer).toMatchObject({ ok: false, error: { code: 'thread_exists', retry: 'never', thread_id: id } });
      }
    });

    test('makes one thread of requests that race', async () => {
      await using ada = await connect('ada');
      await using ada2 = await connect('ada');
      await using bo = await connect('bo');
      const id = fresh('race');
      const answers = await Promise.all(
        range(1, 30).map((i) => [ada, ada2, bo][i % 3]!.request('create_thread', { id, title: `try ${i}` })),
      );
      const made = answers.filter((answer) => answer.ok).map((answer) => answer.data.thread);
      expect(new Set(made.map((thread) => JSON.stringify(thread))).size).toBe(1);
      const refused = answers.filter((answer) => !answer.ok).map((answer) => answer.error.code);
      expect(new Set(refused)).toEqual(new Set(['thread_exists']));
      expect(made.length).toBe(made[0]!.created_by === 'bo' ? 10 : 20);
    });

    test.each([
      ['a title of 200 characters beyond the BMP', { title: '\u{1F600}'.repeat(200) }, true],
      ['a title of 201 characters', { title: 'x'.repeat(201) }, false],
      ['1,000 members', { members: range(1, 1000).map((i) => `user-${i}`) }, true],
      ['1,001 members', { members: range(1, 1001).map((i) => `user-${i}`) }, false],
      ['metadata of 8 KiB', { metadata: { a: 'x'.repeat(8 * 1024 - 8) } }, true],
      ['metadata of more than 8 KiB', { metadata: { a: 'x'.repeat(8 * 1024 - 7) } }, false],
      ['metadata of 8 levels', { metadata: { a: [[[[[[[1]]]]]]] } }, true],
      ['metadata of 9 levels', { metadata: { a: [[[[[[[[1]]]]]]]] } }, false],
      ['a key that begins with $', { metadata: { deep: [{ $set: 1 }] } }, false],
    ])('takes or refuses %s', async (_what, fields, isFine) => {
      await using client = await connect('ada');
      const answer = await client.request('create_thread', fields);
      if (isFine) {
        expect(answer).toMatchObject({ ok: true, data: { thread: fields } });
      } else {
        const path = Object.keys(fields)[0];
        expect(answer).toMatchObject({
          ok: false,
          error: { code: 'invalid_payload', details: { issues: [{ path: expect.stringContaining(path!) }] } },
        });
      }
    });
  });

  describe('access', () => {
    test('is for everybody where a thread has no members, else for them and the creator', async () => {
      await using ada = await connect('ada');
      await using bo = await connect('bo');
      await using chi = await connect('chi');
      const open = await newThread(ada);
      const closed = await newThread(ada, { members: ['bo'] });
      for (const client of [ada, bo, chi]) await client.call('fetch_history', { thread_id: open.id });
      for (const client of [ada, bo]) await client.call('fetch_history', { thread_id: closed.id });
      const answer = await chi.request('fetch_history', { thread_id: closed.id });
      expect(answer).toMatchObject({ ok: false, error: { code: 'thread_not_found', thread_id: closed.id } });
    });
  });

  describe('update_thread', () => {
    test('replaces each field that is given, and no other', async () => {
      await using client = await connect('ada');
      const before = await newThread(client, { title: 'one', members: ['bo'], metadata: { a: 1, b: { c: 2 } } });
      const thread_id = before.id;
      const { thread: titled } = await client.call('update_thread', { thread_id, title: 'two' });
      expect(titled).toEqual({ ...before, title: 'two', updated_at: expect.any(String) });
      expect(titled.updated_at >= before.updated_at).toBe(true);
      const { thread: noted } = await client.call('update_thread', { thread_id, metadata: { b: { d: 3 } } });
      expect(noted).toMatchObject({ title: 'two', members: ['bo'] });
      expect(noted.metadata).toEqual({ b: { d: 3 } });
      const { thread: opened } = await client.call('update_thread', {
        thread_id,
        title: '',
        members: [],
        metadata: {},
      });
      expect(opened).toMatchObject({ title: '', members: [], metadata: {} });
      expect((await client.call('fetch_history', { thread_id })).thread).toEqual(opened);
    });

    test('takes no seq', async () => {
      await using client = await connect('ada');
      const { id } = await newThread(client);
      await sendText(client, id, 'hello');
      const { thread } = await client.call('update_thread', { thread_id: id, title: 'new' });
      expect(thread.head_seq).toBe(1);
    });

    test('is the creator’s: forbidden to members, not found for everybody else', async () => {
      await using ada = await connect('ada');
      await using bo = await connect('bo');
      await using chi = await connect('chi');
      const { id: thread_id } = await newThread(ada, { title: 'mine', members: ['bo'] });
      const forbidden = await bo.request('update_thread', { thread_id, title: 'his' });
      expect(forbidden).toMatchObject({ ok: false, error: { code: 'forbidden', thread_id } });
      for (const id of [thread_id, fresh('no-thread')]) {
        const hidden = await chi.request('update_thread', { thread_id: id, title: 'his' });
        expect(hidden).toMatchObject({ ok: false, error: { code: 'thread_not_found', thread_id: id } });
      }
      expect((await ada.call('fetch_history', { thread_id })).thread.title).toBe('mine');
    });
  });

  describe('list_threads', () => {
    test('gives every thread once, page by page, newest activity first', async () => {
      const user = fresh('ada');
      await using ada = await connect(user);
      const members = [fresh('friend')];
      const ids: string[] = [];
      for (const i of range(1, 25)) ids.push((await newThread(ada, { id: fresh(`list-${i}`), members })).id);
      const [oldest] = ids;
      // A message counts as activity. Within one millisecond it would not be newer.
      const newest = (await listAll(ada, 100))[0]!;
      await eventually('a later time', () => Date.now() > Date.parse(newest.updated_at));
      await sendText(ada, oldest!, 'hello');
      const expected = [oldest, ...ids.slice(1).reverse()];
      const mine = (threads: Thread[]) =>
        threads.filter((thread) => ids.includes(thread.id)).map((thread) => thread.id);
      await eventually(
        'the order of activity',
        async () => mine(await listAll(ada, 1))[0] === oldest,
        listLagMs + 4000,
      );
      for (const limit of [1, 7, 25, 100]) {
        const listed = await listAll(ada, limit);
        expect(mine(listed)).toHaveLength(ids.length);
        expect(new Set(mine(listed))).toEqual(new Set(expected));
        const times = listed.map((thread) => thread.updated_at);
        expect(times).toEqual(times.toSorted().toReversed());
      }
      const [first] = await listAll(ada, 100);
      expect(first).toMatchObject({ id: oldest, head_seq: 1 });
    });

    test('shows what the user may read, and nothing else', async () => {
      const [owner, member, stranger] = [fresh('owner'), fresh('member'), fresh('stranger')];
      await using ada = await connect(owner);
      await using bo = await connect(member);
      await using chi = await connect(stranger);
      const open = await newThread(ada);
      const own = await newThread(ada, { members: [fresh('nobody')] });
      const shared = await newThread(ada, { members: [member] });
      const all = [open.id, own.id, shared.id];
      const seenBy = async (client: TestClient) =>
        (await listAll(client, 100))
          .map((thread) => thread.id)
          .filter((id) => all.includes(id))
          .toSorted();
      expect(await seenBy(ada)).toEqual(all.toSorted());
      expect(await seenBy(bo)).toEqual([open.id, shared.id].toSorted());
      expect(await seenBy(chi)).toEqual([open.id]);
      await ada.call('update_thread', { thread_id: shared.id, members: [stranger] });
      expect(await seenBy(bo)).toEqual([open.id]);
      expect(await seenBy(chi)).toEqual([open.id, shared.id].toSorted());
    });

    test('gives 50 where no limit is given, and refuses limits out of range', async () => {
      await using ada = await connect(fresh('ada'));
      await Promise.all(range(1, 51).map(() => newThread(ada, { members: ['nobody'] })));
      const page = await ada.call('list_threads', {});
      expect(page.threads).toHaveLength(50);
      expect(page.next_cursor).toEqual(expect.any(String));
      for (const limit of [0, 101, 1.5, -1]) {
        const answer = await ada.request('list_threads', { limit });
        expect(answer).toMatchObject({
          ok: false,
          error: { code: 'invalid_payload', details: { issues: [{ path: 'limit' }] } },
        });
      }
    });

    test('refuses a cursor that it did not give', async () => {
      await using ada = await connect('ada');
      for (const cursor of [
        'abc',
        '!',
        Buffer.from('1 ').toString('base64url'),
        Buffer.from('x y').toString('base64url'),
      ]) {
        const answer = await ada.request('list_threads', { cursor });
        expect(answer).toMatchObject({
          ok: false,
          error: { code: 'invalid_payload', details: { issues: [{ path: 'cursor' }] } },
        });
      }
    });
  });
});

// What is told does not depend on the store.
describe('watch_threads', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp({ ratePerSecond: 0 });
  });
  afterAll(async () => app[Symbol.asyncDispose]());

  const connect = (user: string) => connectClient(app.url, { user });

  test('tells of threads that are new, changed, active and lost', async () => {
    const [owner, watcher] = [fresh('owner'), fresh('watcher')];
    await using ada = await connect(owner);
    await using bo = await connect(watcher);
    expect(await bo.call('watch_threads', {})).toEqual({});
    const told = (accepts: (thread: Thread) => boolean) =>
      bo.next('threads_updated', ({ threads }) => threads.some(accepts), announceTimeoutMs);

    const { id } = await newThread(ada, { title: 'new', members: [watcher] });
    expect(await told((thread) => thread.id === id)).toMatchObject({ removed: [] });
    await ada.call('update_thread', { thread_id: id, title: 'changed' });
    await told((thread) => thread.id === id && thread.title === 'changed');
    const sent = await sendText(ada, id, 'hello');
    await told((thread) => thread.id === id && thread.head_seq === 1 && thread.updated_at >= sent.created_at);
    await ada.call('delete_message', { thread_id: id, id: sent.id });
    await told((thread) => thread.id === id && thread.head_seq === 2);
    await ada.call('update_thread', { thread_id: id, members: [owner] });
    const lost = await bo.next('threads_updated', ({ removed }) => removed.includes(id), announceTimeoutMs);
    expect(lost.threads.map((thread) => thread.id)).not.toContain(id);

    // Nothing more comes of it: an open thread that changes later is the marker.
    await sendText(ada, id, 'secret');
    const marker = await newThread(ada);
    const between = await bo.drainUntil(
      'threads_updated',
      ({ threads }) => threads.some((thread) => thread.id === marker.id),
      announceTimeoutMs,
    );
    expect(JSON.stringify(between)).not.toContain(id);
    await ada.call('update_thread', { thread_id: id, members: [watcher] });
    await told((thread) => thread.id === id && thread.head_seq === 3);
  });

  test('tells everybody of what they may read, and nobody else', async () => {
    const [owner, member, stranger] = [fresh('owner'), fresh('member'), fresh('stranger')];
    await using ada = await connect(owner);
    await using bo = await connect(member);
    await using chi = await connect(stranger);
    for (const client of [ada, bo, chi]) await client.call('watch_threads', {});
    const shared = await newThread(ada, { members: [member] });
    for (const client of [ada, bo]) {
      await client.next(
        'threads_updated',
        ({ threads }) => threads.some(({ id }) => id === shared.id),
        announceTimeoutMs,
      );
    }
    const marker = await newThread(ada);
    const before = await chi.drainUntil(
      'threads_updated',
      ({ threads }) => threads.some(({ id }) => id === marker.id),
      announceTimeoutMs,
    );
    expect(JSON.stringify(before)).not.toContain(shared.id);
  });

  test('tells who could read a thread for a moment that it is lost', async () => {
    const watcher = fresh('watcher');
    await using ada = await connect(fresh('ada'));
    await using bo = await connect(watcher);
    await bo.call('watch_threads', {});
    const { id } = await newThread(ada, { members: ['nobody'] });
    // What follows is told together, a second after this.
    const marker = await newThread(ada);
    await bo.next('threads_updated', ({ threads }) => threads.some((thread) => thread.id === marker.id));
    await ada.call('update_thread', { thread_id: id, members: [watcher] });
    expect((await bo.call('list_threads', {})).threads.map((thread) => thread.id)).toContain(id);
    await ada.call('update_thread', { thread_id: id, members: ['nobody'] });
    await bo.next('threads_updated', ({ removed }) => removed.includes(id), announceTimeoutMs);
  });

  test('tells many of the same threads, and of more than fits into an event', async () => {
    const names = range(1, 40).map(() => fresh('watcher'));
    await using ada = await connect(fresh('ada'));
    const watchers = await Promise.all(names.map(connect));
    await Promise.all(watchers.map((watcher) => watcher.call('watch_threads', {})));
    const metadata = { filler: 'x'.repeat(8000) };
    const threads = await Promise.all(range(1, 20).map(() => newThread(ada, { metadata })));
    const ids = new Set(threads.map(({ id }) => id));
    await Promise.all(
      watchers.map(async (watcher) => {
        const missing = new Set(ids);
        while (missing.size > 0) {
          const update = await watcher.next('threads_updated', undefined, announceTimeoutMs);
          expect(JSON.stringify(update).length).toBeLessThan(70_000);
          for (const { id } of update.threads) missing.delete(id);
        }
        await watcher[Symbol.asyncDispose]();
      }),
    );
  });

  test('tells at most once a second, and then of everything', async () => {
    const watcher = fresh('watcher');
    await using ada = await connect(fresh('ada'));
    await using bo = await connect(watcher);
    const times: number[] = [];
    bo.socket.on('threads_updated', () => times.push(performance.now()));
    await bo.call('watch_threads', {});
    const pending = new Set<string>();
    const seen = new Set<string>();
    // Something changes all the time, but no more threads than a second may tell of: a fast machine would make thousands.
    for (let title = 1; times.length < 3; title += 1) {
      if (pending.size < 400) pending.add((await newThread(ada, { members: [watcher] })).id);
      else for (const id of pending) await ada.call('update_thread', { thread_id: id, title: `${title}` });
    }
    while ([...pending].some((id) => !seen.has(id))) {
      const { threads } = await bo.next('threads_updated', undefined, announceTimeoutMs);
      for (const { id } of threads) if (pending.has(id)) seen.add(id);
    }
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    // The network may bring two of them a little closer together.
    expect(Math.min(...gaps)).toBeGreaterThan(900);
  });

  test('ends with unwatch_threads, and with the connection', async () => {
    await using ada = await connect(fresh('ada'));
    await using bo = await connect(fresh('bo'));
    await using chi = await connect(fresh('chi'));
    expect(await bo.call('unwatch_threads', {})).toEqual({});
    await bo.call('watch_threads', {});
    await chi.call('watch_threads', {});
    await bo.call('unwatch_threads', {});
    const { id } = await newThread(ada);
    await chi.next('threads_updated', ({ threads }) => threads.some((thread) => thread.id === id), announceTimeoutMs);
    await bo.call('ping', {});
    expect(bo.buffered.filter(({ event }) => event === 'threads_updated')).toEqual([]);
  });
});

describe('an admin', () => {
  test('reads, lists, watches and changes threads of others', async () => {
    await using app = await startApp({ auth: jwtAuth });
    await using ada = await connectClient(app.url, { token: await tokenFor('ada') });
    await using root = await connectClient(app.url, { token: await tokenFor('root', 'admin') });
    await root.call('watch_threads', {});
    const { id } = await newThread(ada, { members: ['bo'] });
    await root.next('threads_updated', ({ threads }) => threads.some((thread) => thread.id === id), announceTimeoutMs);
    expect((await root.call('list_threads', {})).threads.map((thread) => thread.id)).toEqual([id]);
    const { thread } = await root.call('update_thread', { thread_id: id, title: 'moderated' });
    expect(thread).toMatchObject({ title: 'moderated', members: ['bo'], created_by: 'ada' });
    expect((await root.call('fetch_history', { thread_id: id })).thread.title).toBe('moderated');
  });

  test('who becomes a user while it watches is answered, and comes back with a list of what the user may read', async () => {
    await using app = await startApp({ auth: jwtAuth });
    await using ada = await connectClient(app.url, { token: await tokenFor('ada') });
    const { id } = await newThread(ada, { members: ['bo'] });
    const open = await newThread(ada);
    const demoted = await tokenFor('root');
    await using root = await connectClient(app.url, { token: await tokenFor('root', 'admin') });
    await root.call('watch_threads', {});
    expect((await root.call('list_threads', {})).threads.map((thread) => thread.id)).toContain(id);
    const answer = root.request('reauth', { token: demoted });
    expect(await answer).toMatchObject({ ok: true, data: { user: { id: 'root' } } });
    // After this, stock clients reconnect by themselves.
    expect(await root.disconnected()).toBe('transport close');
    await using back = await connectClient(app.url, { token: demoted });
    expect((await back.call('list_threads', {})).threads.map((thread) => thread.id)).toEqual([open.id]);
  });
});
