import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Message, Thread } from '@threadwire/protocol';
import type {
  AppendOp,
  AuditEntry,
  CreateThread,
  HistoryRequest,
  HistoryResult,
  Revocation,
  ThreadStore,
  UpdateThread,
  WriteOp,
  WriteResult,
} from '../thread-store.ts';
import { StoreUnavailable } from '../thread-store.ts';
import { DataDirError, lockDataDir } from './data-dir.ts';
import type { LockedDataDir } from './data-dir.ts';
import { flattenOps } from './flat-ops.ts';
import { toMetadata, toTime } from './rows.ts';
import { WorkerClient } from './worker-client.ts';
import type { ReaderMethods, WorkerSettings, WriterMethods } from './worker-protocol.ts';

/** Pages asked for in one part of a batch; the reader gives fewer where they are long. */
const maxHistoriesAtOnce = 50;

export interface EmbeddedStoreOptions {
  /** Created where it is missing. One store at a time may have it open. */
  readonly dataDir: string;
  /** How long a call may take. */
  readonly callTimeoutMs?: number | undefined;
  /** Starts a worker; for tests that watch or end one. */
  readonly spawnWorker?: ((settings: WorkerSettings) => Worker) | undefined;
}

/**
 * Opens the store that needs no service: SQLite files in one directory, synced at every commit. Rejects with
 * `DataDirInUse` where another process has the directory, with {@link DataDirError} where it cannot be used.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<ThreadStore> {
  const { dataDir, callTimeoutMs = 30_000, spawnWorker = startWorker } = options;
  const lock = await lockDataDir(dataDir);
  const file = join(lock.path, 'threadwire.db');
  const writer = new WorkerClient<WriterMethods>(() => spawnWorker({ role: 'writer', file }), callTimeoutMs);
  const reader = new WorkerClient<ReaderMethods>(() => spawnWorker({ role: 'reader', file }), callTimeoutMs);
  try {
    // The writer first: it makes the tables and finishes what a killed process left.
    await writer.start();
    await reader.start();
  } catch (error) {
    await writer.close();
    await lock.release();
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataDirError(`DATA_DIR ${dataDir}: threadwire.db cannot be opened: ${reason}`);
  }
  return new EmbeddedStore(lock, writer, reader);
}

/** By the package's own name: also where this file is run from source, the worker is the built one. */
function startWorker(workerData: WorkerSettings): Worker {
  const file = createRequire(import.meta.url).resolve('@threadwire/server/embedded-worker');
  return new Worker(file, { workerData, name: `store ${workerData.role}` });
}

class EmbeddedStore implements ThreadStore {
  readonly kind = 'embedded';
  readonly writesInOrder = true;
  readonly #lock: LockedDataDir;
  readonly #writer: WorkerClient<WriterMethods>;
  readonly #reader: WorkerClient<ReaderMethods>;
  #lastWriteFailed = false;
  #closed: Promise<void> | undefined;

  constructor(lock: LockedDataDir, writer: WorkerClient<WriterMethods>, reader: WorkerClient<ReaderMethods>) {
    this.#lock = lock;
    this.#writer = writer;
    this.#reader = reader;
  }

  async write(ops: readonly WriteOp[]): Promise<WriteResult[]> {
    const stored = await this.#write('write', flattenOps(ops));
    return stored.map((result, i) => (typeof result === 'number' ? resultOf(ops[i]!, result) : result));
  }

  createThread(request: CreateThread): ReturnType<ThreadStore['createThread']> {
    return this.#write('createThread', request);
  }

  updateThread(request: UpdateThread): ReturnType<ThreadStore['updateThread']> {
    return this.#write('updateThread', request);
  }

  threads(ids: readonly string[]): Promise<Thread[]> {
    return this.#read('threads', ids);
  }

  // There is one reader, and what it has begun it finishes first. So whatever may take long is asked for in parts: between
  // two of them everything comes that others asked meanwhile.

  async listThreads(request: Parameters<ThreadStore['listThreads']>[0]): ReturnType<ThreadStore['listThreads']> {
    let answer = await this.#read('listThreads', request);
    while ('search' in answer) answer = await this.#read('listThreads', request, answer.search);
    return answer;
  }

  async histories(requests: readonly HistoryRequest[], totalBytes?: number): Promise<HistoryResult[]> {
    const results: HistoryResult[] = [];
    let takenBytes = 0;
    while (results.length < requests.length) {
      const part = requests.slice(results.length, results.length + maxHistoriesAtOnce);
      const read = await this.#read('histories', part, totalBytes, takenBytes);
      results.push(...read.results);
      takenBytes = read.takenBytes;
    }
    return results;
  }

  changesAfter(threadId: string, seq: number, limit: number): ReturnType<ThreadStore['changesAfter']> {
    return this.#read('changesAfter', threadId, seq, limit);
  }

  async findStream(id: string): ReturnType<ThreadStore['findStream']> {
    return (await this.#read('findStream', id)) ?? undefined;
  }

  abandonedStreams(at: number, limit: number): ReturnType<ThreadStore['abandonedStreams']> {
    return this.#read('abandonedStreams', at, limit);
  }

  async appendAudit(entries: readonly AuditEntry[]): Promise<void> {
    await this.#write('appendAudit', entries);
  }

  audit(limit: number, before?: string): Promise<AuditEntry[]> {
    return this.#read('audit', limit, before);
  }

  async revoke(revocation: Revocation): Promise<void> {
    await this.#write('revoke', revocation);
  }

  async restore(userId: string): Promise<void> {
    await this.#write('restore', userId);
  }

  revocations(): Promise<Revocation[]> {
    return this.#read('revocations');
  }

  async ping(): Promise<void> {
    // That the worker answers says enough, unless the last write failed: then only a write shows that there is room.
    await this.#write(this.#lastWriteFailed ? 'probe' : 'ping');
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    // The reader first: while it has the file open, the log cannot be cut.
    await this.#reader.close();
    await this.#writer.close();
    await this.#lock.release();
  }

  async #write<M extends keyof WriterMethods>(
    method: M,
    ...args: Parameters<WriterMethods[M]>
  ): Promise<Awaited<ReturnType<WriterMethods[M]>>> {
    if (this.#closed) throw new StoreUnavailable('the store is closed');
    try {
      const result = await this.#writer.call(method, ...args);
      this.#lastWriteFailed = false;
      return result;
    } catch (error) {
      if (error instanceof StoreUnavailable) this.#lastWriteFailed = true;
      throw error;
    }
  }

  async #read<M extends keyof ReaderMethods>(
    method: M,
    ...args: Parameters<ReaderMethods[M]>
  ): Promise<Awaited<ReturnType<ReaderMethods[M]>>> {
    if (this.#closed) throw new StoreUnavailable('the store is closed');
    return this.#reader.call(method, ...args);
  }
}

/** What is meant by the number that an op came to. */
function resultOf(op: WriteOp, result: number): WriteResult {
  if (op.kind === 'stream_text') return { ok: true, length: result };
  return { ok: true, message: newMessage(op as AppendOp, result), changed: true };
}

/** The message that an append stored under this seq; read back it would be the same. */
function newMessage(op: AppendOp, seq: number): Message {
  const at = toTime(op.at);
  const { id, name } = op.actor;
  return {
    id: op.id,
    thread_id: op.threadId,
    position: seq,
    seq,
    message_id: op.messageId,
    sender: name === undefined ? { id } : { id, name },
    role: op.role,
    content: op.content,
    metadata: toMetadata(JSON.stringify(op.metadata)),
    status: 'complete',
    created_at: at,
    updated_at: at,
  };
}
