import { parentPort, workerData } from 'node:worker_threads';
import { toFailure } from './failure.ts';
import { Reader } from './reader.ts';
import { checkSchema, createSchema } from './schema.ts';
import { Sqlite } from './sqlite.ts';
import type { WorkerReply, WorkerRequest, WorkerSettings } from './worker-protocol.ts';
import { Writer } from './writer.ts';

// A worker of the embedded store: opens the database, then answers one request after the other.

/** The log is moved into the database file whenever it has this many pages (of 4 KiB); meanwhile a commit waits. */
const checkpointPages = 2000;
const maxIdleLogBytes = 64 * 1024 * 1024;
const cacheKib = 64 * 1024;
/** How long the lists of threads may be behind, and readers look through messages that are not in order yet. */
const maxBehindMs = 250;

const port = parentPort;
if (!port) throw new Error('This file is the entry of a worker thread.');
const reply = (message: WorkerReply): void => port.postMessage(message);

function open({ role, file }: WorkerSettings): Writer | Reader {
  const db = new Sqlite(file);
  db.exec(`PRAGMA cache_size = -${cacheKib}; PRAGMA temp_store = MEMORY;`);
  if (role === 'reader') {
    db.exec('PRAGMA query_only = ON');
    return new Reader(db);
  }
  checkSchema(db);
  db.exec('PRAGMA journal_mode = WAL');
  // FULL: in WAL mode nothing less syncs the log at every commit. The other two are for macOS, where a sync can be less
  // than one.
  db.exec('PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;');
  db.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}; PRAGMA journal_size_limit = ${maxIdleLogBytes};`);
  createSchema(db);
  return new Writer(db);
}

/** Nothing is asked of a connection that was closed or is not to be trusted any more; the client starts a new worker. */
let isOver = false;

async function answer(target: Writer | Reader, { id, method, args }: WorkerRequest): Promise<void> {
  if (isOver) return;
  try {
    const call = (target as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[method]!;
    reply({ id, json: JSON.stringify(await call.apply(target, [...args])) });
    isOver = method === 'close';
  } catch (error) {
    const failure = toFailure(error);
    reply({ id, failure });
    isOver = failure.kind === 'broken';
  }
  if (isOver) port!.close();
}

/** Between two requests, the writer makes up for what it left out for their sake. */
let catchUpTimer: NodeJS.Timeout | undefined;

function keepUp(writer: Writer): void {
  if (isOver) return;
  attempt(() => writer.keepUp());
  if (!writer.isBehind || catchUpTimer) return;
  catchUpTimer = setTimeout(() => {
    catchUpTimer = undefined;
    if (isOver) return;
    attempt(() => writer.catchUp());
    keepUp(writer);
  }, maxBehindMs).unref();
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    const failure = toFailure(error);
    // Of a full disk the next write tells; then this is tried again.
    if (failure.kind === 'full') return;
    reply(failure);
    isOver = true;
    port!.close();
  }
}

try {
  const target = open(workerData as WorkerSettings);
  let last = Promise.resolve();
  port.on('message', (request: WorkerRequest) => {
    last = last.then(() => answer(target, request));
    if (target instanceof Writer) last = last.then(() => keepUp(target));
  });
  reply('ready');
} catch (error) {
  reply(toFailure(error));
}
