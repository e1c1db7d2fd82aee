import type { Thread } from '@threadwire/protocol';
import { checkThread, decideChange, decideThreadUpdate, threadExists } from '../rules.ts';
import type { AppendOp, CreateThread, DeleteOp, EditOp, UpdateThread, WriteOp } from '../thread-store.ts';
import { messageColumns, threadColumns, toMessage, toThread, toTime } from './rows.ts';
import type { MessageRow, ThreadRow } from './rows.ts';
import type { Sqlite } from './sqlite.ts';
import { ThreadCache } from './thread-cache.ts';
import type { CachedThread } from './thread-cache.ts';
import type { StoredOp, WriterMethods } from './worker-protocol.ts';

const cachedThreadsWeight = 100_000;
/** A large message with its index entries. */
const probeBytes = 128 * 1024;

/** The one that writes to the database. Every method is one transaction, durable when it returns. */
export class Writer implements WriterMethods {
  readonly #db: Sqlite;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #cache = new ThreadCache(cachedThreadsWeight);
  /** Threads that the transaction in progress changed; they may be newer than the cache and the tables. */
  readonly #touched = new Map<string, CachedThread>();

  constructor(db: Sqlite) {
    this.#db = db;
    this.#statements = prepare(db);
  }

  write(ops: readonly WriteOp[]): StoredOp[] {
    return this.#transaction(() => {
      const results = ops.map((op) => this.#apply(op));
      for (const thread of this.#touched.values()) {
        this.#statements.setActivity(thread.headSeq, thread.updatedAt, thread.key);
      }
      return results;
    });
  }

  createThread(request: CreateThread): ReturnType<WriterMethods['createThread']> {
    return this.#transaction(() => {
      const found = this.#statements.thread(request.id);
      if (found) {
        const thread = toThread(found);
        return thread.created_by === request.actor.id ? { ok: true, thread, created: false } : threadExists(thread.id);
      }
      const { id, title, actor, at } = request;
      const members = [...new Set(request.members)];
      const metadata = JSON.stringify(request.metadata);
      this.#statements.insertThread(id, title, actor.id, at, JSON.stringify(members), metadata);
      const [key] = this.#statements.threadKey(id)!;
      this.#statements.insertActivity(key, id, isOpen(members), at);
      for (const user of usersOf(actor.id, members)) this.#statements.insertUser(user, key);
      return { ok: true, thread: this.#readThread(id), created: true };
    });
  }

  updateThread(request: UpdateThread): ReturnType<WriterMethods['updateThread']> {
    return this.#transaction(() => {
      const row = this.#statements.thread(request.threadId);
      const decision = decideThreadUpdate(row && toThread(row), request);
      if (decision.do === 'refuse') return decision.refusal;
      const [key] = row!;
      const before = toThread(row!);
      if (decision.do === 'nothing') return { ok: true, thread: before, before, changed: false };

      const { title, members, metadata } = decision.fields;
      this.#statements.updateThread(title, JSON.stringify(members), JSON.stringify(metadata), key);
      this.#statements.touchActivity(isOpen(members), request.at, key);
      this.#moveUsers(key, usersOf(before.created_by, before.members), usersOf(before.created_by, members));
      this.#cache.delete(before.id);
      return { ok: true, thread: this.#readThread(before.id), before, changed: true };
    });
  }

  ping(): null {
    return null;
  }

  probe(): null {
    return this.#transaction(() => {
      this.#statements.fillProbe(probeBytes);
      return null;
    });
  }

  close(): null {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    this.#db.close();
    return null;
  }

  #transaction<T>(work: () => T): T {
    this.#touched.clear();
    try {
      return this.#db.write(work);
    } catch (error) {
      // What was counted on in the cache did not happen.
      this.#cache.clear();
      throw error;
    } finally {
      this.#touched.clear();
    }
  }

  #apply(op: WriteOp): StoredOp {
    const thread = this.#loadThread(op.threadId);
    const refusal = checkThread(thread, op);
    if (refusal || !thread) return refusal!;
    return op.kind === 'append' ? this.#append(thread, op) : this.#change(thread, op);
  }

  #append(thread: CachedThread, op: AppendOp): StoredOp {
    const seq = thread.headSeq + 1;
    const { actor, messageId, at } = op;
    const inserted = this.#statements.insertMessage(
      thread.key,
      seq,
      seq,
      op.id,
      messageId,
      actor.id,
      actor.name ?? null,
      op.role,
      'complete',
      at,
      at,
      JSON.stringify(op.metadata),
      op.content,
    );
    if (inserted === 1) {
      this.#advance(thread, at);
      return seq;
    }
    const row = this.#statements.messageByMessageId(thread.key, actor.id, messageId);
    if (!row) throw new Error(`The id ${op.id} belongs to another message.`);
    return { ok: true, message: toMessage(thread.id, row), changed: false };
  }

  #change(thread: CachedThread, op: EditOp | DeleteOp): StoredOp {
    const row = this.#statements.messageById(op.id, thread.key);
    const decision = decideChange(row && toMessage(thread.id, row), op);
    if (decision.do === 'refuse') return decision.refusal;
    const message = toMessage(thread.id, row!);
    if (decision.do === 'nothing') return { ok: true, message, changed: false };

    const { content, metadata, status } = decision.fields;
    const seq = this.#advance(thread, op.at);
    this.#statements.updateMessage(seq, status, op.at, JSON.stringify(metadata), content, row![0]);
    return { ok: true, message: { ...message, ...decision.fields, seq, updated_at: toTime(op.at) }, changed: true };
  }

  /** Takes the thread's next seq. */
  #advance(thread: CachedThread, at: number): number {
    this.#touched.set(thread.id, thread);
    thread.headSeq += 1;
    // Clocks step back; a thread's activity does not.
    thread.updatedAt = Math.max(thread.updatedAt, at);
    return thread.headSeq;
  }

  #loadThread(id: string): CachedThread | undefined {
    const known = this.#touched.get(id) ?? this.#cache.get(id);
    if (known) return known;
    const row = this.#statements.thread(id);
    if (!row) return undefined;
    const { members, created_by } = toThread(row);
    const thread: CachedThread = { key: row[0], id, members, created_by, updatedAt: row[7], headSeq: row[8] };
    this.#cache.set(thread);
    return thread;
  }

  #readThread(id: string): Thread {
    return toThread(this.#statements.thread(id)!);
  }

  #moveUsers(key: number, before: ReadonlySet<string>, after: ReadonlySet<string>): void {
    for (const user of before) if (!after.has(user)) this.#statements.deleteUser(user, key);
    for (const user of after) if (!before.has(user)) this.#statements.insertUser(user, key);
  }
}

function isOpen(members: readonly string[]): 0 | 1 {
  return members.length === 0 ? 1 : 0;
}

/** Who has a thread in their list by name; an open one is in everybody's. */
function usersOf(creator: string, members: readonly string[]): ReadonlySet<string> {
  return new Set(isOpen(members) ? [] : [creator, ...members]);
}

function prepare(db: Sqlite) {
  const message = `SELECT ${messageColumns} FROM messages m`;
  return {
    thread: db.one<ThreadRow>(
      `SELECT ${threadColumns} FROM threads t JOIN activity a ON a.thread = t.key WHERE t.id = ?`,
    ),
    threadKey: db.one<[number]>('SELECT key FROM threads WHERE id = ?'),
    insertThread: db.change(
      'INSERT INTO threads (id, title, created_by, created_at, members, metadata) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    updateThread: db.change('UPDATE threads SET title = ?, members = ?, metadata = ? WHERE key = ?'),
    insertActivity: db.change('INSERT INTO activity (thread, id, open, updated_at, head_seq) VALUES (?, ?, ?, ?, 0)'),
    setActivity: db.change('UPDATE activity SET head_seq = ?, updated_at = ? WHERE thread = ?'),
    touchActivity: db.change('UPDATE activity SET open = ?, updated_at = max(updated_at, ?) WHERE thread = ?'),
    insertUser: db.change('INSERT INTO thread_users (user_id, thread) VALUES (?, ?)'),
    deleteUser: db.change('DELETE FROM thread_users WHERE user_id = ? AND thread = ?'),
    // Any conflict: a repeat may conflict on `id` as well.
    insertMessage: db.change(
      'INSERT INTO messages (thread, position, seq, id, message_id, sender_id, sender_name, role, status, ' +
        'created_at, updated_at, metadata, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ' +
        'ON CONFLICT DO NOTHING',
    ),
    updateMessage: db.change(
      'UPDATE messages SET seq = ?, status = ?, updated_at = ?, metadata = ?, content = ? WHERE key = ?',
    ),
    messageById: db.one<MessageRow>(`${message} WHERE m.id = ? AND m.thread = ?`),
    messageByMessageId: db.one<MessageRow>(`${message} WHERE m.thread = ? AND m.sender_id = ? AND m.message_id = ?`),
    fillProbe: db.change('INSERT OR REPLACE INTO probe (key, filler) VALUES (1, zeroblob(?))'),
  };
}
