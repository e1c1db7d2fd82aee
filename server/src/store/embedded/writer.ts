import type { Message, MessageStatus, Thread } from '@threadwire/protocol';
import { checkThread, decideChange, decideThreadUpdate, threadExists } from '../rules.ts';
import type {
  AuditEntry,
  CreateThread,
  DeleteOp,
  EditOp,
  Revocation,
  StreamEndOp,
  StreamStartOp,
  UpdateThread,
} from '../thread-store.ts';
import { unflattenOps } from './flat-ops.ts';
import type { FlatOps, StoredAppend, StoredOp } from './flat-ops.ts';
import { MessageKeys } from './message-keys.ts';
import type { MessageKey } from './message-keys.ts';
import { MessageOrder } from './message-order.ts';
import { messageColumns, threadColumns, toMessage, toThread, toTime } from './rows.ts';
import type { MessageRow, ThreadRow } from './rows.ts';
import type { Sqlite } from './sqlite.ts';
import { StreamTable } from './stream-table.ts';
import { ThreadCache } from './thread-cache.ts';
import type { CachedThread } from './thread-cache.ts';
import type { OpResult, WriterMethods } from './worker-protocol.ts';

const cachedThreadsWeight = 100_000;
/** A large message with its index entries. */
const probeBytes = 128 * 1024;

/** A thread that a transaction changes, and what to return to where it fails. */
interface Touched extends Pick<CachedThread, 'headSeq' | 'updatedAt'> {
  readonly thread: CachedThread;
  /** How many messages it got. */
  appended: number;
  isEdited: boolean;
}

/**
 * The one that writes to the database. Every method is one transaction, durable when it returns. What the tables lack
 * then (see the schema) is in memory here, and is made up for by {@link keepUp}.
 */
export class Writer implements WriterMethods {
  readonly #db: Sqlite;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #order: MessageOrder;
  readonly #keys: MessageKeys;
  readonly #streams: StreamTable;
  readonly #cache = new ThreadCache(cachedThreadsWeight);
  /** Threads that the transaction in progress changed. */
  readonly #touched = new Map<string, Touched>();

  constructor(db: Sqlite) {
    this.#db = db;
    this.#statements = prepare(db);
    this.#order = new MessageOrder(db);
    this.#keys = new MessageKeys(db);
    this.#streams = new StreamTable(db);
  }

  write(flatOps: FlatOps): OpResult[] {
    const ops = unflattenOps(flatOps);
    return this.#transaction(() => {
      const keys = this.#keysOf(ops);
      const results = ops.map((op, i) => this.#apply(op, keys[i]));
      for (const { thread, isEdited } of this.#touched.values()) {
        if (isEdited) this.#statements.setActivity(thread.headSeq, thread.updatedAt, thread.key);
      }
      return results;
    });
  }

  /** Whether what readers look through one by one is to be put into order soon. */
  get isBehind(): boolean {
    return this.#order.isBehind || this.#streams.isBehind;
  }

  /**
   * Where enough has gathered, makes up for some of what commits left out: a few milliseconds' work. On its own, so that
   * no write can fail with it.
   */
  keepUp(): void {
    if (this.#order.isDue) this.#order.file();
    if (this.#keys.isDue) this.#keys.file();
    if (this.#streams.isDue) this.#streams.file();
  }

  /** Files what readers look through, where it has been waiting for long enough. */
  catchUp(): void {
    this.#order.file();
    if (this.#streams.isOld) this.#streams.file();
  }

  createThread(request: CreateThread): ReturnType<WriterMethods['createThread']> {
    this.#orderThread(request.id);
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
    this.#orderThread(request.threadId);
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

  appendAudit(entries: readonly AuditEntry[]): null {
    return this.#transaction(() => {
      for (const { id, at, operator, address, action, target, outcome, detail } of entries) {
        this.#statements.insertAudit(id, at, operator, address, action, target, outcome, detail);
      }
      return null;
    });
  }

  revoke({ userId, at, operator, reason }: Revocation): null {
    return this.#transaction(() => {
      this.#statements.revoke(userId, at, operator, reason);
      return null;
    });
  }

  restore(userId: string): null {
    return this.#transaction(() => {
      this.#statements.restore(userId);
      return null;
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
    this.#order.file();
    this.#streams.file();
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    this.#db.close();
    return null;
  }

  #transaction<T>(work: () => T): T {
    try {
      const result = this.#db.write(work);
      this.#keys.committed();
      for (const { thread, appended } of this.#touched.values()) {
        if (appended > 0) this.#order.add(thread, appended);
      }
      return result;
    } catch (error) {
      // What was counted on did not happen.
      for (const { thread, headSeq, updatedAt } of this.#touched.values())
        Object.assign(thread, { headSeq, updatedAt });
      this.#keys.rolledBack();
      this.#streams.rolledBack();
      throw error;
    } finally {
      this.#touched.clear();
    }
  }

  /** The idempotency key of each new message of a thread that there is. */
  #keysOf(ops: readonly StoredOp[]): (MessageKey | undefined)[] {
    const keys = ops.map((op) => {
      if (op.kind !== 'append' && op.kind !== 'stream_start') return undefined;
      const thread = this.#loadThread(op.threadId);
      return thread && this.#keys.key(thread.key, op.actor.id, op.messageId);
    });
    this.#keys.sift(keys.filter((key) => key !== undefined));
    return keys;
  }

  #apply(op: StoredOp, messageKey: MessageKey | undefined): OpResult {
    const thread = this.#loadThread(op.threadId);
    const refusal = checkThread(thread, op);
    if (refusal || !thread) return refusal!;
    switch (op.kind) {
      case 'append':
        return this.#append(thread, op, messageKey!);
      case 'stream_start':
        return this.#startStream(thread, op, messageKey!);
      case 'stream_text': {
        const result = this.#streams.append(thread.key, op);
        return result.ok ? result.length : result;
      }
      case 'stream_end':
        return this.#endStream(thread, op);
      case 'edit':
      case 'delete':
        return this.#change(thread, op);
    }
  }

  #append(thread: CachedThread, op: StoredAppend, messageKey: MessageKey): OpResult {
    const repeated = this.#keys.find(messageKey);
    if (repeated === undefined) {
      this.#insert(thread, op, messageKey, 'complete', op.metadata, op.content);
      return thread.headSeq;
    }
    return { ok: true, message: this.#readMessage(thread, repeated), changed: false };
  }

  #startStream(thread: CachedThread, op: StreamStartOp, messageKey: MessageKey): OpResult {
    const repeated = this.#keys.find(messageKey);
    if (repeated !== undefined) {
      const stream = this.#streams.resume(repeated, op);
      if ('ok' in stream) return stream;
      return { ok: true, message: this.#readMessage(thread, repeated), changed: false, stream };
    }
    const refusal = this.#streams.check(thread.key);
    if (refusal) return refusal;
    const key = this.#insert(thread, op, messageKey, 'streaming', JSON.stringify(op.metadata), '');
    const stream = this.#streams.start(key, op.leaseUntil);
    return { ok: true, message: this.#readMessage(thread, key), changed: true, stream };
  }

  #endStream(thread: CachedThread, op: StreamEndOp): OpResult {
    const decision = this.#streams.decideEnd(thread.key, op);
    if ('ok' in decision) return decision;
    const { key, epoch, length, ends } = decision;
    if (ends) {
      this.#advance(thread, op.at).isEdited = true;
      const metadata = op.metadata === undefined ? null : JSON.stringify(op.metadata);
      const { status, error = null, at } = op;
      this.#streams.end({ key, id: op.id, length }, { seq: thread.headSeq, status, error, metadata, at });
    }
    return { ok: true, message: this.#readMessage(thread, key), changed: ends, stream: { epoch, length } };
  }

  /** Stores a message under the thread's next seq, and answers its key. */
  #insert(
    thread: CachedThread,
    { actor, id, messageId, role, at }: StoredAppend | StreamStartOp,
    messageKey: MessageKey,
    status: MessageStatus,
    metadata: string,
    content: string,
  ): number {
    const touched = this.#advance(thread, at);
    touched.appended += 1;
    const key = this.#statements.insertMessage(
      thread.key,
      thread.headSeq,
      id,
      messageId,
      actor.id,
      actor.name ?? null,
      role,
      status,
      at,
      metadata,
      content,
    );
    this.#keys.add(messageKey, key);
    return key;
  }

  #readMessage(thread: CachedThread, key: number): Message {
    const message = toMessage(thread.id, this.#statements.messageByKey(key)!);
    if (message.status === 'streaming') message.content = this.#streams.text(key);
    return message;
  }

  #change(thread: CachedThread, op: EditOp | DeleteOp): OpResult {
    const row = this.#statements.messageById(op.id, thread.key);
    const decision = decideChange(row && toMessage(thread.id, row), op);
    if (decision.do === 'refuse') return decision.refusal;
    const message = toMessage(thread.id, row!);
    if (decision.do === 'nothing') return { ok: true, message, changed: false };

    const { content, metadata, status, error } = decision.fields;
    this.#advance(thread, op.at).isEdited = true;
    const seq = thread.headSeq;
    this.#statements.updateMessage(seq, status, op.at, error ?? null, JSON.stringify(metadata), content, row![0]);
    const { error: _, ...rest } = message;
    const changed = { ...rest, content, metadata, status, seq, updated_at: toTime(op.at) };
    return { ok: true, message: error === undefined ? changed : { ...changed, error }, changed: true };
  }

  /** Takes the thread's next seq. */
  #advance(thread: CachedThread, at: number): Touched {
    const { headSeq, updatedAt } = thread;
    let touched = this.#touched.get(thread.id);
    if (!touched) {
      touched = { thread, headSeq, updatedAt, appended: 0, isEdited: false };
      this.#touched.set(thread.id, touched);
    }
    thread.headSeq = headSeq + 1;
    // Clocks step back; a thread's activity does not.
    thread.updatedAt = Math.max(updatedAt, at);
    return touched;
  }

  #loadThread(id: string): CachedThread | undefined {
    const known = this.#touched.get(id)?.thread ?? this.#order.get(id) ?? this.#cache.get(id);
    if (known) return known;
    const row = this.#statements.thread(id);
    if (!row) return undefined;
    const { members, created_by } = toThread(row);
    const thread: CachedThread = { key: row[0], id, members, created_by, updatedAt: row[7], headSeq: row[8] };
    this.#cache.set(thread);
    return thread;
  }

  /** Makes what the tables say of a thread exact. */
  #orderThread(id: string): void {
    if (this.#order.get(id)) this.#order.file();
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
    insertMessage: db.insert(
      'INSERT INTO messages (thread, position, seq, id, message_id, sender_id, sender_name, role, status, ' +
        'created_at, updated_at, metadata, content) VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11)',
    ),
    updateMessage: db.change(
      'UPDATE messages SET seq = ?, status = ?, updated_at = ?, error = ?, metadata = ?, content = ? WHERE key = ?',
    ),
    messageById: db.one<MessageRow>(`${message} WHERE m.id = ? AND m.thread = ?`),
    messageByKey: db.one<MessageRow>(`${message} WHERE m.key = ?`),
    insertAudit: db.change('INSERT OR IGNORE INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    revoke: db.change('INSERT OR REPLACE INTO revocations VALUES (?, ?, ?, ?)'),
    restore: db.change('DELETE FROM revocations WHERE user_id = ?'),
    fillProbe: db.change('INSERT OR REPLACE INTO probe (key, filler) VALUES (1, zeroblob(?))'),
  };
}
