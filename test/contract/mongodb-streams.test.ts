import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import { eventually } from '../support/eventually.ts';
import { mongodbBackEnd } from '../support/mongodb-back-end.ts';
import { openBehindProxy, openDatabase } from '../support/mongodb-database.ts';
import type { Command } from '../support/mongodb-proxy.ts';
import {
  allMessages,
  ann,
  append,
  ascending,
  bob,
  clock,
  edit,
  endStream,
  newThread,
  ok,
  startStream,
  stored,
  storedAll,
  text,
  upTo,
  write,
  writeAll,
} from '../support/store-ops.ts';

// What holds of streams in MongoDB alone: several processes on one database, and answers that get lost.

const raceTestMs = 60_000;
const someTextMs = 15_000;

/** Text that was accepted. */
interface Accepted {
  readonly epoch: number;
  readonly offset: number;
  readonly added: string;
}

/** Takes the stream up, and writes to it until somebody else has taken it over or ended it, or `parts` were stored. */
async function produce(store: ThreadStore, { thread_id, message_id }: Message, name: string, parts: number) {
  const { message, stream } = ok(await write(store, startStream(thread_id, { messageId: message_id })));
  const { epoch } = stream!;
  let offset = stream!.length;
  const accepted: Accepted[] = [];
  while (accepted.length < parts) {
    const added = `${name}${epoch}.${accepted.length} `;
    const result = await write(store, text(message, offset, added, { epoch }));
    if (!result.ok) return { epoch, found: message.content, accepted, refusal: result };
    accepted.push({ epoch, offset, added });
    offset += added.length;
  }
  return { epoch, found: message.content, accepted, refusal: undefined };
}

/** What was accepted has to be what there is: each part where it was accepted, none behind that of a later producer. */
function checkText(content: string, accepted: readonly Accepted[]): void {
  const inOrder = accepted.toSorted((a, b) => a.offset - b.offset);
  expect(inOrder.map(({ added }) => added).join('')).toBe(content);
  expect(inOrder.map(({ epoch }) => epoch)).toEqual(ascending(inOrder.map(({ epoch }) => epoch)));
}

// Where no MongoDB can be had, the run says so by name, and CI fails on it.
const describeMongodb = mongodbBackEnd.missing === undefined ? describe : describe.skip;

describeMongodb('streams of several processes on one MongoDB', () => {
  test(
    'hold the text that was accepted, in order, however they are taken over',
    async () => {
      await using database = await openDatabase();
      const stores = [database.store, await database.open(), await database.open()];
      const message = await stored(database.store, startStream(database.threadId));
      const runs = await Promise.all(
        stores.map(async (store, s) => {
          const own = [];
          for (let turn = 0; turn < 12; turn++)
            own.push(await produce(store, message, 'abc'[s]!, 1 + ((turn * 5) % 9)));
          return own;
        }),
      );
      const all = runs.flat();
      expect(ascending(all.map(({ epoch }) => epoch))).toEqual(upTo(37).slice(1));
      const [left] = await allMessages(database.store, database.threadId);
      checkText(
        left!.content,
        all.flatMap(({ accepted }) => accepted),
      );
      // Whoever takes it over gets all that came before.
      for (const { found } of all) expect(left!.content.startsWith(found)).toBe(true);
      const refusals = all.flatMap(({ refusal }) => refusal ?? []);
      expect(refusals.length).toBeGreaterThan(0);
      for (const refusal of refusals) {
        expect(refusal).toMatchObject({ code: 'stream_conflict', details: { fenced: true } });
      }
      expect(left).toMatchObject({ seq: 1, status: 'streaming' });
    },
    raceTestMs,
  );

  test('are begun once, however many begin them', async () => {
    await using database = await openDatabase();
    const { threadId } = database;
    const stores = [database.store, await database.open()];
    for (const n of upTo(8)) {
      const messageId = `stream-${n}`;
      const results = await Promise.all(stores.map((store) => write(store, startStream(threadId, { messageId }))));
      expect(ascending(results.map((result) => ok(result).stream!.epoch))).toEqual([1, 2]);
      expect(results.filter((result) => ok(result).changed).map((result) => ok(result).stream!.epoch)).toEqual([1]);
      expect(new Set(results.map((result) => ok(result).message.id)).size).toBe(1);
    }
    expect((await allMessages(database.store, threadId)).map(({ seq }) => seq)).toEqual(upTo(8));
  });

  test('end once, however many end them', async () => {
    await using database = await openDatabase();
    const { threadId } = database;
    const [one, two] = [database.store, await database.open()];
    for (const n of upTo(20)) {
      const message = await stored(one, startStream(threadId));
      ok(await write(one, text(message, 0, 'abc')));
      const [end, cancel] = await Promise.all([
        write(one, endStream(message, { epoch: 1, offset: 3 })),
        write(two, endStream(message, { status: 'cancelled', actor: bob })),
      ]);
      const isCancelled = ok(cancel).changed;
      const left = (await allMessages(one, threadId)).at(-1)!;
      expect(left).toMatchObject({ id: message.id, seq: 2 * n, content: 'abc' });
      expect(left.status).toBe(isCancelled ? 'cancelled' : 'complete');
      expect(ok(cancel).message).toEqual(left);
      expect(end).toMatchObject(
        isCancelled
          ? { ok: false, code: 'stream_closed', details: { status: 'cancelled' } }
          : { ok: true, changed: true },
      );
    }
  });

  test('are given up or heard of, never both', async () => {
    await using database = await openDatabase();
    const { threadId } = database;
    const [one, two] = [database.store, await database.open()];
    for (const n of upTo(20)) {
      const message = await stored(one, startStream(threadId, { leaseUntil: 100 }));
      const given = { status: 'interrupted', actor: undefined, epoch: 1, leaseOverAt: 150 } as const;
      // Empty text, which only renews the lease, is the harder one to notice.
      const [renewed, interrupted] = await Promise.all([
        write(one, text(message, 0, n % 4 === 0 ? 'abc' : '', { leaseUntil: 200 })),
        write(two, endStream(message, given)),
      ]);
      expect([renewed, interrupted]).toMatchObject(
        renewed.ok
          ? [{ ok: true }, { ok: false, code: 'stream_conflict' }]
          : [
              { ok: false, code: 'stream_closed' },
              { ok: true, changed: true },
            ],
      );
      ok(await write(one, endStream(message, { status: 'cancelled' })));
    }
  });

  test(
    'are cancelled from elsewhere in the middle of their text, and keep what was accepted',
    async () => {
      await using database = await openDatabase();
      const [one, two] = [database.store, await database.open()];
      const threads = await Promise.all(upTo(6).map(() => newThread(one)));
      const messages = await storedAll(
        one,
        threads.map((threadId) => startStream(threadId)),
      );
      await Promise.all(
        messages.map(async (message) => {
          const producing = produce(one, message, 'a', Number.POSITIVE_INFINITY);
          await eventually('text is stored', async () => (await two.findStream(message.id))!.length > 0, someTextMs);
          const { message: cancelled, stream } = ok(await write(two, endStream(message, { status: 'cancelled' })));
          const { accepted, refusal } = await producing;
          expect(refusal).toMatchObject({ code: 'stream_closed', details: { status: 'cancelled' } });
          checkText(cancelled.content, accepted);
          expect(stream!.length).toBe(cancelled.content.length);
          expect(await allMessages(one, message.thread_id)).toEqual([cancelled]);
          const edited = await stored(one, edit(cancelled));
          expect(edited).toMatchObject({ content: 'edited', status: 'cancelled', seq: 3 });
          expect(await allMessages(two, message.thread_id)).toEqual([edited]);
          expect(await two.findStream(message.id)).toMatchObject({ epoch: 2, length: stream!.length });
        }),
      );
    },
    raceTestMs,
  );

  test('never have their numbers taken again', async () => {
    await using database = await openDatabase();
    const { store: late, threadId } = database;
    const other = await database.open();
    const message = await stored(late, startStream(threadId));
    expect(message.seq).toBe(1);
    // The late one still takes 1 for the head, and no message has the number 2 any more.
    const ended = await stored(other, endStream(message));
    expect(ended.seq).toBe(2);
    expect((await stored(other, edit(ended))).seq).toBe(3);
    expect((await stored(late, startStream(threadId))).seq).toBe(4);
    expect((await stored(other, append(threadId))).seq).toBe(5);
  });

  test('leave no hole where starts, ends and appends of several meet', async () => {
    await using database = await openDatabase();
    const { threadId } = database;
    const stores = [database.store, await database.open()];
    const results = await Promise.all(
      stores.map(async (store) => {
        const own = [];
        for (let n = 0; n < 10; n++) {
          const op = startStream(threadId);
          const stream = { id: op.id, thread_id: threadId } as Message;
          own.push(...(await writeAll(store, [op, append(threadId), endStream(stream), append(threadId)])));
        }
        return own;
      }),
    );
    const seqs = results.flat().map((result) => ok(result).message.seq);
    expect(ascending(seqs)).toEqual(upTo(80));
  });
});

describeMongodb('a thread with as many streams as there may be', () => {
  test('takes no further one, also where two processes begin one at the same moment', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, direct, threadId } = behind;
    await storedAll(
      direct,
      upTo(6).map(() => startStream(threadId)),
    );
    // The seventh is begun elsewhere before it is stored, and the eighth before it knows the head again.
    const isMoment = [
      (command: Command) => command['insert'] === 'messages',
      (command: Command) => command['find'] === 'messages' && 'sort' in command,
    ];
    proxy.decide = async (command) => {
      if (isMoment[0]?.(command)) {
        isMoment.shift();
        await stored(direct, startStream(threadId));
      }
      return 'pass' as const;
    };
    expect(await write(store, startStream(threadId))).toMatchObject({ ok: false, code: 'too_many_streams' });
    expect(isMoment).toEqual([]);
    expect(await allMessages(direct, threadId)).toHaveLength(8);
  });
});

describeMongodb('a line to MongoDB that breaks', () => {
  /** The answers to the next commands of this name get lost, also the one that the driver sends by itself. */
  const lose = (name: string, times = 2) => {
    return (command: Command) => (command[name] === 'messages' && times-- > 0 ? 'cut-after' : 'pass');
  };

  test('after the start of a stream: it is ok, and begun once', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, direct, threadId } = behind;
    await stored(store, append(threadId));
    proxy.decide = lose('insert');
    const op = startStream(threadId);
    expect(await write(store, op)).toMatchObject({
      ok: true,
      changed: true,
      message: { id: op.id, seq: 2 },
      stream: { epoch: 1, length: 0 },
    });
    expect((await stored(direct, append(threadId))).seq).toBe(3);
  });

  test('after a take-over: whoever is told an epoch is the producer', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, direct, threadId } = behind;
    const message = await stored(direct, startStream(threadId));
    proxy.decide = lose('findAndModify', 1);
    const { stream } = ok(await write(store, startStream(threadId, { messageId: message.message_id })));
    expect(stream!.epoch).toBeGreaterThan(1);
    expect(await write(direct, text(message, 0, 'new', { epoch: stream!.epoch }))).toEqual({ ok: true, length: 3 });
    const fenced = { ok: false, details: { fenced: true } };
    expect(await write(direct, text(message, 3, 'old', { epoch: stream!.epoch - 1 }))).toMatchObject(fenced);
  });

  test('after text: whether it is known or not, it is stored once', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, direct, threadId } = behind;
    const message = await stored(store, startStream(threadId));
    proxy.decide = lose('update', 1);
    expect(await write(store, text(message, 0, 'abc'))).toEqual({ ok: true, length: 3 });
    proxy.decide = lose('update');
    const op = text(message, 3, 'def');
    await expect(write(store, op)).rejects.toThrow(StoreUnavailable);
    expect(await write(store, { ...op, text: 'defghi' })).toEqual({ ok: true, length: 9 });
    expect(await allMessages(direct, threadId)).toMatchObject([{ content: 'abcdefghi' }]);
  });

  test('after the end of a stream: it is ok, and has ended once', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, direct, threadId } = behind;
    const message = await stored(store, startStream(threadId));
    ok(await write(store, text(message, 0, 'abc')));
    proxy.decide = lose('update');
    const ended = ok(await write(store, endStream(message, { offset: 3 })));
    expect(ended).toMatchObject({
      changed: true,
      message: { seq: 2, content: 'abc' },
      stream: { epoch: 1, length: 3 },
    });
    expect(await allMessages(direct, threadId)).toEqual([ended.message]);
  });
});

describeMongodb('text of a stream in MongoDB', () => {
  test('costs one update of what is new, and no reading of messages', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, threadId } = behind;
    const message = await stored(store, startStream(threadId));
    const before = 'x'.repeat(10_000);
    ok(await write(store, text(message, 0, before)));
    const commands: Command[] = [];
    proxy.decide = (command) => {
      commands.push(command);
      return 'pass';
    };
    ok(await write(store, text(message, before.length, 'new')));
    const names = ['find', 'aggregate', 'insert', 'update', 'findAndModify'];
    const sent = commands.flatMap((command) => names.filter((name) => name in command).map((name) => command[name]));
    expect(sent).toEqual(['threads', 'messages']);
    expect(JSON.stringify(commands)).not.toContain('$lookup');
    expect(JSON.stringify(commands)).not.toContain('xx');
  });

  test('is written and read as safely as everything else', async () => {
    await using behind = await openBehindProxy();
    const { proxy, store, threadId } = behind;
    const commands: Command[] = [];
    proxy.decide = (command) => {
      commands.push(command);
      return 'pass';
    };
    const op = startStream(threadId);
    const message = await stored(store, op);
    await stored(store, op);
    await store.write([text(message, 0, 'abc'), text(message, 1, 'x', { epoch: 2 }), endStream(message)]);
    await store.findStream(op.id);
    await store.abandonedStreams(clock.now, 10);

    const reads = ['aggregate', 'find'];
    const writes = ['findAndModify', 'insert', 'update'];
    const sent = commands.flatMap((command) => {
      const name = [...reads, ...writes].find((each) => each in command);
      return name === undefined ? [] : [{ name, command }];
    });
    expect(new Set(sent.map(({ name }) => name))).toEqual(new Set([...reads, ...writes]));
    // What is known of activity may get lost.
    for (const { name, command } of sent.filter(({ command }) => command['update'] !== 'threads')) {
      const majority = reads.includes(name)
        ? { readConcern: { level: 'majority' } }
        : { writeConcern: { w: 'majority', j: true, wtimeout: expect.any(Number) } };
      expect(command).toMatchObject({ maxTimeMS: expect.any(Number), ...majority });
    }
  });

  test('goes to many streams of many threads in one call', async () => {
    await using database = await openDatabase();
    const { store } = database;
    const threads = await Promise.all(upTo(12).map(() => newThread(store)));
    const messages = await storedAll(
      store,
      threads.flatMap((threadId) => upTo(8).map(() => startStream(threadId))),
    );
    for (const offset of [0, 4, 8]) {
      const results = await store.write(messages.map((message) => text(message, offset, 'four', { actor: ann })));
      expect(results).toEqual(messages.map(() => ({ ok: true, length: offset + 4 })));
    }
    const pages = await store.histories(threads.map((threadId) => ({ threadId, actor: ann })));
    const texts = pages.flatMap((page) => ok(page).history.streaming.map(({ content }) => content));
    expect(texts).toEqual(messages.map(() => 'fourfourfour'));
  });
});
