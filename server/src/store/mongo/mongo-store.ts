import type { Message, Thread } from '@threadwire/protocol';
import { Budget, readHistories } from '../history.ts';
import { StoreUnavailable } from '../thread-store.ts';
import type {
  AbandonedStream,
  AuditEntry,
  CreateThread,
  HistoryRequest,
  HistoryResult,
  ListCursor,
  Refusal,
  Revocation,
  StoredStream,
  ThreadStore,
  UpdateThread,
  WriteOp,
  WriteResult,
} from '../thread-store.ts';
import { Activity } from './activity.ts';
import { appendAudit, readAudit } from './audit-log.ts';
import { connect } from './connect.ts';
import type { Collections } from './connect.ts';
import { toStoreError } from './errors.ts';
import { MongoHistoryReader } from './history-reader.ts';
import { listThreads } from './list-threads.ts';
import { readChanges } from './read-changes.ts';
import { abandonedStreams, findStream } from './read-streams.ts';
import { readThreads } from './read-threads.ts';
import { readRevocations, restore, revoke } from './revocations.ts';
import { ThreadChanges } from './thread-changes.ts';
import { BatchWriter } from './write-batch.ts';

const pingMs = 2000;
/** Threads that one query reads for a batch of requests: their members alone may be megabytes, decoded at one go. */
const threadsAtOnce = 50;
/** Pages read beside each other for one batch of requests. */
const pagesAtOnce = 8;

export interface MongoStoreOptions {
  /** A MongoDB connection string; without a database's name in it, the database is `threadwire`. */
  readonly uri: string;
  /** Shown in the server's logs and in `currentOp`. */
  readonly serverId?: string | undefined;
  /** Connections at most. */
  readonly maxPoolSize?: number;
  /** Spreads retries; 0 to 1. */
  readonly random?: () => number;
}

/**
 * Opens the store in MongoDB 5.0 or later, alone or a replica set, and makes the indexes where they are missing.
 * Any number of processes may use one database. Rejects with {@link StoreUnavailable} within some seconds where the
 * server cannot be reached, and for a URI that is wrong; the text names `MONGODB_URI` and holds no credentials.
 */
export async function openMongoStore(options: MongoStoreOptions): Promise<ThreadStore> {
  const appName = ['threadwire', options.serverId].filter(Boolean).join(' ').slice(0, 128);
  const collections = await connect(options.uri, appName, options.maxPoolSize ?? 20);
  return new MongoStore(collections, options.random ?? Math.random);
}

class MongoStore implements ThreadStore {
  readonly kind = 'mongodb';
  readonly #collections: Collections;
  readonly #activity: Activity;
  readonly #changes: ThreadChanges;
  readonly #writer: BatchWriter;
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(collections: Collections, random: () => number) {
    this.#collections = collections;
    this.#activity = new Activity(collections.native.threads);
    this.#changes = new ThreadChanges(collections, this.#activity, random);
    this.#writer = new BatchWriter(collections, this.#activity, random);
  }

  async write(ops: readonly WriteOp[]): Promise<WriteResult[]> {
    return await this.#run(() => this.#writer.write(ops));
  }

  async createThread(request: CreateThread): Promise<{ ok: true; thread: Thread; created: boolean } | Refusal> {
    return await this.#run(() => this.#changes.create(request));
  }

  async updateThread(
    request: UpdateThread,
  ): Promise<{ ok: true; thread: Thread; before: Thread; changed: boolean } | Refusal> {
    return await this.#run(() => this.#changes.update(request));
  }

  async threads(ids: readonly string[]): Promise<Thread[]> {
    return await this.#run(async () => {
      const found = await readThreads(this.#collections, ids);
      return ids.flatMap((id) => found.get(id) ?? []);
    });
  }

  async listThreads(
    request: Parameters<ThreadStore['listThreads']>[0],
  ): Promise<{ threads: Thread[]; next?: ListCursor }> {
    return await this.#run(() => listThreads(this.#collections, request));
  }

  async histories(requests: readonly HistoryRequest[], totalBytes?: number): Promise<HistoryResult[]> {
    return await this.#run(async () => {
      const budget = new Budget(totalBytes);
      const results: HistoryResult[] = [];
      while (results.length < requests.length) {
        const part = requests.slice(results.length, results.length + threadsAtOnce);
        const reader = new MongoHistoryReader(
          this.#collections,
          part.map(({ threadId }) => threadId),
        );
        results.push(...(await readHistories(reader, part, budget, pagesAtOnce)));
      }
      return results;
    });
  }

  async changesAfter(threadId: string, seq: number, limit: number): Promise<{ messages: Message[]; headSeq: number }> {
    return await this.#run(() => readChanges(this.#collections, threadId, seq, limit));
  }

  async findStream(id: string): Promise<StoredStream | undefined> {
    return await this.#run(() => findStream(this.#collections, id));
  }

  async abandonedStreams(at: number, limit: number): Promise<AbandonedStream[]> {
    return await this.#run(() => abandonedStreams(this.#collections, at, limit));
  }

  async appendAudit(entries: readonly AuditEntry[]): Promise<void> {
    await this.#run(() => appendAudit(this.#collections, entries));
  }

  async audit(limit: number, before?: string): Promise<AuditEntry[]> {
    return await this.#run(() => readAudit(this.#collections, limit, before));
  }

  async revoke(revocation: Revocation): Promise<void> {
    await this.#run(() => revoke(this.#collections, revocation));
  }

  async restore(userId: string): Promise<void> {
    await this.#run(() => restore(this.#collections, userId));
  }

  async revocations(): Promise<Revocation[]> {
    return await this.#run(() => readRevocations(this.#collections));
  }

  async ping(): Promise<void> {
    await this.#run(async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new StoreUnavailable('MongoDB: no answer in time.')), pingMs);
      });
      // Sent to the primary: only that can take a write.
      const ping = this.#collections.connection.db!.command({ ping: 1, maxTimeMS: pingMs });
      await Promise.race([ping, late]).finally(() => clearTimeout(timer));
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#running);
    await this.#activity.close();
    await this.#collections.connection.close();
  }

  async #run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new StoreUnavailable('The store is closed.');
    const running = task();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw toStoreError(error);
    } finally {
      this.#running.delete(running);
    }
  }
}
