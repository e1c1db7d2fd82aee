import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, mkdir, readFile, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from '@jest/globals';
import { DataDirError, DataDirInUse } from '../../server/src/store/embedded/data-dir.ts';
import { openEmbeddedStore } from '../../server/src/store/embedded/embedded-store.ts';
import { Sqlite } from '../../server/src/store/embedded/sqlite.ts';
import { maxSearched, maxWalked } from '../../server/src/store/embedded/thread-list.ts';
import type { WorkerRequest } from '../../server/src/store/embedded/worker-protocol.ts';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import { temporaryDirectory } from '../support/embedded-back-end.ts';
import {
  allMessages,
  ann,
  append,
  bob,
  clock,
  edit,
  eventually,
  newThread,
  ok,
  stored,
  storedAll,
  upTo,
  user,
  write,
} from '../support/store-ops.ts';
import { insertThreads } from '../support/thread-rows.ts';

const support = join(__dirname, '..', 'support');

/** A program of `test/support` whose lines are read as they come; killed, not asked, at the end. */
class Program implements AsyncDisposable {
  readonly process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;

  constructor(command: string, ...args: string[]) {
    this.process = spawn(command, args);
    this.process.stderr.pipe(process.stderr);
    this.#exited = once(this.process, 'exit');
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** The next line. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.process.spawnargs.join(' ')} ended`);
    return value;
  }

  /** The lines before this one. */
  async linesUntil(last: string): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.line(); line !== last; line = await this.line()) lines.push(line);
    return lines;
  }

  /** Everything that it says before it ends and nobody has read yet. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let next = await this.#lines.next(); !next.done; next = await this.#lines.next()) lines.push(next.value);
    return lines;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

function appendLoop(dataDir: string, prefix: string, ...more: (number | string)[]): Program {
  return new Program(process.execPath, join(support, 'append-loop.mjs'), dataDir, 'loop', prefix, ...more.map(String));
}

/** Reads acknowledgements, `<message_id> <seq>`, into a map; anything else is left out. */
function collect(acknowledged: Map<string, number>, lines: readonly string[]): void {
  for (const line of lines) {
    const [messageId, seq] = line.split(' ');
    if (seq) acknowledged.set(messageId!, Number(seq));
  }
}

/** Every acknowledged message once under its seq, and no seq missing. */
async function expectAll(store: ThreadStore, threadId: string, acknowledged: Map<string, number>): Promise<number> {
  const messages = await allMessages(store, threadId);
  expect(messages.map(({ seq }) => seq)).toEqual(upTo(messages.length));
  expect(messages.map(({ position }) => position)).toEqual(upTo(messages.length));
  const seqs = new Map(messages.map(({ message_id, seq }) => [message_id, seq]));
  expect(seqs.size).toBe(messages.length);
  expect([...acknowledged].filter(([messageId, seq]) => seqs.get(messageId) !== seq)).toEqual([]);
  expect(messages.every(({ message_id, content }) => content.startsWith(`${message_id} x`))).toBe(true);
  return messages.length;
}

describe('a killed process', () => {
  test('loses nothing that it acknowledged, 20 times on the same data', async () => {
    await using directory = await temporaryDirectory();
    const acknowledged = new Map<string, number>();
    for (const round of upTo(20)) {
      await using program = appendLoop(directory.path, `round${round}`);
      expect(await program.line()).toBe('open');
      const enough = 1 + Math.floor(Math.random() * 40);
      for (let n = 0; n < enough; n++) collect(acknowledged, [await program.line()]);
      await program.kill();
      collect(acknowledged, await program.rest());
    }
    expect(acknowledged.size).toBeGreaterThanOrEqual(20);
    const store = await openEmbeddedStore({ dataDir: directory.path });
    const head = await expectAll(store, 'loop', acknowledged);
    expect(await store.threads(['loop'])).toMatchObject([{ head_seq: head }]);
    await store.close();
  }, 90_000);

  test('may leave a torn log: it opens, with everything acknowledged', async () => {
    await using directory = await temporaryDirectory();
    const log = join(directory.path, 'threadwire.db-wal');
    const acknowledged = new Map<string, number>();
    const runUntilIdle = async (...args: [prefix: string, count: number, contentLength: number]) => {
      await using program = appendLoop(directory.path, ...args);
      const lines = await program.linesUntil('idle');
      await program.kill();
      return { lines, logBytes: (await stat(log)).size };
    };
    const kept = await runUntilIdle('kept', 50, 100);
    collect(acknowledged, kept.lines);
    // One more, of many pages, as if the power had gone while it was written.
    const torn = await runUntilIdle('torn', 1, 60_000);
    expect(torn.logBytes).toBeGreaterThan(kept.logBytes + 60_000);
    await truncate(log, kept.logBytes + Math.floor((torn.logBytes - kept.logBytes) / 2) + 7);
    await appendFile(log, randomBytes(50_000));

    const store = await openEmbeddedStore({ dataDir: directory.path });
    expect(acknowledged.size).toBe(50);
    expect(await expectAll(store, 'loop', acknowledged)).toBe(50);
    expect(await stored(store, append('loop', { messageId: 'torn-1' }))).toMatchObject({ seq: 51 });
    await store.close();
  });

  test('holds its directory until then, and is named to who asks for it', async () => {
    await using directory = await temporaryDirectory();
    const dataDir = directory.path;
    await using program = appendLoop(dataDir, 'first', 1);
    expect(await program.line()).toBe('open');
    const opened = openEmbeddedStore({ dataDir });
    await expect(opened).rejects.toBeInstanceOf(DataDirInUse);
    await expect(opened).rejects.toThrow(
      new Error(`DATA_DIR ${dataDir} is in use by another Threadwire process (pid ${program.process.pid})`),
    );
    await program.kill();
    const store = await openEmbeddedStore({ dataDir });
    await using second = appendLoop(dataDir, 'second');
    expect(await second.line()).toBe(
      `DATA_DIR ${dataDir} is in use by another Threadwire process (pid ${process.pid})`,
    );
    await store.close();
    await using third = appendLoop(dataDir, 'third');
    expect(await third.line()).toBe('open');
  });
});

describe('a commit', () => {
  // A kill takes nothing from the kernel that the process had written, so only the mode tells of a power cut.
  test('is synced before it is answered, each one', async () => {
    await using directory = await temporaryDirectory();
    const syncs = new Int32Array(new SharedArrayBuffer(16));
    const store = await openEmbeddedStore({
      dataDir: directory.path,
      spawnWorker: (settings) => new Worker(join(support, 'sync-recorder.mjs'), { workerData: { ...settings, syncs } }),
    });
    const threadId = await newThread(store);
    const message = await stored(store, append(threadId));
    await stored(store, edit(message));
    await store.updateThread({ threadId, actor: ann, title: 'new', at: clock.tick() });
    await store.close();
    // The first one makes the tables, and some may file what is in them. 2 is FULL: with a write-ahead log nothing less
    // syncs every commit.
    const [off, normal, full, extra] = syncs;
    expect([off, normal, extra]).toEqual([0, 0, 0]);
    expect(full).toBeGreaterThanOrEqual(5);
  });
});

describe('a full disk', () => {
  interface Report {
    refused: string;
    pingWhileFull: string;
    repeatWhileFull: string;
    headWhileFull: number;
    acknowledgedWhileFull: number;
    pingWithRoom: string;
    withRoom: string;
    writersStarted: number;
    acknowledged: [messageId: string, seq: number][];
  }

  /** What holds however the disk was full: each append is a pair of messages. */
  function expectSound(report: Report): void {
    expect(report.refused).toMatch(/^StoreUnavailable: /);
    expect(report.pingWhileFull).toMatch(/^StoreUnavailable: /);
    expect(report.repeatWhileFull).toMatch(/^StoreUnavailable: /);
    expect(report.acknowledgedWhileFull).toBeGreaterThan(5);
    expect(report.pingWithRoom).toBe('ok');
    expect(report.withRoom).toBe('ok');
    expect(report.acknowledged.map(([, seq]) => seq)).toEqual(report.acknowledged.map((_, i) => 2 * (i + 1)));
  }

  async function expectStored(dataDir: string, report: Report): Promise<void> {
    const store = await openEmbeddedStore({ dataDir });
    const length = await expectAll(store, 'full', new Map(report.acknowledged));
    expect(length).toBe(2 * report.acknowledged.length);
    await store.close();
  }

  // A file system of its own in a namespace of its own: it is gone with the process.
  const unshare = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];
  const canMount = spawnSync('unshare', [...unshare, 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
  if (!canMount) console.warn('A full file system was not tried: mounting one is not permitted here. A file limit is.');

  (canMount ? test : test.skip)('is told, loses nothing, and is over when there is room', async () => {
    await using directory = await temporaryDirectory();
    const run = `mount -t tmpfs -o size=8m none "$1" && mkdir "$1/data" && "$0" "$2" "$1/data" 3000000 && cp -r "$1/data" "$3"`;
    await using copy = await temporaryDirectory();
    const [disk, program] = [directory.path, join(support, 'full-disk.mjs')];
    await using child = new Program('unshare', ...unshare, 'sh', '-c', run, process.execPath, disk, program, copy.path);
    const report = JSON.parse(await child.line()) as Report;
    expectSound(report);
    expect(report.refused).toBe('StoreUnavailable: the disk is full');
    expect(report.writersStarted).toBe(1);
    expect(report.headWhileFull).toBe(2 * report.acknowledgedWhileFull);
    expect(await child.rest()).toEqual([]);
    await expectStored(join(copy.path, 'data'), report);
  });

  test('or a disk that fails: the same, after the database was opened again', async () => {
    await using directory = await temporaryDirectory();
    const dataDir = directory.path;
    // Writing beyond the limit fails with EFBIG, which SQLite takes for an I/O error.
    const run = `ulimit -S -f 2048 && exec "$0" "$1" "$2"`;
    await using child = new Program('sh', '-c', run, process.execPath, join(support, 'full-disk.mjs'), dataDir);
    expect(await child.line()).toBe('full');
    const raised = spawnSync('prlimit', ['--pid', String(child.process.pid), '--fsize=unlimited:unlimited']);
    expect(raised.status).toBe(0);
    child.process.stdin.write('\n');
    const report = JSON.parse(await child.line()) as Report;
    expectSound(report);
    expect(report.refused).toMatch(/the disk failed/);
    // After a failed write or sync a connection may hold what the file does not: it must not be asked again.
    expect(report.writersStarted).toBeGreaterThan(1);
    await expectStored(dataDir, report);
  });
});

describe('a worker', () => {
  const entry = createRequire(__filename).resolve('@threadwire/server/embedded-worker');

  test('that dies takes its calls with it, and is replaced; nothing acknowledged is lost', async () => {
    await using directory = await temporaryDirectory();
    const dataDir = directory.path;
    const workers = new Map<string, Worker>();
    const store = await openEmbeddedStore({
      dataDir,
      spawnWorker: (workerData) => {
        const worker = new Worker(entry, { workerData });
        workers.set(workerData.role, worker);
        return worker;
      },
    });
    const threadId = await newThread(store);
    const ops = upTo(200).map((n) => append(threadId, { messageId: `m${n}`, content: `m${n} x` }));
    const acknowledged = new Map<string, number>();
    const refused: unknown[] = [];
    const writing = ops.map(async (op, n) => {
      if (n === 100) void workers.get('writer')!.terminate();
      try {
        acknowledged.set(op.messageId, (await stored(store, op)).seq);
      } catch (error) {
        refused.push(error);
      }
    });
    await Promise.all(writing);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.filter((error) => !(error instanceof StoreUnavailable))).toEqual([]);
    await expect(openEmbeddedStore({ dataDir })).rejects.toBeInstanceOf(DataDirInUse);

    await eventually(() => store.ping());
    await expectAll(store, threadId, acknowledged);
    await storedAll(store, ops);
    expect(await expectAll(store, threadId, acknowledged)).toBe(200);

    // Told to stop before it is asked, so that it cannot answer.
    void workers.get('reader')!.terminate();
    const reading = store.threads([threadId]);
    await expect(reading).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await write(store, append(threadId))).toMatchObject({ ok: true });
    await eventually(async () => {
      expect(await store.threads([threadId])).toMatchObject([{ head_seq: 201 }]);
    });
    await store.close();
  });

  test('whose connection is broken is replaced when it is gone and not before, until the database opens', async () => {
    await using directory = await temporaryDirectory();
    const slowToGo = `
      const { parentPort } = require('node:worker_threads');
      parentPort.on('message', ({ id }) => {
        parentPort.postMessage({ id, failure: { kind: 'broken', message: 'the disk failed' } });
        setTimeout(() => parentPort.close(), 300);
      }).postMessage('ready');`;
    const cannotOpen = `require('node:worker_threads').parentPort.postMessage({ kind: 'broken', message: 'not yet' })`;
    const readers: string[] = [];
    const store = await openEmbeddedStore({
      dataDir: directory.path,
      spawnWorker: (workerData) => {
        if (workerData.role === 'writer') return new Worker(entry, { workerData });
        switch (readers.push('starts')) {
          case 1:
            return new Worker(slowToGo, { eval: true }).once('exit', () => readers.push('is gone'));
          case 3:
            return new Worker(cannotOpen, { eval: true });
          default:
            return new Worker(entry, { workerData });
        }
      },
    });
    const threadId = await newThread(store);
    const reads = [store.threads([threadId]), store.threads([threadId])];
    for (const read of reads) await expect(read).rejects.toThrow(StoreUnavailable);
    await eventually(async () => {
      expect(await store.threads([threadId])).toHaveLength(1);
    });
    expect(readers).toEqual(['starts', 'is gone', 'starts', 'starts']);
    await store.close();
  });

  test('that does not answer is not waited for', async () => {
    await using directory = await temporaryDirectory();
    const silent = `require('node:worker_threads').parentPort.on('message', () => {}).postMessage('ready')`;
    const store = await openEmbeddedStore({
      dataDir: directory.path,
      callTimeoutMs: 50,
      spawnWorker: () => new Worker(silent, { eval: true }),
    });
    await expect(store.write([append('any')])).rejects.toThrow(
      new StoreUnavailable('the store did not answer within 50 ms'),
    );
    await expect(store.threads(['any'])).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailable);
    await store.close();
  });
});

describe('the one reader', () => {
  const entry = createRequire(__filename).resolve('@threadwire/server/embedded-worker');

  /** A store, and the names of what its reader was asked for, in order. */
  async function openWatched(dataDir: string) {
    const asked: string[] = [];
    const store = await openEmbeddedStore({
      dataDir,
      spawnWorker: (workerData) => {
        const worker = new Worker(entry, { workerData });
        if (workerData.role === 'writer') return worker;
        const post = worker.postMessage.bind(worker);
        worker.postMessage = (request: WorkerRequest) => {
          asked.push(request.method);
          post(request);
        };
        return worker;
      },
    });
    return {
      store,
      asked,
      /** Whether another read, asked for in the same turn, is answered before this one. */
      async isPassedBy(reading: Promise<unknown>): Promise<boolean> {
        const other = store.threads(['any']).then(() => 'other');
        const first = await Promise.race([reading.then(() => 'this'), other]);
        await reading;
        return first === 'other';
      },
      [Symbol.asyncDispose]: () => store.close(),
    };
  }

  test('reads a batch of 1000 pages in parts, and what others ask between them', async () => {
    await using directory = await temporaryDirectory();
    await using watched = await openWatched(directory.path);
    const { store, asked } = watched;
    const threadId = await newThread(store);
    await stored(store, append(threadId));
    const requests = upTo(1000).map((n) => ({ threadId: n === 777 ? 'none' : threadId, actor: ann }));
    const reading = store.histories(requests, 1_000_000);
    expect(await watched.isPassedBy(reading)).toBe(true);
    expect(asked).toEqual(['histories', 'threads', ...Array<string>(19).fill('histories')]);
    const results = await reading;
    expect(results.flatMap(({ ok: isOk }, i) => (isOk ? [] : [i]))).toEqual([776]);
  });

  test('reads one page in one part, and long ones in shorter parts', async () => {
    await using directory = await temporaryDirectory();
    await using watched = await openWatched(directory.path);
    const { store, asked } = watched;
    const threadId = await newThread(store);
    await storedAll(
      store,
      upTo(5).map(() => append(threadId, { content: 'x'.repeat(60_000) })),
    );
    const requests = upTo(20).map(() => ({ threadId, actor: ann }));
    await store.histories(requests.slice(0, 1));
    expect(asked).toEqual(['histories']);
    // Also of what no longer fits something is read, to know that there is more.
    const results = await store.histories(requests, 400_000);
    expect(asked.length).toBeGreaterThanOrEqual(4);
    expect(results.map((result) => ok(result).history.messages.length)).toEqual([5, 1, ...Array<number>(18).fill(0)]);
    expect(await store.histories([])).toEqual([]);
  });

  test('looks through the threads of a user who has very many in parts, where they are not among the newest', async () => {
    await using directory = await temporaryDirectory();
    const dataDir = directory.path;
    await (await openEmbeddedStore({ dataDir })).close();
    const db = new Sqlite(join(dataDir, 'threadwire.db'));
    insertThreads(db, { count: 2 * maxSearched + 1, of: 'bot', firstAt: 1000 });
    insertThreads(db, { count: maxWalked, of: 'others', firstAt: 1_000_000 });
    insertThreads(db, { count: maxSearched - 1, of: 'few', firstAt: 1000 });
    db.close();
    await using watched = await openWatched(dataDir);
    const { store, asked } = watched;

    const reading = store.listThreads({ actor: user('bot'), limit: 2 });
    expect(await watched.isPassedBy(reading)).toBe(true);
    expect((await reading).threads.map(({ id }) => id)).toEqual(['bot-4001', 'bot-4000']);
    expect(asked).toEqual(['listThreads', 'threads', 'listThreads', 'listThreads']);

    asked.length = 0;
    for (const id of ['few', 'others']) await store.listThreads({ actor: user(id), limit: 2 });
    expect(asked).toEqual(['listThreads', 'listThreads']);
  });
});

describe('a directory', () => {
  test('is made where it is missing, for its owner only, and holds no log once closed', async () => {
    await using directory = await temporaryDirectory();
    const dataDir = join(directory.path, 'new', 'data');
    const store = await openEmbeddedStore({ dataDir });
    await newThread(store);
    await store.close();
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    expect((await readdir(dataDir)).sort()).toEqual(['lock.db', 'threadwire.db']);
  });

  test('that cannot be made is told in one line', async () => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, 'file');
    await writeFile(file, '');
    for (const dataDir of [file, join(file, 'below'), '/proc/threadwire/data']) {
      const opened = openEmbeddedStore({ dataDir });
      await expect(opened).rejects.toBeInstanceOf(DataDirError);
      await expect(opened).rejects.toThrow(/^DATA_DIR \S+ cannot be created or written: .*$/);
    }
  });

  test('with a file that is no database of ours is refused, and left as it is', async () => {
    await using directory = await temporaryDirectory();
    const inside = async (name: string) => {
      const dataDir = join(directory.path, name);
      await mkdir(dataDir);
      return { dataDir, file: join(dataDir, 'threadwire.db') };
    };
    const garbage = await inside('garbage');
    await writeFile(garbage.file, 'not a database '.repeat(1000));
    const foreign = await inside('foreign');
    const foreignDb = new Sqlite(foreign.file);
    foreignDb.exec('CREATE TABLE other (x)');
    foreignDb.close();
    const newer = await inside('newer');
    const newerDb = new Sqlite(newer.file);
    newerDb.exec('PRAGMA user_version = 99');
    newerDb.close();

    for (const [{ dataDir, file }, reason] of [
      [garbage, 'file is not a database (SQLITE_NOTADB)'],
      [foreign, 'it is a database of something else'],
      [newer, 'it was written by a newer version of Threadwire (schema 99, this one knows 5)'],
    ] as const) {
      const before = await readFile(file);
      const opened = openEmbeddedStore({ dataDir });
      await expect(opened).rejects.toBeInstanceOf(DataDirError);
      await expect(opened).rejects.toThrow(new Error(`DATA_DIR ${dataDir}: threadwire.db cannot be opened: ${reason}`));
      expect(before.equals(await readFile(file))).toBe(true);
      // And is nobody's afterwards.
      await expect(openEmbeddedStore({ dataDir })).rejects.not.toBeInstanceOf(DataDirInUse);
    }
  });
});

describe('what a commit leaves for later', () => {
  interface Later {
    store: ThreadStore;
    dataDir: string;
    threadIds: string[];
  }

  async function open(threads: number): Promise<Later & AsyncDisposable> {
    const directory = await temporaryDirectory();
    const dataDir = directory.path;
    const own = { store: await openEmbeddedStore({ dataDir }), dataDir, threadIds: [] as string[] };
    for (let i = 0; i < threads; i++) own.threadIds.push(await newThread(own.store));
    return {
      ...own,
      [Symbol.asyncDispose]: async () => {
        await own.store.close();
        await directory[Symbol.asyncDispose]();
      },
    };
  }

  test('is seen by readers at once, in each thread its own', async () => {
    await using own = await open(3);
    const { store, threadIds } = own;
    const [first, second] = threadIds as [string, string, string];
    const at = clock.tick();
    for (const round of upTo(60)) {
      const ops = threadIds.flatMap((id) =>
        upTo(10).map((n) => append(id, { content: `${round}-${n}`, at: at + round })),
      );
      const messages = await storedAll(store, ops);
      await stored(store, edit(messages[3]!, { at: at + round }));
      const head = round * 10 + (round - 1);
      // The newest are in the log only, what is older in its thread's order too; an edit is in both.
      const [page, changes] = await store.histories([
        { threadId: second, actor: ann, limit: 25 },
        { threadId: first, actor: ann, afterSeq: head - 9, limit: 200 },
      ]);
      expect(ok(page!).history.messages.map(({ seq }) => seq)).toEqual(upTo(round * 10).slice(-25));
      expect(ok(page!).history.head_seq).toBe(round * 10);
      const edited = messages[3]!.seq;
      const seqs = [...upTo(head).slice(-9), head + 1].filter((seq) => seq !== edited);
      expect(ok(changes!).history.messages.map(({ seq }) => seq)).toEqual(seqs);
      expect(await store.threads([second])).toMatchObject([{ head_seq: round * 10 }]);
    }
  }, 60_000);

  test('is done after a while, and when the store is opened again', async () => {
    await using directory = await temporaryDirectory();
    const dataDir = directory.path;
    const program = appendLoop(dataDir, 'killed', 50);
    await program.linesUntil('idle');
    await program.kill();
    let store = await openEmbeddedStore({ dataDir });
    expect((await store.listThreads({ actor: ann, limit: 1 })).threads).toMatchObject([{ head_seq: 50 }]);
    await stored(store, append('loop'));
    await eventually(async () => {
      expect((await store.listThreads({ actor: ann, limit: 1 })).threads).toMatchObject([{ head_seq: 51 }]);
    }, 1000);
    await store.close();
    store = await openEmbeddedStore({ dataDir });
    expect(await allMessages(store, 'loop')).toHaveLength(51);
    await store.close();
  });

  test('is as it was after a write that failed', async () => {
    await using own = await open(2);
    const { store, threadIds } = own;
    const [first, second] = threadIds as [string, string];
    const taken = await stored(store, append(first));
    const lost = append(second, { messageId: 'lost' });
    // An id that is taken is no rule's refusal: the whole batch fails.
    const failed = store.write([lost, append(first), append(first, { id: taken.id })]);
    await expect(failed).rejects.toThrow(/UNIQUE constraint failed: messages.id/);
    expect(await store.threads(threadIds)).toMatchObject([{ head_seq: 1 }, { head_seq: 0 }]);
    expect(await write(store, lost)).toMatchObject({ changed: true, message: { seq: 1 } });
    expect(await write(store, lost)).toMatchObject({ changed: false, message: { seq: 1 } });
    expect(await stored(store, append(first))).toMatchObject({ seq: 2 });
  });

  test('are idempotency keys, found wherever they are kept', async () => {
    await using directory = await temporaryDirectory();
    const dataDir = directory.path;
    let store = await openEmbeddedStore({ dataDir });
    const threadIds = await Promise.all(upTo(3).map(() => newThread(store)));
    // More than are kept in memory.
    const count = 36_000;
    const key = (n: number) => ({ messageId: `key-${n}`, content: 'x' });
    const threadOf = (n: number) => threadIds[n % 3]!;
    for (let n = 0; n < count; n += 1000) {
      await storedAll(
        store,
        upTo(1000).map((m) => append(threadOf(n + m), key(n + m))),
      );
    }
    async function expectKnown(): Promise<void> {
      for (const n of [1, 2, 3, 20_000, 32_768, 32_769, 33_000, count - 1, count]) {
        const [result, other] = await store.write([append(threadOf(n), key(n)), append(threadOf(n + 1), key(n))]);
        expect(result).toMatchObject({
          ok: true,
          changed: false,
          message: { seq: Math.ceil(n / 3), ...rename(key(n)) },
        });
        expect(other).toMatchObject({ ok: true });
      }
    }
    const rename = ({ messageId, content }: ReturnType<typeof key>) => ({ message_id: messageId, content });
    await expectKnown();
    // Of another sender it is another message.
    expect(await write(store, append(threadOf(1), { ...key(1), actor: bob }))).toMatchObject({ changed: true });
    await store.close();
    store = await openEmbeddedStore({ dataDir });
    await expectKnown();
    await store.close();
  }, 60_000);
});

test('brings the tables of the first version up to date', async () => {
  await using directory = await temporaryDirectory();
  const dataDir = directory.path;
  await writeFirstVersion(join(dataDir, 'threadwire.db'));
  const store = await openEmbeddedStore({ dataDir });
  expect(await store.threads(['old'])).toMatchObject([{ id: 'old', head_seq: 4, title: 'Old' }]);
  expect(
    (await allMessages(store, 'old')).map(({ id, seq, position, content }) => [id, seq, position, content]),
  ).toEqual([
    ['m1', 1, 1, 'one'],
    ['m3', 3, 3, 'three'],
    ['m2', 4, 2, 'two!'],
  ]);
  expect(await write(store, append('old', { messageId: 'k2', content: 'again' }))).toMatchObject({
    changed: false,
    message: { id: 'm2', content: 'two!' },
  });
  expect(await stored(store, append('old'))).toMatchObject({ seq: 5 });
  await store.close();
});

/** A database as version 0.1.0 of the first weeks wrote it. */
async function writeFirstVersion(file: string): Promise<void> {
  const db = new Sqlite(file);
  db.exec(await readFile(join(support, 'schema-1.sql'), 'utf8'));
  db.exec(`
    INSERT INTO threads VALUES (7, 'old', 'Old', 'ann', 1000, '[]', '{}');
    INSERT INTO activity VALUES (7, 'old', 1, 4000, 4);
    INSERT INTO messages VALUES
      (1, 7, 1, 1, 'm1', 'k1', 'ann', NULL, 'user', 'complete', 1000, 1000, NULL, '{}', 'one'),
      (2, 7, 2, 4, 'm2', 'k2', 'ann', NULL, 'user', 'complete', 2000, 4000, NULL, '{}', 'two!'),
      (3, 7, 3, 3, 'm3', 'k3', 'ann', NULL, 'user', 'complete', 3000, 3000, NULL, '{}', 'three');
    PRAGMA user_version = 1;
  `);
  db.close();
}

test('numbers a thread on within a batch of more threads than the writer keeps in mind', async () => {
  await using directory = await temporaryDirectory();
  const store = await openEmbeddedStore({ dataDir: directory.path });
  const threadId = await newThread(store);
  const members = upTo(1000).map((n) => `m${n}`);
  const large = await Promise.all(upTo(105).map(() => newThread(store, { members })));
  const results = await storedAll(store, [append(threadId), ...large.map((id) => append(id)), append(threadId)]);
  expect([results[0]!.seq, results.at(-1)!.seq]).toEqual([1, 2]);
  expect(await store.threads([threadId])).toMatchObject([{ head_seq: 2 }]);
  await store.close();
}, 60_000);

test('lists threads soon, also for who has many, of many', async () => {
  await using directory = await temporaryDirectory();
  const store = await openEmbeddedStore({ dataDir: directory.path });
  // More than are looked up one by one; every 100th names bob.
  const ids: string[] = [];
  for (const n of upTo(22)) {
    const made = upTo(100).map((m) => newThread(store, { members: m === 50 ? ['bob', 'eve'] : ['eve'] }));
    ids.push(...(await Promise.all(made)));
    expect(ids).toHaveLength(100 * n);
  }
  const newestFirst = (await store.threads(ids)).sort((a, b) =>
    a.updated_at === b.updated_at ? (a.id < b.id ? 1 : -1) : a.updated_at < b.updated_at ? 1 : -1,
  );
  const first = await store.listThreads({ actor: { ...ann, id: 'eve' }, limit: 100 });
  expect(first.threads).toEqual(newestFirst.slice(0, 100));
  const second = await store.listThreads({ actor: { ...ann, id: 'eve' }, after: first.next, limit: 100 });
  expect(second.threads).toEqual(newestFirst.slice(100, 200));
  const bobs = await store.listThreads({ actor: { ...ann, id: 'bob' }, limit: 100 });
  expect(bobs.threads).toEqual(newestFirst.filter(({ members }) => members.includes('bob')));
  await store.close();
});
