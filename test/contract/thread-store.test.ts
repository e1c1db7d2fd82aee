import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { limits, utf8Bytes } from '@threadwire/protocol';
import type { JsonObject, Thread } from '@threadwire/protocol';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import type { AuditEntry, ListCursor, Revocation, ThreadStore } from '../../server/src/store/thread-store.ts';
import type { Actor } from '../../server/src/threads/access.ts';
import { runnableBackEnds } from '../support/back-ends.ts';
import type { OpenBackEnd } from '../support/back-ends.ts';
import {
  admin,
  allMessages,
  ann,
  append,
  ascending,
  bob,
  clock,
  edit,
  eventually,
  history,
  newThread,
  ok,
  remove,
  stored,
  storedAll,
  upTo,
  user,
  write,
  writeAll,
} from '../support/store-ops.ts';

// What every store must do, whichever it is. One store is shared by most tests, each with threads of its own.

describe.each(runnableBackEnds)('the $name store', (backEnd) => {
  let shared: OpenBackEnd;
  let store: ThreadStore;
  beforeAll(async () => {
    shared = await backEnd.open();
    ({ store } = shared);
  });
  afterAll(async () => {
    await shared[Symbol.asyncDispose]();
  });

  describe('appends', () => {
    test('give the stored message, whole', async () => {
      const threadId = await newThread(store);
      const op = append(threadId, { content: 'first', metadata: { a: 1 }, role: 'tool' });
      const result = await write(store, op);
      expect(result).toEqual({
        ok: true,
        changed: true,
        message: {
          id: op.id,
          thread_id: threadId,
          position: 1,
          seq: 1,
          message_id: op.messageId,
          sender: { id: 'ann', name: 'Ann Ångström' },
          role: 'tool',
          content: 'first',
          metadata: { a: 1 },
          status: 'complete',
          created_at: new Date(op.at).toISOString(),
          updated_at: new Date(op.at).toISOString(),
        },
      });
      expect((await history(store, threadId)).messages).toEqual([ok(result).message]);
    });

    test('leave out what is absent', async () => {
      const threadId = await newThread(store);
      const op = append(threadId, { actor: user('bob', { name: undefined }) });
      const written = ok(await write(store, op)).message;
      const [read] = (await history(store, threadId)).messages;
      for (const message of [written, read!]) {
        expect(Object.keys(message)).not.toContain('error');
        expect(Object.keys(message.sender)).toEqual(['id']);
      }
    });

    test('are numbered in the order of the batch, each thread on its own', async () => {
      const [a, b] = [await newThread(store), await newThread(store)];
      const ops = [append(a), append(b), append(a), append(a), append(b)];
      const messages = await storedAll(store, ops);
      expect(messages.map(({ thread_id, seq, position, id }) => [thread_id, seq, position, id])).toEqual(
        [
          [a, 1, 1],
          [b, 1, 1],
          [a, 2, 2],
          [a, 3, 3],
          [b, 2, 2],
        ].map((expected, i) => [...expected, ops[i]!.id]),
      );
      const threads = await store.threads([a, b]);
      expect(threads.map(({ head_seq }) => head_seq)).toEqual([3, 2]);
    });

    test('200 at once to one thread take 1 to 200, each once', async () => {
      const threadId = await newThread(store);
      const messages = await Promise.all(upTo(200).map(() => stored(store, append(threadId))));
      expect(ascending(messages.map(({ seq }) => seq))).toEqual(upTo(200));
      expect((await allMessages(store, threadId)).map(({ seq }) => seq)).toEqual(upTo(200));
    });

    test('a repeat gets the stored message and takes no seq', async () => {
      const threadId = await newThread(store);
      const first = append(threadId, { content: 'first' });
      const message = await stored(store, first);
      for (const repeat of [first, append(threadId, { messageId: first.messageId, content: 'other' })]) {
        expect(await write(store, repeat)).toEqual({ ok: true, message, changed: false });
      }
      expect((await stored(store, append(threadId))).seq).toBe(2);
    });

    test('a repeat in the middle of a batch leaves no hole', async () => {
      const threadId = await newThread(store);
      const [first, second] = [append(threadId), append(threadId)];
      await stored(store, first);
      const results = await writeAll(store, [second, first, second, append(threadId)]);
      expect(results.map((result) => ok(result)).map(({ message, changed }) => [message.seq, changed])).toEqual([
        [2, true],
        [1, false],
        [2, false],
        [3, true],
      ]);
    });

    test('a repeat of a message edited since gets it as it is now', async () => {
      const threadId = await newThread(store);
      const op = append(threadId);
      const edited = await stored(store, edit(await stored(store, op)));
      expect(await write(store, op)).toEqual({ ok: true, message: edited, changed: false });
    });

    test('one message_id, 50 times at once, is stored once', async () => {
      const threadId = await newThread(store);
      const results = await Promise.all(upTo(50).map(() => write(store, append(threadId, { messageId: 'same' }))));
      expect(results.filter((result) => ok(result).changed)).toHaveLength(1);
      expect(new Set(results.map((result) => ok(result).message.id)).size).toBe(1);
      expect(await allMessages(store, threadId)).toHaveLength(1);
    });

    test('one message_id of two senders, or in two threads, is two messages', async () => {
      const [a, b] = [await newThread(store), await newThread(store)];
      const ops = [append(a), append(a, { actor: bob }), append(b)].map((op) => ({ ...op, messageId: 'same' }));
      const results = await writeAll(store, ops);
      expect(results.map((result) => ok(result).changed)).toEqual([true, true, true]);
    });
  });

  describe('edits and deletes', () => {
    test('an edit takes the next seq and keeps position, metadata and time of creation', async () => {
      const threadId = await newThread(store);
      const [first] = await storedAll(store, [append(threadId, { metadata: { k: 'v' } }), append(threadId)]);
      const op = edit(first!, { content: 'new' });
      expect(await write(store, op)).toEqual({
        ok: true,
        changed: true,
        message: { ...first, content: 'new', seq: 3, updated_at: new Date(op.at).toISOString() },
      });
      const page = await history(store, threadId);
      expect(page.messages.map(({ seq, position }) => [seq, position])).toEqual([
        [3, 1],
        [2, 2],
      ]);
      expect(page.head_seq).toBe(3);
    });

    test('metadata given with an edit replaces the old', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId, { metadata: { a: 1, b: 2 } }));
      const edited = await stored(store, edit(message, { content: message.content, metadata: { c: 3 } }));
      expect(edited).toMatchObject({ seq: 2, metadata: { c: 3 } });
      expect(Object.keys(edited.metadata)).toEqual(['c']);
      const { content } = message;
      expect(await stored(store, edit(message, { content, metadata: {} }))).toMatchObject({ seq: 3, metadata: {} });
      expect((await history(store, threadId)).messages[0]!.metadata).toEqual({});
    });

    test('an edit that changes nothing takes no seq', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId, { metadata: { a: { b: [1] } } }));
      const { content } = message;
      for (const op of [edit(message, { content }), edit(message, { content, metadata: { a: { b: [1] } } })]) {
        expect(await write(store, op)).toEqual({ ok: true, message, changed: false });
      }
      expect((await history(store, threadId)).head_seq).toBe(1);
    });

    test('a delete leaves a tombstone; again it is the same, without a seq', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId, { metadata: { a: 1 } }));
      const tombstone = await stored(store, remove(message));
      expect(tombstone).toMatchObject({ seq: 2, position: 1, status: 'deleted', content: '' });
      expect(tombstone.metadata).toEqual({});
      expect(await write(store, remove(message))).toEqual({ ok: true, message: tombstone, changed: false });
      expect(await write(store, edit(message))).toMatchObject({ ok: false, code: 'message_not_found' });
      expect((await history(store, threadId)).messages).toEqual([tombstone]);
    });

    test('if_seq is compared in the write', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId));
      const results = await store.write([
        edit(message, { content: 'one', ifSeq: 1 }),
        edit(message, { content: 'two', ifSeq: 1 }),
        remove(message, { ifSeq: 1 }),
        remove(message, { ifSeq: 2 }),
      ]);
      expect(results).toMatchObject([
        { ok: true, message: { seq: 2, content: 'one' } },
        { ok: false, code: 'seq_conflict', details: { seq: 2 } },
        { ok: false, code: 'seq_conflict', details: { seq: 2 } },
        { ok: true, message: { seq: 3, status: 'deleted' } },
      ]);
    });

    test('50 edits at once with the same if_seq: one wins', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId));
      const results = await Promise.all(
        upTo(50).map((n) => write(store, edit(message, { content: `edit ${n}`, ifSeq: 1 }))),
      );
      expect(results.filter(({ ok }) => ok)).toHaveLength(1);
      expect(results.filter((result) => !result.ok && result.code === 'seq_conflict')).toHaveLength(49);
    });

    test('only the sender and an admin may change a message', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId));
      for (const op of [edit(message, { actor: bob }), remove(message, { actor: bob })]) {
        expect(await write(store, op)).toMatchObject({ ok: false, code: 'forbidden' });
      }
      expect(ok(await write(store, edit(message, { actor: admin }))).message).toMatchObject({
        content: 'edited',
        sender: { id: 'ann' },
      });
      expect(ok(await write(store, remove(message, { actor: admin }))).message.status).toBe('deleted');
    });

    test('a message is found in its own thread only', async () => {
      const [a, b] = [await newThread(store), await newThread(store)];
      const message = await stored(store, append(a));
      for (const op of [edit({ ...message, thread_id: b }), remove({ ...message, id: 'missing' })]) {
        expect(await write(store, op)).toMatchObject({ ok: false, code: 'message_not_found' });
      }
    });

    test('200 at once of one message take distinct seqs without a gap, and deleted stays deleted', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId));
      const results = await Promise.all(
        upTo(200).map((n) => write(store, n % 60 === 0 ? remove(message) : edit(message, { content: `edit ${n}` }))),
      );
      const changed = results.flatMap((result) => (result.ok && result.changed ? result.message : []));
      const page = await history(store, threadId);
      expect(ascending(changed.map(({ seq }) => seq))).toEqual(upTo(page.head_seq).slice(1));
      expect(page.messages).toHaveLength(1);
      expect(page.messages[0]).toMatchObject({ status: 'deleted', content: '', seq: page.head_seq, position: 1 });
      expect(changed.find(({ seq }) => seq === page.head_seq)).toEqual(page.messages[0]);
      expect(changed.filter(({ status }) => status === 'deleted')).toHaveLength(1);
    });

    test('a refusal touches no other op of the batch', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId));
      const results = await writeAll(store, [
        append('no-such-thread'),
        edit(message, { actor: bob }),
        append(threadId),
        edit({ ...message, id: 'missing' }),
        edit(message),
        append(threadId, { actor: bob }),
      ]);
      expect(results.map((result) => (result.ok ? result.message.seq : result.code))).toEqual([
        'thread_not_found',
        'forbidden',
        2,
        'message_not_found',
        3,
        4,
      ]);
      expect(await store.write([])).toEqual([]);
    });
  });

  describe('threads', () => {
    test('are created once; again by the creator they are as they are; by another user they exist', async () => {
      const id = `once-${clock.tick()}`;
      const request = { id, actor: ann, title: 'one', members: ['bob', 'bob'], metadata: { a: 1 }, at: clock.tick() };
      const first = ok(await store.createThread(request));
      expect(first).toMatchObject({
        created: true,
        thread: { id, title: 'one', members: ['bob'], metadata: { a: 1 }, created_by: 'ann', head_seq: 0 },
      });
      expect(first.thread.created_at).toBe(new Date(request.at).toISOString());
      expect(first.thread.updated_at).toBe(first.thread.created_at);
      await stored(store, append(id));
      const again = ok(await store.createThread({ ...request, title: 'two', at: clock.tick() }));
      expect(again).toMatchObject({ created: false, thread: { title: 'one', head_seq: 1 } });
      expect(again.thread).toEqual((await store.threads([id]))[0]);
      for (const actor of [bob, admin]) {
        expect(await store.createThread({ ...request, actor })).toMatchObject({ ok: false, code: 'thread_exists' });
      }
    });

    test('20 creates of one id at once make one thread', async () => {
      const request = {
        id: `at-once-${clock.tick()}`,
        actor: ann,
        title: '',
        members: [],
        metadata: {},
        at: clock.now,
      };
      const results = await Promise.all(upTo(20).map(() => store.createThread(request)));
      expect(results.filter((result) => ok(result).created)).toHaveLength(1);
    });

    test.each(['__proto__', 'constructor', 'toString', 'a.b:c@d-e_f'])('may be called %s', async (id) => {
      const actor = user('hasOwnProperty');
      ok(await store.createThread({ id, actor, title: '', members: ['__proto__'], metadata: {}, at: clock.tick() }));
      const messages = await storedAll(store, [append(id, { actor }), append(id, { actor, messageId: '__proto__' })]);
      expect(messages.map(({ seq }) => seq)).toEqual([1, 2]);
      expect((await history(store, id, { actor: user('__proto__') })).messages).toEqual(messages);
    });

    test('an update replaces the fields given, and answers how the thread was', async () => {
      const id = await newThread(store, { title: 'old', members: ['bob'], metadata: { a: 1 } });
      const [before] = await store.threads([id]);
      const at = clock.tick();
      const result = ok(await store.updateThread({ threadId: id, actor: ann, members: ['eve', 'bob', 'eve'], at }));
      const thread = { ...before!, members: ['eve', 'bob'], updated_at: new Date(at).toISOString() };
      expect(result).toEqual({ ok: true, thread, before, changed: true });
      expect(await store.threads([id])).toEqual([thread]);
      const second = ok(
        await store.updateThread({ threadId: id, actor: admin, title: 'new', metadata: {}, at: clock.tick() }),
      );
      expect(second).toMatchObject({
        changed: true,
        before: thread,
        thread: { title: 'new', members: ['eve', 'bob'] },
      });
      expect(second.thread.metadata).toEqual({});
    });

    test('an update that changes nothing leaves updated_at', async () => {
      const id = await newThread(store, { title: 't', members: ['bob'], metadata: { a: [1] } });
      const [before] = await store.threads([id]);
      const request = { threadId: id, actor: ann, title: 't', members: ['bob'], metadata: { a: [1] } };
      expect(await store.updateThread({ ...request, at: clock.tick() })).toEqual({
        ok: true,
        thread: before,
        before,
        changed: false,
      });
      expect(await store.threads([id])).toEqual([before]);
    });

    test('updates at once of different fields all hold: none takes another back', async () => {
      for (const round of upTo(5)) {
        const threadId = await newThread(store, { title: 'old', members: ['bob'] });
        const fields = [{ title: `new ${round}` }, { members: ['eve'] }, { metadata: { round } }];
        await Promise.all(
          fields.map(async (each) => ok(await store.updateThread({ threadId, actor: ann, at: clock.tick(), ...each }))),
        );
        expect(await store.threads([threadId])).toMatchObject([Object.assign({}, ...fields)]);
        expect(await write(store, append(threadId, { actor: bob }))).toMatchObject({ code: 'thread_not_found' });
      }
    });

    test('updates at once of one field hold in the order of the calls', async () => {
      const threadId = await newThread(store, { title: 'old' });
      const titles = upTo(40).map((i) => `new ${i}`);
      const results = await Promise.all(
        titles.map(async (title) => ok(await store.updateThread({ threadId, actor: ann, title, at: clock.tick() }))),
      );
      expect(results.map(({ thread }) => thread.title)).toEqual(titles);
      expect(results.map(({ before }) => before.title)).toEqual(['old', ...titles.slice(0, -1)]);
      expect(await store.threads([threadId])).toMatchObject([{ title: 'new 40' }]);
    });

    test('only the creator and an admin may update; to others who may not read it there is none', async () => {
      const threadId = await newThread(store, { members: ['bob'] });
      const update = (actor: Actor, id = threadId) =>
        store.updateThread({ threadId: id, actor, title: 'mine', at: clock.tick() });
      expect(await update(bob)).toMatchObject({ ok: false, code: 'forbidden' });
      expect(await update(user('eve'))).toMatchObject({ ok: false, code: 'thread_not_found' });
      expect(await update(admin, 'no-such-thread')).toMatchObject({ ok: false, code: 'thread_not_found' });
      expect(ok(await update(ann)).thread.title).toBe('mine');
    });

    test('are read with exact head_seq and updated_at, in any order, without those that do not exist', async () => {
      const [a, b] = [await newThread(store), await newThread(store)];
      const [, last] = await storedAll(store, [append(b), append(b)]);
      const threads = await store.threads([b, 'no-such-thread', a]);
      const byId = new Map(threads.map((thread) => [thread.id, thread]));
      expect([...byId.keys()].sort()).toEqual([a, b].sort());
      expect(byId.get(b)).toMatchObject({ head_seq: 2, updated_at: last!.updated_at });
      expect(byId.get(a)).toMatchObject({ head_seq: 0 });
      expect(await store.threads([])).toEqual([]);
    });

    test('updated_at never goes back', async () => {
      const id = await newThread(store);
      const { updated_at: latest } = await stored(store, append(id));
      const early = clock.now - 60_000;
      const message = await stored(store, append(id, { at: early }));
      expect(message.updated_at).toBe(new Date(early).toISOString());
      ok(await store.updateThread({ threadId: id, actor: ann, title: 'early', at: early }));
      expect(await store.threads([id])).toMatchObject([{ title: 'early', updated_at: latest, head_seq: 2 }]);
    });
  });

  describe('access', () => {
    test('members, the creator and admins may read and write; to others there is no such thread', async () => {
      const threadId = await newThread(store, { members: ['bob'] });
      const message = await stored(store, append(threadId));
      for (const actor of [ann, bob, admin]) {
        expect(await write(store, append(threadId, { actor }))).toMatchObject({ ok: true });
        expect((await history(store, threadId, { actor })).thread.id).toBe(threadId);
      }
      const eve = user('eve', { agent: true });
      const refused = [append(threadId), edit(message), remove(message)].map((op) => ({ ...op, actor: eve }));
      for (const result of [...(await store.write(refused)), ...(await store.histories([{ threadId, actor: eve }]))]) {
        expect(result).toMatchObject({ ok: false, code: 'thread_not_found' });
      }
      expect((await history(store, threadId)).head_seq).toBe(4);
    });

    test('a thread without members is open to all', async () => {
      const threadId = await newThread(store);
      expect(await write(store, append(threadId, { actor: user('eve') }))).toMatchObject({ ok: true });
    });

    test('follows an update at once', async () => {
      const threadId = await newThread(store, { members: ['bob'] });
      const byBob = () => write(store, append(threadId, { actor: bob }));
      const setMembers = (members: string[]) => store.updateThread({ threadId, actor: ann, members, at: clock.tick() });
      expect(await byBob()).toMatchObject({ ok: true });
      await setMembers(['eve']);
      expect(await byBob()).toMatchObject({ ok: false, code: 'thread_not_found' });
      expect(await store.histories([{ threadId, actor: bob }])).toMatchObject([{ ok: false }]);
      await setMembers([]);
      expect(await byBob()).toMatchObject({ ok: true, message: { seq: 2 } });
    });
  });

  describe('lists of threads', () => {
    const list = (store: ThreadStore, actor: Actor, limit = 100) => store.listThreads({ actor, limit });
    const ids = (threads: readonly Thread[]) => threads.map(({ id }) => id);

    async function listAll(store: ThreadStore, actor: Actor, limit: number): Promise<string[][]> {
      const pages: string[][] = [];
      let after: ListCursor | undefined;
      do {
        const page = await store.listThreads({ actor, after, limit });
        pages.push(ids(page.threads));
        after = page.next;
      } while (after);
      return pages;
    }

    test('hold open threads, those of the creator and those of a member, newest first; an admin sees all', async () => {
      await using own = await backEnd.open();
      const open = await newThread(own.store);
      const annsOnly = await newThread(own.store, { members: ['ann'] });
      const shared = await newThread(own.store, { members: ['bob'] });
      const bobs = await newThread(own.store, { actor: bob, members: ['eve', 'bob'] });
      expect(ids((await list(own.store, ann)).threads)).toEqual([shared, annsOnly, open]);
      expect(ids((await list(own.store, bob)).threads)).toEqual([bobs, shared, open]);
      expect(ids((await list(own.store, user('nobody'))).threads)).toEqual([open]);
      expect(ids((await list(own.store, admin)).threads)).toEqual([bobs, shared, annsOnly, open]);

      const listed = await list(own.store, admin);
      expect(listed.threads).toEqual(expect.arrayContaining(await own.store.threads([open, annsOnly, shared, bobs])));
    });

    test('follow activity', async () => {
      await using own = await backEnd.open();
      const [first, second] = [await newThread(own.store), await newThread(own.store)];
      const message = await stored(own.store, append(first));
      await eventually(async () => {
        expect((await list(own.store, ann)).threads).toMatchObject([
          { id: first, head_seq: 1, updated_at: message.updated_at },
          { id: second, head_seq: 0 },
        ]);
      });
    });

    test('are no more than a second behind a message when it is answered', async () => {
      await using own = await backEnd.open();
      const first = await newThread(own.store);
      await newThread(own.store);
      await stored(own.store, append(first, { at: clock.now + 1001 }));
      await eventually(async () => expect(ids((await list(own.store, ann, 1)).threads)).toEqual([first]), 1000);
    });

    test('follow membership', async () => {
      await using own = await backEnd.open();
      const threadId = await newThread(own.store, { members: ['bob'] });
      const seenBy = async (actor: Actor) => ids((await list(own.store, actor)).threads).includes(threadId);
      const setMembers = async (members: string[]) => {
        ok(await own.store.updateThread({ threadId, actor: ann, members, at: clock.tick() }));
        return [await seenBy(ann), await seenBy(bob), await seenBy(user('eve'))];
      };
      expect(await setMembers(['eve'])).toEqual([true, false, true]);
      expect(await setMembers([])).toEqual([true, true, true]);
      expect(await setMembers(['bob'])).toEqual([true, true, false]);
    });

    test('go on by cursor, also among threads equal in time, each once', async () => {
      await using own = await backEnd.open();
      const at = clock.tick();
      const made: string[] = [];
      for (const n of upTo(9))
        made.push(await newThread(own.store, { id: `same-${n}`, at, members: n % 2 ? ['bob'] : [] }));
      made.push(await newThread(own.store, { id: 'earlier', at: at - 5, members: ['bob'] }));
      const newestFirst = [...made.slice(0, 9).reverse(), 'earlier'];
      for (const actor of [ann, bob, admin]) {
        for (const limit of [1, 3, 10]) {
          const pages = await listAll(own.store, actor, limit);
          expect(pages.flat()).toEqual(newestFirst);
          expect(pages.every((page) => page.length > 0 && page.length <= limit)).toBe(true);
        }
      }
      expect(await list(own.store, ann, 10)).not.toHaveProperty('next');
    });
  });

  describe('histories', () => {
    const positions = (page: { messages: readonly { position: number }[] }) =>
      page.messages.map(({ position }) => position);

    test('without a cursor: the newest by position, oldest first', async () => {
      const threadId = await newThread(store);
      const messages = await storedAll(
        store,
        upTo(60).map(() => append(threadId)),
      );
      const edited = await stored(store, edit(messages[9]!));
      const page = await history(store, threadId);
      expect(page).toMatchObject({ head_seq: 61, recovered: false, has_more: true, streaming: [] });
      expect(page.thread).toEqual((await store.threads([threadId]))[0]);
      expect(page.messages).toEqual(messages.slice(10));
      expect((await history(store, threadId, { limit: 51 })).messages[0]).toEqual(edited);
      expect(await history(store, threadId, { limit: 60 })).toMatchObject({ has_more: false });
    });

    test('limits: 0 is none, 200 the most', async () => {
      const threadId = await newThread(store);
      expect(await history(store, threadId, { limit: 0 })).toMatchObject({
        messages: [],
        has_more: false,
        head_seq: 0,
      });
      await storedAll(
        store,
        upTo(201).map(() => append(threadId)),
      );
      expect(await history(store, threadId, { limit: 0 })).toMatchObject({
        messages: [],
        has_more: true,
        head_seq: 201,
      });
      const page = await history(store, threadId, { limit: 200 });
      expect(positions(page)).toEqual(upTo(201).slice(1));
      expect(page.has_more).toBe(true);
      const one = await history(store, threadId, { limit: 1 });
      expect([positions(one), one.has_more]).toEqual([[201], true]);
    });

    test('before_position pages through everything, each message once', async () => {
      const threadId = await newThread(store);
      const messages = await storedAll(
        store,
        upTo(25).map(() => append(threadId)),
      );
      await stored(store, remove(messages[3]!));
      const seen: number[] = [];
      let beforePosition: number | undefined;
      for (;;) {
        const page = await history(store, threadId, { beforePosition, limit: 10 });
        seen.unshift(...positions(page));
        if (!page.has_more) break;
        beforePosition = page.messages[0]!.position;
      }
      expect(seen).toEqual(upTo(25));
      expect(await history(store, threadId, { beforePosition: 1 })).toMatchObject({ messages: [], has_more: false });
    });

    test('after_seq: what changed since, in its latest state, by seq', async () => {
      const threadId = await newThread(store);
      const messages = await storedAll(
        store,
        upTo(5).map(() => append(threadId)),
      );
      const edited = await stored(store, edit(messages[0]!));
      const deleted = await stored(store, remove(messages[3]!));
      const page = await history(store, threadId, { afterSeq: 3 });
      expect(page).toMatchObject({ recovered: true, has_more: false, head_seq: 7 });
      expect(page.messages).toEqual([messages[4], edited, deleted]);
      const first = await history(store, threadId, { afterSeq: 3, limit: 2 });
      expect(first).toMatchObject({ recovered: true, has_more: true, messages: [messages[4], edited] });
      const rest = await history(store, threadId, { afterSeq: 6, limit: 2 });
      expect(rest).toMatchObject({ recovered: true, has_more: false, messages: [deleted] });
      expect(await history(store, threadId, { afterSeq: 7 })).toMatchObject({ recovered: true, messages: [] });
      expect(await history(store, threadId, { afterSeq: 0, limit: 0 })).toMatchObject({
        recovered: true,
        messages: [],
        has_more: true,
      });
    });

    test('after_seq above head_seq: not recovered, the newest page', async () => {
      const threadId = await newThread(store);
      const messages = await storedAll(store, [append(threadId), append(threadId)]);
      const page = await history(store, threadId, { afterSeq: 3 });
      expect(page).toEqual({ ...(await history(store, threadId)), recovered: false });
      expect(page.messages).toEqual(messages);
    });

    test('more than 500 changes: not recovered, the newest page; 500 are', async () => {
      const threadId = await newThread(store);
      await storedAll(
        store,
        upTo(501).map(() => append(threadId)),
      );
      const tooMany = await history(store, threadId, { afterSeq: 0 });
      expect(tooMany).toMatchObject({ recovered: false, has_more: true });
      expect(positions(tooMany)).toEqual(upTo(501).slice(-50));
      const enough = await history(store, threadId, { afterSeq: 1 });
      expect(enough).toMatchObject({ recovered: true, has_more: true });
      expect(positions(enough)).toEqual(upTo(201).slice(1));
    });

    test('hold at most 512 KiB of JSON, newest or next first', async () => {
      const threadId = await newThread(store);
      const content = 'x'.repeat(limits.maxContentBytes);
      await store.write(upTo(10).map(() => append(threadId, { content })));
      const page = await history(store, threadId);
      const bytes = page.messages.reduce((sum, message) => sum + utf8Bytes(JSON.stringify(message)), 0);
      expect(bytes).toBeLessThanOrEqual(limits.maxHistoryBytes);
      expect(bytes).toBeGreaterThan(limits.maxHistoryBytes - 66 * 1024);
      expect([positions(page), page.has_more]).toEqual([[4, 5, 6, 7, 8, 9, 10], true]);
      const changes = await history(store, threadId, { afterSeq: 0 });
      expect([positions(changes), changes.has_more, changes.recovered]).toEqual([upTo(7), true, true]);
      const rest = await history(store, threadId, { afterSeq: 7 });
      expect([positions(rest), rest.has_more]).toEqual([[8, 9, 10], false]);
    });

    test('hold at least one message, however long', async () => {
      const threadId = await newThread(store);
      const content = '€'.repeat(limits.maxStreamLength);
      await store.write([append(threadId), append(threadId, { content }), append(threadId, { content })]);
      const page = await history(store, threadId);
      expect([positions(page), page.has_more]).toEqual([[3], true]);
      expect(page.messages[0]!.content).toBe(content);
    });

    test('of one call share its bytes, in order; those that no longer fit come empty', async () => {
      const threads = [await newThread(store), await newThread(store), await newThread(store)];
      const content = 'y'.repeat(30_000);
      await store.write(threads.flatMap((id) => [append(id, { content }), append(id, { content })]));
      const empty = await newThread(store);
      const requests = [...threads, 'no-such-thread', empty].map((threadId) => ({ threadId, actor: ann }));
      const results = await store.histories(requests, 100_000);
      expect(results.map((result) => (result.ok ? positions(result.history) : result.code))).toEqual([
        [1, 2],
        [2],
        [],
        'thread_not_found',
        [],
      ]);
      expect(results.map((result) => result.ok && result.history.has_more)).toEqual([false, true, true, false, false]);
      expect(results[2]).toMatchObject({ ok: true, history: { head_seq: 2, thread: { id: threads[2] } } });
      const alone = await store.histories(requests.slice(0, 1), 10);
      expect(alone).toMatchObject([{ history: { messages: [{ position: 2 }], has_more: true } }]);
    });

    test('share their bytes to the byte over hundreds of threads', async () => {
      const lengths = upTo(130).map((n) => (n % 5 === 0 ? 100 : 1000 * (n % 13)));
      const threads = await Promise.all(lengths.map(() => newThread(store)));
      const messages = await storedAll(
        store,
        threads.map((id, i) => append(id, { content: '€'.repeat(lengths[i]! + 1) })),
      );
      const sizes = messages.map((message) => utf8Bytes(JSON.stringify([message])));
      const requests = threads.map((threadId) => ({ threadId, actor: ann }));
      const all = sizes.reduce((sum, bytes) => sum + bytes, 0);
      const upToTheLast = sizes.slice(0, 70).reduce((sum, bytes) => sum + bytes, 0);
      for (const totalBytes of [all, all - 1, upToTheLast, upToTheLast - 1, 10]) {
        let left = totalBytes;
        const fitting = sizes.map((bytes, i) => {
          if (bytes > left && i > 0) return false;
          left -= bytes;
          return true;
        });
        const results = (await store.histories(requests, totalBytes)).map((result) => ok(result).history);
        expect(results.map((page) => page.messages.map(({ id }) => id))).toEqual(
          fitting.map((fits, i) => (fits ? [messages[i]!.id] : [])),
        );
        expect(results.map((page) => page.has_more)).toEqual(fitting.map((fits) => !fits));
      }
    });

    test('of 1000 threads in one call', async () => {
      const threadId = await newThread(store);
      const message = await stored(store, append(threadId));
      const requests = upTo(1000).map(() => ({ threadId, actor: ann, limit: 1 }));
      const results = await store.histories(requests, limits.maxSubscribeBytes);
      expect(results).toHaveLength(1000);
      expect(results.every((result) => ok(result).history.messages[0]?.id === message.id)).toBe(true);
    });

    test('read while others write hold everything up to their head_seq', async () => {
      const threadId = await newThread(store);
      const writing = (async () => {
        for (let n = 0; n < 40; n++) await store.write([append(threadId), append(threadId), append(threadId)]);
      })();
      const heads = new Set<number>();
      while (!heads.has(120)) {
        const page = await history(store, threadId, { limit: 200 });
        const covered = page.messages.map(({ seq }) => seq).filter((seq) => seq <= page.head_seq);
        expect(covered).toEqual(upTo(page.head_seq));
        heads.add(page.head_seq);
      }
      await writing;
      expect(heads.size).toBeGreaterThan(1);
    });
  });

  describe('changes after a seq', () => {
    test('come by seq, in their latest state, at most so many', async () => {
      const threadId = await newThread(store);
      const messages = await storedAll(
        store,
        upTo(4).map(() => append(threadId)),
      );
      const edited = await stored(store, edit(messages[1]!));
      expect(await store.changesAfter(threadId, 0, 100)).toEqual({
        messages: [messages[0], messages[2], messages[3], edited],
        headSeq: 5,
      });
      expect(await store.changesAfter(threadId, 1, 2)).toEqual({ messages: messages.slice(2), headSeq: 5 });
      expect(await store.changesAfter(threadId, 5, 10)).toEqual({ messages: [], headSeq: 5 });
      expect(await store.changesAfter('no-such-thread', 0, 10)).toEqual({ messages: [], headSeq: 0 });
    });

    test('read while others write are everything up to the head that comes with them', async () => {
      const threadId = await newThread(store);
      const writing = (async () => {
        for (let n = 0; n < 150; n++) await stored(store, append(threadId));
      })();
      const heads = new Set<number>();
      while (!heads.has(150)) {
        const { messages, headSeq } = await store.changesAfter(threadId, 0, 1000);
        const covered = messages.map(({ seq }) => seq).filter((seq) => seq <= headSeq);
        expect(covered).toEqual(upTo(headSeq));
        heads.add(headSeq);
      }
      await writing;
      expect(heads.size).toBeGreaterThan(1);
    });
  });

  describe('keeps what it was given', () => {
    const deep = { l2: { l3: { l4: { l5: { l6: { l7: { l8: [] } } } } } } };
    const metadata: JsonObject = {
      numbers: [0, -1, 1.5, 0.1 + 0.2, 1e21, 5e-324, 2 ** 31, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER, 2 ** 60, 1e308],
      nested: [[], [{}], [[1, [2]]], { a: { b: null } }],
      '': { '': '' },
      'a.b': { 'c.d.e': true },
      deep,
      _id: 'x',
      id: 'y',
      length: 3,
      toString: 'text',
      '0': false,
      'ключ 🔑': '\u2028\u2029\u0001"\\',
      b: '2020-01-01T00:00:00.000Z',
      null: null,
    };
    const contents = [
      '🧵 ünïcode Ωß漢字 👩‍👩‍👧 \u{10FFFF}',
      '\t\r\n\u0001\u001f"\\/\u2028\u2029\uFEFF',
      ' ',
      "'; DROP TABLE messages; --",
    ];

    test.each(contents)('content %j', async (content) => {
      const threadId = await newThread(store, { title: content });
      const message = await stored(store, append(threadId, { content }));
      const page = await history(store, threadId);
      expect(page.messages).toEqual([message]);
      expect(page.messages[0]!.content).toBe(content);
      expect(page.thread.title).toBe(content);
      expect((await stored(store, edit(message, { content: `${content}${content}` }))).content).toBe(
        `${content}${content}`,
      );
    });

    test('64 KiB of content, in one byte or four to a character', async () => {
      const threadId = await newThread(store);
      const sizes = ['a'.repeat(65_536), '🧵'.repeat(16_384)];
      await storedAll(
        store,
        sizes.map((content) => append(threadId, { content })),
      );
      const { messages } = await history(store, threadId);
      expect(messages.map(({ content }) => content === sizes.shift())).toEqual([true, true]);
    });

    test('metadata of messages and threads', async () => {
      const threadId = await newThread(store, { metadata });
      const message = await stored(store, append(threadId, { metadata }));
      const page = await history(store, threadId);
      expect(message.metadata).toEqual(metadata);
      expect(page.messages[0]!.metadata).toEqual(metadata);
      expect(page.thread.metadata).toEqual(metadata);
      // What was read back counts as unchanged.
      expect(await write(store, edit(message, { content: message.content, metadata }))).toMatchObject({
        changed: false,
      });
      expect(await store.updateThread({ threadId, actor: ann, metadata, at: clock.tick() })).toMatchObject({
        changed: false,
      });
    });

    test('1000 members, in their order', async () => {
      const members = upTo(1000).map((n) => `member-${(n * 7919) % 1009}-${'x'.repeat(50)}`);
      const threadId = await newThread(store, { members });
      const page = await history(store, threadId, { actor: user(members[999]!) });
      expect(page.thread.members).toEqual(members);
    });
  });

  test('what was written is there after the store was closed and opened', async () => {
    await using own = await backEnd.open();
    const threadId = await newThread(own.store, { title: 'kept', members: ['bob'] });
    const messages = await storedAll(
      own.store,
      upTo(20).map(() => append(threadId)),
    );
    const before = await own.store.threads([threadId]);
    const again = await own.reopen();
    expect(await allMessages(again, threadId)).toEqual(messages);
    expect(await again.threads([threadId])).toEqual(before);
    expect((await stored(again, append(threadId))).seq).toBe(21);
    expect(await write(again, append(threadId, { messageId: messages[0]!.message_id }))).toMatchObject({
      changed: false,
    });
  });

  describe("the operators' log", () => {
    const entry = (n: number): AuditEntry => ({
      id: `0000-${String(n).padStart(4, '0')}`,
      at: clock.tick(),
      operator: `operator ${n}`,
      address: '::1',
      action: 'login',
      target: n % 2 === 0 ? '' : 'größer 😀',
      outcome: n % 3 === 0 ? 'refused' : 'ok',
      detail: '',
    });

    test('gives the newest first, and goes on before an entry', async () => {
      const entries = upTo(25).map(entry);
      await store.appendAudit([]);
      await store.appendAudit(entries.slice(0, 20));
      await store.appendAudit(entries.slice(20));
      const newest = entries.toReversed();
      expect(await store.audit(10)).toEqual(newest.slice(0, 10));
      expect(await store.audit(10, newest[9]!.id)).toEqual(newest.slice(10, 20));
      expect(await store.audit(10, newest[19]!.id)).toEqual(newest.slice(20));
      expect(await store.audit(10, newest.at(-1)!.id)).toEqual([]);
    });

    test('leaves an entry as it is that is added again', async () => {
      const [first] = (await store.audit(1)) as [AuditEntry];
      await store.appendAudit([{ ...first, operator: 'changed' }, entry(90)]);
      expect((await store.audit(2)).map(({ operator }) => operator)).toEqual(['operator 90', first.operator]);
    });
  });

  test('revocations are kept by user, until they are taken back', async () => {
    await using own = await backEnd.open();
    const { store } = own;
    const of = (userId: string, reason = ''): Revocation => ({ userId, at: clock.tick(), operator: 'admin', reason });
    expect(await store.revocations()).toEqual([]);
    const [ann, zoe] = [of('ann', 'größer 😀'), of('zoe')];
    for (const revocation of [zoe, of('ann'), ann]) await store.revoke(revocation);
    expect(await store.revocations()).toEqual([ann, zoe]);
    await store.restore('zoe');
    await store.restore('nobody');
    expect(await store.revocations()).toEqual([ann]);
    const again = await own.reopen();
    expect(await again.revocations()).toEqual([ann]);
  });

  test('answers a ping; closed, every call rejects as unavailable', async () => {
    await using own = await backEnd.open();
    const threadId = await newThread(own.store);
    const { store } = own;
    await expect(store.ping()).resolves.toBeUndefined();
    const begun = write(store, append(threadId));
    await store.close();
    expect(await begun).toMatchObject({ ok: true });
    const calls = [
      () => store.write([append(threadId)]),
      () => newThread(store),
      () => store.updateThread({ threadId, actor: ann, title: 'x', at: clock.tick() }),
      () => store.threads([threadId]),
      () => store.listThreads({ actor: ann, limit: 1 }),
      () => store.histories([{ threadId, actor: ann }]),
      () => store.changesAfter(threadId, 0, 1),
      () => store.appendAudit([]),
      () => store.audit(1),
      () => store.revoke({ userId: 'ann', at: 0, operator: '', reason: '' }),
      () => store.restore('ann'),
      () => store.revocations(),
      () => store.ping(),
    ];
    for (const call of calls) await expect(call()).rejects.toBeInstanceOf(StoreUnavailable);
    await store.close();
  });
});
