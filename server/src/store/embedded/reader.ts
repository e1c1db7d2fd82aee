import { limits } from '@threadwire/protocol';
import type { Message, Thread } from '@threadwire/protocol';
import { Budget, readHistories } from '../history.ts';
import type { HistoryReader, PageBounds } from '../history.ts';
import type {
  AbandonedStream,
  AuditEntry,
  HistoryRequest,
  HistoryResult,
  Revocation,
  StoredStream,
} from '../thread-store.ts';
import {
  auditColumns,
  messageColumns,
  partsQuery,
  readParts,
  revocationColumns,
  streamLength,
  threadColumns,
  toAuditEntry,
  toMessage,
  toRevocation,
  toThread,
  toTime,
} from './rows.ts';
import type { AuditRow, MessageRow, RevocationRow, ThreadRow } from './rows.ts';
import type { Sqlite } from './sqlite.ts';
import { ThreadList } from './thread-list.ts';
import type { ReaderMethods } from './worker-protocol.ts';

/** Messages read at a time, so that a page of long ones is not read far beyond its bytes. */
const maxChunk = 60;
/** The names of a message's fields alone are about this long. */
const minMessageBytes = 200;
/** In the log each stream is looked for on its own, which is reading all of it; of more than these it is read once for all. */
const maxLogScans = 8;
/** A call that has read this much text for several requests leaves the others to the next call. */
const enoughTextLength = 1024 * 1024;

/** Stands behind all ids. */
const afterAllIds = '~';

/** Reads the database. Every call sees one snapshot; calls must not overlap. */
export class Reader implements ReaderMethods {
  readonly #db: Sqlite;
  readonly #list: ThreadList;
  readonly #pages: Pages;
  readonly #audit: (before: string, limit: number) => AuditRow[];
  readonly #revocations: () => Revocation[];

  constructor(db: Sqlite) {
    this.#db = db;
    this.#list = new ThreadList(db);
    this.#pages = new Pages(db);
    this.#audit = db.many<AuditRow>(`SELECT ${auditColumns} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?`);
    const revocations = db.many<RevocationRow>(`SELECT ${revocationColumns} FROM revocations ORDER BY user_id`);
    this.#revocations = () => revocations().map(toRevocation);
  }

  threads(ids: readonly string[]): Promise<Thread[]> {
    return this.#read(() => ids.flatMap((id) => this.#pages.thread(id) ?? []));
  }

  listThreads(...args: Parameters<ReaderMethods['listThreads']>): ReturnType<ReaderMethods['listThreads']> {
    return this.#db.read(() => this.#list.read(...args));
  }

  histories(
    requests: readonly HistoryRequest[],
    totalBytes?: number,
    takenBytes?: number,
  ): ReturnType<ReaderMethods['histories']> {
    return this.#read(async () => {
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
    return this.#read(() => ({
      messages: this.#pages.afterSeq(threadId, seq, { limit, enoughBytes: Number.POSITIVE_INFINITY }),
      headSeq: this.#pages.thread(threadId)?.head_seq ?? 0,
    }));
  }

  findStream(id: string): ReturnType<ReaderMethods['findStream']> {
    return this.#read(() => this.#pages.stream(id) ?? null);
  }

  abandonedStreams(at: number, limit: number): ReturnType<ReaderMethods['abandonedStreams']> {
    return this.#read(() => this.#pages.abandonedStreams(at, limit));
  }

  audit(limit: number, before?: string): Promise<AuditEntry[]> {
    return this.#db.read(() => this.#audit(before ?? afterAllIds, limit).map(toAuditEntry));
  }

  revocations(): Promise<Revocation[]> {
    return this.#db.read(() => this.#revocations());
  }

  close(): null {
    this.#db.close();
    return null;
  }

  #read<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#db.read(() => {
      this.#pages.begin();
      return work();
    });
  }
}

/** Reads threads: what is in their order, and after it the newest messages, which are not yet, among those of others. */
class Pages implements HistoryReader {
  readonly #statements: ReturnType<typeof prepare>;
  /** Length of all text read so far: what a call costs, be it cut from the answer or not. */
  textLength = 0;
  /** The messages above this key are in no order yet; undefined where all are. */
  #orderedTo: number | undefined;
  #logScans = 0;
  /** What the log has of each stream, once it was read for all. */
  #logged: ReadonlyMap<number, string> | undefined;

  constructor(db: Sqlite) {
    this.#statements = prepare(db);
  }

  /** To be called in each snapshot first. */
  begin(): void {
    const [orderedTo, last] = this.#statements.extent()!;
    this.#orderedTo = orderedTo < last ? orderedTo : undefined;
    this.#logScans = 0;
    this.#logged = undefined;
  }

  thread(id: string): Thread | undefined {
    const row = this.#statements.thread(id);
    if (!row) return undefined;
    const [key, , , members, metadata, , , updatedAt, headSeq] = row;
    this.textLength += members.length + metadata.length;
    const thread = toThread(row);
    const [newerSeq, newerAt] = this.#newest((from) => this.#statements.newestHead(from, key)) ?? [];
    if (newerSeq) thread.head_seq = Math.max(headSeq, newerSeq);
    if (newerAt) thread.updated_at = toTime(Math.max(updatedAt, newerAt));
    return thread;
  }

  countAfter(threadId: string, seq: number, max: number): number {
    let count = this.#statements.countAfter(threadId, seq, max)![0];
    if (count < max) count += this.#newest((from) => this.#statements.newestCount(from, threadId, seq))?.[0] ?? 0;
    // An edited message of a position above `seq` was counted as that.
    if (count < max) count += this.#statements.editedCount(threadId, seq, seq, max - count)![0];
    return Math.min(count, max);
  }

  afterSeq(threadId: string, seq: number, bounds: PageBounds): Message[] {
    return readChunks(bounds, (last, limit) => {
      const after = last?.seq ?? seq;
      const rows = this.#statements.unedited(threadId, after, limit);
      if (rows.length < limit) {
        rows.push(...(this.#newest((from) => this.#statements.newestUnedited(from, threadId, after, limit)) ?? []));
      }
      const edited = this.#statements.edited(threadId, after, limit);
      if (edited.length > 0) rows.push(...edited);
      rows.sort((a, b) => a[2] - b[2]);
      return rows.slice(0, limit).map((row) => this.#message(threadId, row));
    });
  }

  beforePosition(threadId: string, position: number | undefined, bounds: PageBounds): Message[] {
    return readChunks(bounds, (last, limit) => {
      const before = last?.position ?? position ?? Number.MAX_SAFE_INTEGER;
      const rows = this.#newest((from) => this.#statements.newestBefore(from, threadId, before, limit)) ?? [];
      if (rows.length < limit) rows.push(...this.#statements.before(threadId, before, limit - rows.length));
      return rows.map((row) => this.#message(threadId, row));
    });
  }

  streaming(threadId: string): Message[] {
    return this.#statements.streaming(threadId).map((row) => this.#message(threadId, row));
  }

  stream(id: string): StoredStream | undefined {
    const found = this.#statements.stream(id);
    if (!found) return undefined;
    const [key, epoch, length, threadId] = found;
    const { members, created_by } = this.thread(threadId)!;
    const message = this.#message(threadId, this.#statements.message(key)!);
    return { thread: { members, created_by }, message, epoch, length };
  }

  abandonedStreams(at: number, limit: number): AbandonedStream[] {
    return this.#statements.abandoned(at, limit).map(([threadId, id, epoch]) => ({ threadId, id, epoch }));
  }

  /** Reads from the messages that are in no order yet, where there are any. */
  #newest<T>(read: (orderedTo: number) => T): T | undefined {
    return this.#orderedTo === undefined ? undefined : read(this.#orderedTo);
  }

  #message(threadId: string, row: MessageRow): Message {
    const message = toMessage(threadId, row);
    if (message.status === 'streaming') message.content = this.#textSoFar(row[0]);
    this.textLength += message.content.length;
    return message;
  }

  #textSoFar(key: number): string {
    const { parts, filedParts, logged } = this.#statements;
    if (++this.#logScans <= maxLogScans) return readParts(parts, key);
    this.#logged ??= new Map(logged());
    return readParts(filedParts, key) + (this.#logged.get(key) ?? '');
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
  const ordered = `FROM message_order o CROSS JOIN messages m ON m.key = o.message WHERE o.thread = ${key}`;
  // By their keys, which go up with the positions in a thread. There are few of them.
  const newest = 'FROM messages m NOT INDEXED WHERE m.key > ? AND m.thread =';
  const edited = `FROM messages m INDEXED BY messages_edited WHERE m.thread = ${key} AND m.seq > m.position AND m.seq > ?`;
  return {
    extent: db.one<[orderedTo: number, last: number]>(
      'SELECT ordered_to, coalesce((SELECT max(key) FROM messages), 0) FROM filed',
    ),
    thread: db.one<ThreadRow>(
      `SELECT ${threadColumns} FROM threads t JOIN activity a ON a.thread = t.key WHERE t.id = ?`,
    ),
    newestHead: db.one<[seq: number | null, at: number | null]>(`SELECT max(m.seq), max(m.updated_at) ${newest} ?`),
    countAfter: db.one<[number]>(
      `SELECT count(*) FROM (SELECT 1 FROM message_order WHERE thread = ${key} AND position > ? LIMIT ?)`,
    ),
    newestCount: db.one<[number]>(`SELECT count(*) ${newest} ${key} AND m.position > ?`),
    editedCount: db.one<[number]>(`SELECT count(*) FROM (SELECT 1 ${edited} AND m.position <= ? LIMIT ?)`),
    unedited: db.many<MessageRow>(
      `SELECT ${messageColumns} ${ordered} AND o.position > ? AND m.seq = m.position ORDER BY o.position LIMIT ?`,
    ),
    newestUnedited: db.many<MessageRow>(
      `SELECT ${messageColumns} ${newest} ${key} AND m.position > ? AND m.seq = m.position ORDER BY m.key LIMIT ?`,
    ),
    edited: db.many<MessageRow>(`SELECT ${messageColumns} ${edited} ORDER BY m.seq LIMIT ?`),
    before: db.many<MessageRow>(
      `SELECT ${messageColumns} ${ordered} AND o.position < ? ORDER BY o.position DESC LIMIT ?`,
    ),
    newestBefore: db.many<MessageRow>(
      `SELECT ${messageColumns} ${newest} ${key} AND m.position < ? ORDER BY m.key DESC LIMIT ?`,
    ),
    // Left to itself the planner reads the whole thread, since that comes in order.
    streaming: db.many<MessageRow>(
      `SELECT ${messageColumns} FROM messages m INDEXED BY messages_streaming ` +
        `WHERE m.thread = ${key} AND m.status = 'streaming' ORDER BY m.position`,
    ),
    message: db.one<MessageRow>(`SELECT ${messageColumns} FROM messages m WHERE m.key = ?`),
    parts: db.many<[text: string]>(partsQuery),
    filedParts: db.many<[text: string]>('SELECT text FROM stream_parts WHERE message = ? ORDER BY offset'),
    logged: db.many<[key: number, text: string]>(
      "SELECT message, group_concat(text, '' ORDER BY key) FROM stream_log GROUP BY message",
    ),
    stream: db.one<[key: number, epoch: number, length: number, threadId: string]>(
      `SELECT m.key, s.epoch, ${streamLength}, t.id FROM messages m JOIN streams s ON s.message = m.key ` +
        'JOIN threads t ON t.key = m.thread WHERE m.id = ?',
    ),
    // With max() the other column is that of its row.
    abandoned: db.many<[threadId: string, id: string, epoch: number]>(
      'SELECT t.id, m.id, s.epoch FROM messages m INDEXED BY messages_streaming ' +
        'CROSS JOIN streams s ON s.message = m.key ' +
        'LEFT JOIN (SELECT message, max(key), lease_until FROM stream_log GROUP BY message) n ON n.message = m.key ' +
        'CROSS JOIN threads t ON t.key = m.thread ' +
        "WHERE m.status = 'streaming' AND coalesce(n.lease_until, s.lease_until) <= ? LIMIT ?",
    ),
  };
}
