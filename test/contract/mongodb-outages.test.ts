import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.ts';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import { eventually } from '../support/eventually.ts';
import { freshDatabase, mongodbBackEnd } from '../support/mongodb-back-end.ts';
import { openBehindProxy, openDatabase } from '../support/mongodb-database.ts';
import { MongodbProxy } from '../support/mongodb-proxy.ts';
import type { Command, Fate } from '../support/mongodb-proxy.ts';
import { findMongodbServer, MongodbServer } from '../support/mongodb-server.ts';
import { allMessages, ann, append, clock, edit, newThread, stored, write } from '../support/store-ops.ts';

// What becomes of calls while MongoDB is away, or where its answer gets lost.

/** Within this a store that is away has to say so: the time to look for a server, and some. */
const awayMs = 10_000;
/** And within this where the server is there, but hangs. */
const hungMs = 20_000;
const backMs = 15_000;
const restartTestMs = 60_000;

/** The error of a call that has to fail as unavailable in time. */
async function unavailable(call: Promise<unknown>, withinMs = awayMs): Promise<StoreUnavailable> {
  const startedAt = performance.now();
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StoreUnavailable);
  expect(performance.now() - startedAt).toBeLessThan(withinMs);
  return error as StoreUnavailable;
}

/** Resolves when the store is there again. */
async function untilBack(store: ThreadStore): Promise<void> {
  const isThere = (): Promise<boolean> =>
    store.ping().then(
      () => true,
      () => false,
    );
  await eventually('the store is back', isThere, backMs);
}

/** What becomes of the next commands of this name, one after the other; all others pass. */
function nextOf(name: string, ...fates: Fate[]): (command: Command) => Fate {
  return (command) => (name in command ? (fates.shift() ?? 'pass') : 'pass');
}

// Where no MongoDB can be had, the run says so by name, and CI fails on it.
const describeMongodb = mongodbBackEnd.missing === undefined ? describe : describe.skip;
const serverBinary = findMongodbServer();
const describeOwnServer = serverBinary === undefined ? describe.skip : describeMongodb;

// Twice in a row, because the driver sends once more by itself.
describeMongodb('a line to MongoDB that breaks', () => {
  test('after the insert: the append is ok, and stored once', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, direct, threadId } = behind;
    await stored(store, append(threadId));
    proxy.decide = nextOf('insert', 'cut-after', 'cut-after');
    const op = append(threadId);
    expect(await write(store, op)).toMatchObject({ ok: true, changed: true, message: { id: op.id, seq: 2 } });
    const again = await write(direct, { ...op, id: randomUUID() });
    expect(again).toMatchObject({ ok: true, changed: false, message: { id: op.id, seq: 2 } });
    expect((await stored(direct, append(threadId))).seq).toBe(3);
  });

  test('before the insert: the append fails, and a repeat of it is the first', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, threadId } = behind;
    await stored(store, append(threadId));
    proxy.decide = nextOf('insert', 'cut-before', 'cut-before');
    const op = append(threadId);
    await unavailable(store.write([op]));
    expect(await write(store, op)).toMatchObject({ ok: true, changed: true, message: { seq: 2 } });
    expect((await allMessages(store, threadId)).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test('after the insert and for good: the append fails, and a repeat of it is a duplicate', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, threadId } = behind;
    await stored(store, append(threadId));
    let isBroken = false;
    proxy.decide = (command) => {
      isBroken ||= 'insert' in command;
      return isBroken ? 'cut-after' : 'pass';
    };
    const op = append(threadId);
    await unavailable(store.write([op]));
    proxy.decide = () => 'pass';
    await untilBack(store);
    expect(await write(store, op)).toMatchObject({ ok: true, changed: false, message: { id: op.id, seq: 2 } });
    expect((await stored(store, append(threadId))).seq).toBe(3);
  });

  test('in one thread: the others are written, though the call fails', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, direct, threadId } = behind;
    const message = await stored(store, append(threadId));
    const others = [await newThread(direct), await newThread(direct), await newThread(direct)];
    // The only update of a message in the batch.
    proxy.decide = (command) => (command['update'] === 'messages' ? 'cut-before' : 'pass');
    await unavailable(store.write([edit(message), ...others.map((id) => append(id))]));
    expect((await direct.threads([threadId, ...others])).map((thread) => thread.head_seq)).toEqual([1, 1, 1, 1]);
  });

  test('after a create: the thread is new, since the driver sends again; a repeat is not', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store } = behind;
    const request = { id: randomUUID(), actor: ann, title: '', members: [], metadata: {}, at: clock.tick() };
    proxy.decide = nextOf('insert', 'cut-after');
    expect(await store.createThread(request)).toMatchObject({ ok: true, created: true, thread: { id: request.id } });
    expect(await store.createThread(request)).toMatchObject({ ok: true, created: false });
  });

  test('after an edit: it is ok, and made once', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, direct, threadId } = behind;
    const message = await stored(store, append(threadId));
    proxy.decide = nextOf('update', 'cut-after', 'cut-after');
    const edited = await write(store, edit(message));
    expect(edited).toMatchObject({ ok: true, changed: true, message: { seq: 2, content: 'edited' } });
    expect(await allMessages(direct, threadId)).toEqual([edited.ok && edited.message]);
  });

  test('for a while: every method says so in time, and works again afterwards', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, threadId } = behind;
    await stored(store, append(threadId));
    proxy.isAway = true;
    const at = clock.tick();
    await Promise.all([
      unavailable(store.write([append(threadId)])),
      unavailable(store.createThread({ id: 'new', actor: ann, title: '', members: [], metadata: {}, at })),
      unavailable(store.updateThread({ threadId, actor: ann, title: 'new', at })),
      unavailable(store.threads([threadId])),
      unavailable(store.listThreads({ actor: ann, limit: 10 })),
      unavailable(
        store.histories([
          { threadId, actor: ann },
          { threadId: 'new', actor: ann },
        ]),
      ),
      unavailable(store.changesAfter(threadId, 0, 10)),
      unavailable(store.ping()),
    ]);
    proxy.isAway = false;
    await untilBack(store);
    expect((await stored(store, append(threadId))).seq).toBe(2);
    expect(await store.threads([threadId, 'new'])).toMatchObject([{ title: '', head_seq: 2 }]);
  });

  test('at the start: says what could not be reached, without the password', async () => {
    await using proxy = await MongodbProxy.start(freshDatabase());
    proxy.isAway = true;
    const uri = proxy.uri.replace('//', '//user:secret@');
    const { message } = await unavailable(openMongoStore({ uri }));
    expect(message).toMatch(/^MONGODB_URI: .*127\.0\.0\.1.*$/);
    expect(message).not.toContain('secret');
    const malformed = await unavailable(openMongoStore({ uri: 'http://user:secret@example.org' }));
    expect(malformed.message).toBe('MONGODB_URI: not a MongoDB connection string');
  });
});

describeOwnServer('a MongoDB server that hangs, and is stopped and started again', () => {
  test(
    'fails the calls in time, has what was acknowledged, and the store goes on by itself',
    async () => {
      await using server = await MongodbServer.start(serverBinary!);
      await using database = await openDatabase(freshDatabase(server.uri));
      const { store, threadId } = database;
      const before = await stored(store, append(threadId));
      await server.pause();
      await Promise.all([
        unavailable(store.changesAfter(threadId, 0, 10), hungMs),
        unavailable(store.threads([threadId]), hungMs),
        unavailable(store.ping(), hungMs),
      ]);
      server.resume();
      await untilBack(store);
      await server.stop();
      await Promise.all([unavailable(store.write([append(threadId)])), unavailable(store.ping())]);
      await server.start();
      await untilBack(store);
      const after = await stored(store, append(threadId));
      expect(await allMessages(store, threadId)).toEqual([before, after]);
      expect(after.seq).toBe(before.seq + 1);
    },
    restartTestMs,
  );
});
