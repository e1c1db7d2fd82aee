import { checkNewStream, decideStreamEnd, decideStreamResume, decideStreamText } from '../rules.ts';
import type { StreamFacts } from '../rules.ts';
import type {
  Refusal,
  StreamEndOp,
  StreamEndStatus,
  StreamStartOp,
  StreamState,
  StreamTextOp,
  TextWritten,
} from '../thread-store.ts';
import { partsQuery, readParts, streamLease, streamLength } from './rows.ts';
import type { Sqlite } from './sqlite.ts';

type FactsRow = readonly [
  key: number,
  id: string,
  thread: number,
  senderId: string,
  status: StreamFacts['status'],
  epoch: number,
  length: number,
  leaseUntil: number | null,
];

/** A stream as the transaction in progress has it. */
interface KnownStream extends StreamFacts {
  readonly key: number;
  readonly id: string;
  readonly thread: number;
  readonly epoch: number;
  length: number;
  leaseUntil: number;
}

/** What the end of a stream makes of its message; null leaves what was. */
interface StreamEnding {
  readonly seq: number;
  readonly status: StreamEndStatus;
  readonly error: string | null;
  readonly metadata: string | null;
  readonly at: number;
}

/** The log is filed when it has so many pieces, or so much text. Readers look through as much. */
const maxLoggedPieces = 2048;
const maxLoggedLength = 4 * 1024 * 1024;
/** What is left of a quiet time is filed after so long. */
const maxLoggedMs = 1000;

/** Which messages are streams, and the text of those that grow. Everything but {@link file} is part of the writer's transaction. */
export class StreamTable {
  readonly #db: Sqlite;
  readonly #statements: ReturnType<typeof prepare>;
  /** Those written to since the log was filed: only to save reading them again. */
  readonly #known = new Map<string, KnownStream>();
  /** In the log, or more where a transaction failed. */
  #loggedPieces = 0;
  #loggedLength = 0;
  /** When the first of them came (ms). */
  #loggedAt = 0;

  /** Files what is in the log. */
  constructor(db: Sqlite) {
    this.#db = db;
    this.#statements = prepare(db);
    this.file();
  }

  /** Whether one more may be started in the thread. */
  check(thread: number): Refusal | undefined {
    return checkNewStream(this.#statements.running(thread)![0]);
  }

  /** The message of this key is a stream from now on. */
  start(key: number, leaseUntil: number): StreamState {
    this.#statements.insert(key, leaseUntil);
    return { epoch: 1, length: 0 };
  }

  /** Takes up the message of this key, if it is a stream that has not ended. */
  resume(key: number, op: StreamStartOp): StreamState | Refusal {
    const row = this.#statements.byKey(key);
    const stream = row && toStream(row);
    const decision = decideStreamResume(stream, op);
    if (typeof decision === 'object') return decision;
    const { id, epoch, length } = stream!;
    if (decision === 'nothing') return { epoch, length };
    this.#known.delete(id);
    this.#statements.setEpoch(epoch + 1, key);
    this.#log(key, length, '', length, op.leaseUntil);
    return { epoch: epoch + 1, length };
  }

  append(thread: number, op: StreamTextOp): TextWritten | Refusal {
    const stream = this.#find(op.id, thread);
    const decision = decideStreamText(stream, op);
    if (!('text' in decision)) return decision;
    const { text, length } = decision;
    this.#log(stream!.key, length - text.length, text, length, op.leaseUntil);
    stream!.length = length;
    stream!.leaseUntil = op.leaseUntil;
    return { ok: true, length };
  }

  /** Whether the stream ends by this, or has ended; or why it must not. */
  decideEnd(thread: number, op: StreamEndOp): (StreamState & { key: number; ends: boolean }) | Refusal {
    const stream = this.#find(op.id, thread);
    const decision = decideStreamEnd(stream, op);
    if (typeof decision === 'object') return decision;
    const { key, epoch, length } = stream!;
    return { key, epoch, length, ends: decision === 'end' };
  }

  /** The text becomes the message's content. */
  end({ key, id, length }: { key: number; id: string; length: number }, ending: StreamEnding): void {
    const { seq, status, error, metadata, at } = ending;
    this.#known.delete(id);
    this.#statements.endMessage(seq, status, at, error, metadata, this.text(key), key);
    this.#statements.deleteParts(key);
    this.#statements.endLease(length, key);
  }

  /** The text so far. */
  text(key: number): string {
    return readParts(this.#statements.parts, key);
  }

  rolledBack(): void {
    this.#known.clear();
  }

  get isBehind(): boolean {
    return this.#loggedPieces > 0;
  }

  /** Whether there is enough to be filed. */
  get isDue(): boolean {
    return this.#loggedPieces >= maxLoggedPieces || this.#loggedLength >= maxLoggedLength;
  }

  get isOld(): boolean {
    return this.isBehind && performance.now() - this.#loggedAt >= maxLoggedMs;
  }

  /** Files the log, in a transaction of its own. What has ended is dropped: its text is in its message. */
  file(): void {
    const { isLogEmpty, fileText, fileState, emptyLog } = this.#statements;
    if (isLogEmpty()![0] === 0) {
      this.#db.write(() => {
        fileText();
        fileState();
        emptyLog();
      });
    }
    this.#known.clear();
    this.#loggedPieces = 0;
    this.#loggedLength = 0;
  }

  #find(id: string, thread: number): KnownStream | undefined {
    const known = this.#known.get(id);
    if (known) return known.thread === thread ? known : undefined;
    const row = this.#statements.byId(id, thread);
    if (!row) return undefined;
    const stream = toStream(row);
    if (stream.status === 'streaming') this.#known.set(id, stream);
    return stream;
  }

  #log(key: number, offset: number, text: string, length: number, leaseUntil: number): void {
    this.#statements.log(key, offset, length, leaseUntil, text);
    if (this.#loggedPieces === 0) this.#loggedAt = performance.now();
    this.#loggedPieces += 1;
    this.#loggedLength += text.length;
  }
}

function toStream([key, id, thread, senderId, status, epoch, length, leaseUntil]: FactsRow): KnownStream {
  return { key, id, thread, senderId, status, epoch, length, leaseUntil: leaseUntil ?? 0 };
}

function prepare(db: Sqlite) {
  const facts =
    `SELECT m.key, m.id, m.thread, m.sender_id, m.status, s.epoch, ${streamLength}, ${streamLease} ` +
    'FROM messages m CROSS JOIN streams s ON s.message = m.key WHERE';
  return {
    byId: db.one<FactsRow>(`${facts} m.id = ? AND m.thread = ?`),
    byKey: db.one<FactsRow>(`${facts} m.key = ?`),
    running: db.one<[number]>(
      "SELECT count(*) FROM messages INDEXED BY messages_streaming WHERE thread = ? AND status = 'streaming'",
    ),
    parts: db.many<[text: string]>(partsQuery),
    insert: db.change('INSERT INTO streams (message, epoch, length, lease_until) VALUES (?, 1, 0, ?)'),
    setEpoch: db.change('UPDATE streams SET epoch = ? WHERE message = ?'),
    log: db.change('INSERT INTO stream_log (message, offset, length, lease_until, text) VALUES (?, ?, ?, ?, ?)'),
    isLogEmpty: db.one<[0 | 1]>('SELECT NOT EXISTS (SELECT 1 FROM stream_log)'),
    fileText: db.change(
      'INSERT INTO stream_parts (message, offset, text) ' +
        "SELECT message, min(offset), group_concat(text, '' ORDER BY key) FROM stream_log CROSS JOIN streams s " +
        "USING (message) WHERE s.lease_until IS NOT NULL AND text <> '' GROUP BY message",
    ),
    // With max() the other columns are those of its row.
    fileState: db.change(
      'UPDATE streams SET length = n.length, lease_until = n.lease_until ' +
        'FROM (SELECT message, max(key), length, lease_until FROM stream_log GROUP BY message) n ' +
        'WHERE streams.message = n.message AND streams.lease_until IS NOT NULL',
    ),
    emptyLog: db.change('DELETE FROM stream_log'),
    deleteParts: db.change('DELETE FROM stream_parts WHERE message = ?'),
    endLease: db.change('UPDATE streams SET lease_until = NULL, length = ? WHERE message = ?'),
    endMessage: db.change(
      'UPDATE messages SET seq = ?, status = ?, updated_at = ?, error = ?, metadata = coalesce(?, metadata), ' +
        'content = ? WHERE key = ?',
    ),
  };
}
