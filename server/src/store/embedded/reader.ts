import { limits } from '@threadwire/protocol';
import type { Message, Thread } from '@threadwire/protocol';
import { Budget, readHistories } from '../history.ts';
import type { HistoryReader, PageBounds } from '../history.ts';
import type { HistoryRequest, HistoryResult } from '../thread-store.ts';
import { messageColumns, threadColumns, toMessage, toThread } from './rows.ts';
import type { MessageRow, ThreadRow } from './rows.ts';
import type { Sqlite } from './sqlite.ts';
import { ThreadList } from './thread-list.ts';
import type { ReaderMethods } from './worker-protocol.ts';

/** Messages read at a time, so that a page of long ones is not read far beyond its bytes. */
const maxChunk = 60;
/** The names of a message's fields alone are about this long. */
const minMessageBytes = 200;
/** A call that has read this much text for several requests leaves the others to the next call. */
const enoughTextLength = 1024 * 1024;

/** Reads the database. Every call sees one snapshot; calls must not overlap. */
export class Reader implements ReaderMethods {
  readonly #db: Sqlite;
  readonly #list: ThreadList;
  readonly #pages: Pages;

  constructor(db: Sqlite) {
    this.#db = db;
    this.#list = new ThreadList(db);
    this.#pages = new Pages(db);
  }

  threads(ids: readonly string[]): Promise<Thread[]> {
    return this.#db.read(() => ids.flatMap((id) => this.#pages.thread(id) ?? []));
  }

  listThreads(...args: Parameters<ReaderMethods['listThreads']>): ReturnType<ReaderMethods['listThreads']> {
    return this.#db.read(() => this.#list.read(...args));
  }

  histories(
    requests: readonly HistoryRequest[],
    totalBytes?: number,
    takenBytes?: number,
  ): ReturnType<ReaderMethods['histories']> {
    return this.#db.read(async () => {
      const budget = new Budget(totalBytes, takenBytes);
      const results: HistoryResult[] = [];
      const enough = this.#pages.textLength + enoughTextLength;
      for (const request of requests) {
        results.push(...(await readHistories(this.#pages, [request], budget)));
        if (this.#pages.textLength >= enough) break;
      }
      return { results, takenBytes: budget.taken };
    });
  }

  changesAfter(threadId: string, seq: number, limit: number): ReturnType<ReaderMethods['changesAfter']> {
    return this.#db.read(() => ({
      messages: this.#pages.afterSeq(threadId, seq, { limit, enoughBytes: Number.POSITIVE_INFINITY }),
      headSeq: this.#pages.thread(threadId)?.head_seq ?? 0,
    }));
  }

  close(): null {
    this.#db.close();
    return null;
  }
}

class Pages implements HistoryReader {
  readonly #statements: ReturnType<typeof prepare>;
  /** Length of all text read so far: what a call costs, be it cut from the answer or not. */
  textLength = 0;

  constructor(db: Sqlite) {
    this.#statements = prepare(db);
  }

  thread(id: string): Thread | undefined {
    const row = this.#statements.thread(id);
    if (!row) return undefined;
    const [, , , members, metadata] = row;
    this.textLength += members.length + metadata.length;
    return toThread(row);
  }

  countAfter(threadId: string, seq: number, max: number): number {
    return this.#statements.countAfter(threadId, seq, max)![0];
  }

  afterSeq(threadId: string, seq: number, bounds: PageBounds): Message[] {
    return readChunks(bounds, (last, limit) =>
      this.#statements.afterSeq(threadId, last?.seq ?? seq, limit).map((row) => this.#message(threadId, row)),
    );
  }

  beforePosition(threadId: string, position: number | undefined, bounds: PageBounds): Message[] {
    const before = position ?? Number.MAX_SAFE_INTEGER;
    return readChunks(bounds, (last, limit) =>
      this.#statements
        .beforePosition(threadId, last?.position ?? before, limit)
        .map((row) => this.#message(threadId, row)),
    );
  }

  streaming(threadId: string): Message[] {
    return this.#statements.streaming(threadId).map((row) => this.#message(threadId, row));
  }

  #message(threadId: string, row: MessageRow): Message {
    const message = toMessage(threadId, row);
    this.textLength += message.content.length;
    return message;
  }
}

function readChunks(bounds: PageBounds, read: (last: Message | undefined, limit: number) => Message[]): Message[] {
  const messages: Message[] = [];
  let contentLength = 0;
  // Never fewer than two that count on a page, which streaming ones do not, as the bounds ask for.
  const chunkSize = Math.min(
    maxChunk,
    2 + limits.maxStreamsPerThread + Math.floor(bounds.enoughBytes / minMessageBytes),
  );
  while (messages.length < bounds.limit && contentLength <= bounds.enoughBytes) {
    const limit = Math.min(chunkSize, bounds.limit - messages.length);
    const chunk = read(messages.at(-1), limit);
    messages.push(...chunk);
    if (chunk.length < limit) break;
    // UTF-16 units are never more than the bytes of UTF-8.
    for (const { status, content } of chunk) if (status !== 'streaming') contentLength += content.length;
  }
  return messages;
}

function prepare(db: Sqlite) {
  const key = '(SELECT key FROM threads WHERE id = ?)';
  const message = `SELECT ${messageColumns} FROM messages m WHERE m.thread = ${key}`;
  return {
    thread: db.one<ThreadRow>(
      `SELECT ${threadColumns} FROM threads t JOIN activity a ON a.thread = t.key WHERE t.id = ?`,
    ),
    countAfter: db.one<[number]>(
      `SELECT count(*) FROM (SELECT 1 FROM messages WHERE thread = ${key} AND seq > ? LIMIT ?)`,
    ),
    afterSeq: db.many<MessageRow>(`${message} AND m.seq > ? ORDER BY m.seq LIMIT ?`),
    beforePosition: db.many<MessageRow>(`${message} AND m.position < ? ORDER BY m.position DESC LIMIT ?`),
    // Left to itself the planner reads the whole thread, since that comes in order.
    streaming: db.many<MessageRow>(
      `SELECT ${messageColumns} FROM messages m INDEXED BY messages_streaming ` +
        `WHERE m.thread = ${key} AND m.status = 'streaming' ORDER BY m.position`,
    ),
  };
}
