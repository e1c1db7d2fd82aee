import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { ListCursor } from '../../server/src/store/thread-store.ts';
import { eventually } from '../support/eventually.ts';
import { mongodbBackEnd } from '../support/mongodb-back-end.ts';
import { openBehindProxy, openDatabase, startWriter } from '../support/mongodb-database.ts';
import type { Acked } from '../support/mongodb-database.ts';
import type { Command } from '../support/mongodb-proxy.ts';
import {
  admin,
  allMessages,
  ann,
  append,
  ascending,
  bob,
  clock,
  edit,
  newThread,
  ok,
  remove,
  stored,
  upTo,
  user,
  write,
  writeAll,
} from '../support/store-ops.ts';

// What holds of MongoDB alone: several processes on one database.

const someAckedMs = 15_000;
const processTestMs = 60_000;

// Where no MongoDB can be had, the run says so by name, and CI fails on it.
const describeMongodb = mongodbBackEnd.missing === undefined ? describe : describe.skip;

describeMongodb('several processes on one MongoDB', () => {
  test(
    'number their appends to one thread without a gap',
    async () => {
      await using database = await openDatabase();
      const writers = ['one', 'two'].map((sender) => startWriter(database, sender, { count: 100, atOnce: 100 }));
      expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([0, 0]);
      const acked = writers.flatMap((each) => each.acked);
      expect(ascending(acked.map(({ seq }) => seq))).toEqual(upTo(200));
      const messages = await allMessages(database.store, database.threadId);
      expect(messages.map(({ id, seq, position }) => ({ id, seq, position }))).toEqual(
        acked.toSorted((a, b) => a.seq - b.seq).map(({ id, seq }) => ({ id, seq, position: seq })),
      );
    },
    processTestMs,
  );

  test(
    'lose nothing that was acknowledged, and no number, when they are killed',
    async () => {
      await using database = await openDatabase();
      const { store, threadId } = database;
      const acked: Acked[] = [];
      for (const round of ['a', 'b', 'c', 'd']) {
        const writer = startWriter(database, round, { count: 5000, atOnce: 10 });
        await eventually('some appends are acknowledged', () => writer.acked.length >= 15, someAckedMs);
        writer.kill();
        await writer.ended;
        acked.push(...writer.acked);
      }
      // It comes after whatever the last one had sent.
      const last = await stored(store, append(threadId));
      const messages = await allMessages(store, threadId);
      expect(messages.map(({ seq }) => seq)).toEqual(upTo(last.seq));
      const seqs = new Map(messages.map(({ id, seq }) => [id, seq]));
      expect(acked.map(({ id }) => seqs.get(id))).toEqual(acked.map(({ seq }) => seq));
    },
    processTestMs,
  );

  test('store a message once, whoever sends it', async () => {
    await using database = await openDatabase();
    const { threadId } = database;
    const stores = [database.store, await database.open()];
    for (const messageId of upTo(20).map((number) => `message-${number}`)) {
      const results = await Promise.all(stores.map((store) => write(store, append(threadId, { messageId }))));
      expect(results.filter((result) => ok(result).changed)).toHaveLength(1);
      expect(new Set(results.map((result) => ok(result).message.id)).size).toBe(1);
    }
    expect((await allMessages(database.store, threadId)).map(({ seq }) => seq)).toEqual(upTo(20));
  });

  test(
    'edit and delete one message without losing a number or bringing it back',
    async () => {
      await using database = await openDatabase();
      const { threadId } = database;
      const stores = [database.store, await database.open()];
      const message = await stored(database.store, append(threadId));
      const results = await Promise.all(
        stores.flatMap((store, s) =>
          upTo(100).map(async (number) => {
            const op = number === 80 ? remove(message) : edit(message, { content: `edit ${number} of ${s}` });
            return { kind: op.kind, result: await write(store, op) };
          }),
        ),
      );
      const changes = results.flatMap(({ kind, result }) =>
        result.ok && result.changed ? [{ kind, seq: result.message.seq }] : [],
      );
      const [left] = await allMessages(database.store, threadId);
      expect(left).toMatchObject({ id: message.id, status: 'deleted', content: '', position: 1 });
      expect(ascending([message.seq, ...changes.map(({ seq }) => seq)])).toEqual(upTo(left!.seq));
      // Deleted once, as the last thing that happened to it.
      expect(changes.filter(({ kind }) => kind === 'delete')).toEqual([{ kind: 'delete', seq: left!.seq }]);
      expect(changes.length).toBeGreaterThan(20);
      const refused = results.flatMap(({ result }) => (result.ok ? [] : [result.code]));
      expect(new Set(refused)).toEqual(new Set(['message_not_found']));
    },
    processTestMs,
  );

  test('never take a number again that an edit has vacated', async () => {
    await using database = await openDatabase();
    const { store: late, threadId } = database;
    const other = await database.open();
    const message = await stored(late, append(threadId));
    expect(message.seq).toBe(1);
    // The late one still takes 1 for the head, and no message has the number 2 any more.
    expect((await stored(other, edit(message, { content: 'two' }))).seq).toBe(2);
    expect((await stored(other, edit(message, { content: 'three' }))).seq).toBe(3);
    expect((await stored(late, append(threadId))).seq).toBe(4);
  });

  test('know at the first refusal that they are late, and read the head again', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store: late, direct: other, threadId } = behind;
    const message = await stored(late, append(threadId));
    await stored(other, edit(message, { content: 'two' }));
    await stored(other, edit(message, { content: 'three' }));
    let inserts = 0;
    proxy.decide = (command) => {
      if ('insert' in command) inserts += 1;
      return 'pass';
    };
    // It tries 2, which an edit has vacated.
    expect((await stored(late, append(threadId))).seq).toBe(4);
    expect(inserts).toBe(2);
  });

  test('leave no hole where a batch holds what another process stored', async () => {
    await using database = await openDatabase();
    const { store, threadId } = database;
    const repeated = append(threadId);
    await stored(await database.open(), repeated);
    const again = { ...repeated, id: randomUUID() };
    const results = await writeAll(store, [append(threadId), again, append(threadId), again, append(threadId)]);
    expect(results.map((result) => [ok(result).message.seq, ok(result).changed])).toEqual([
      [2, true],
      [1, false],
      [3, true],
      [1, false],
      [4, true],
    ]);
  });
});

describeMongodb('a list of threads in MongoDB', () => {
  test('shows what a process wrote that was killed right after', async () => {
    await using database = await openDatabase();
    const later = await newThread(database.store);
    const writer = startWriter(database, 'ann', { count: 5000, atOnce: 5 });
    await eventually('some appends are acknowledged', () => writer.acked.length >= 5, someAckedMs);
    writer.kill();
    await writer.ended;

    const reader = await database.open();
    const [exact] = await reader.threads([database.threadId]);
    expect(exact!.head_seq).toBeGreaterThanOrEqual(writer.acked.length);
    expect((await reader.listThreads({ actor: ann, limit: 1 })).threads).toEqual([exact]);
    const { threads } = await reader.listThreads({ actor: admin, limit: 10 });
    expect(threads.map(({ id }) => id)).toEqual([database.threadId, later]);
  });

  test('is paged without loss or repeat where a reader may read for several reasons', async () => {
    await using database = await openDatabase();
    const { store } = database;
    const at = clock.tick();
    const ids: string[] = [];
    for (const i of upTo(24)) {
      // Open; the reader's own; the reader's as a member; both; open and the reader's own; another's. Some at one time.
      const members = [[], ['someone'], ['bob', 'someone'], ['bob'], [], ['someone']][i % 6]!;
      const actor = [1, 3, 4].includes(i % 6) ? bob : ann;
      ids.push(await newThread(store, { actor, members, at: at + Math.floor(i / 4) }));
    }
    const readAll = async (actor: typeof bob): Promise<string[]> => {
      const read: string[] = [];
      let after: ListCursor | undefined;
      do {
        const { threads, next } = await store.listThreads({ actor, after, limit: 3 });
        read.push(...threads.map(({ id }) => id));
        after = next;
      } while (after);
      return read.toSorted();
    };
    const { threadId } = database;
    expect(await readAll(bob)).toEqual([threadId, ...ids.filter((_, i) => (i + 1) % 6 !== 5)].toSorted());
    expect(await readAll(user('stranger'))).toEqual(
      [threadId, ...ids.filter((_, i) => ((i + 1) % 6) % 4 === 0)].toSorted(),
    );
    expect(await readAll(admin)).toEqual([threadId, ...ids].toSorted());
  });
});

describeMongodb('every command to MongoDB', () => {
  test('has a time limit, reads and writes what a majority holds, and writes wait for the journal', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, threadId } = behind;
    const commands: Command[] = [];
    proxy.decide = (command) => {
      commands.push(command);
      return 'pass';
    };
    const other = await newThread(store);
    ok(await store.updateThread({ threadId, actor: ann, title: 'new', at: clock.tick() }));
    const message = await stored(store, append(threadId));
    await store.write([edit(message), append(threadId), append(threadId, { messageId: message.message_id })]);
    await store.histories([
      { threadId, actor: ann, afterSeq: 0 },
      { threadId: other, actor: ann },
    ]);
    await store.listThreads({ actor: ann, limit: 10 });
    await store.changesAfter(threadId, 0, 10);

    const reads = ['aggregate', 'find'];
    const writes = ['insert', 'update'];
    const sent = commands.flatMap((command) => {
      const name = [...reads, ...writes].find((each) => each in command);
      return name === undefined ? [] : [{ name, command }];
    });
    expect(new Set(sent.map(({ name }) => name))).toEqual(new Set([...reads, ...writes]));
    for (const { name, command } of sent) {
      const majority = reads.includes(name)
        ? { readConcern: { level: 'majority' } }
        : { writeConcern: { w: 'majority', j: true, wtimeout: expect.any(Number) } };
      expect(command).toMatchObject({ maxTimeMS: expect.any(Number), ...majority });
    }
  });

  test('asks for a part of many threads, so that its time is enough', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, threadId } = behind;
    const parts: number[] = [];
    proxy.decide = ({ pipeline }) => {
      const [stage] = (pipeline ?? []) as [{ $match?: { _id?: { $in?: string[] } } }?];
      if (stage?.$match?._id?.$in) parts.push(stage.$match._id.$in.length);
      return 'pass';
    };
    const ids = upTo(999).map((n) => `no-such-thread-${n}`);
    expect(await store.threads([...ids, threadId])).toMatchObject([{ id: threadId }]);
    expect(parts).toEqual([200, 200, 200, 200, 200]);
  });
});
