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
import { partsQuery, readParts } from './rows.ts';
import type { Sqlite } from './sqlite.ts';

type FactsRow = readonly [
  key: number,
  senderId: string,
  status: StreamFacts['status'],
  epoch: number,
  length: number,
  leaseUntil: number | null,
];

/** What the end of a stream makes of its message; null leaves what was. */
interface StreamEnding {
  readonly seq: number;
  readonly status: StreamEndStatus;
  readonly error: string | null;
  readonly metadata: string | null;
  readonly at: number;
}

/** Which messages are streams, and the text of those that grow. Everything here is part of the writer's transaction. */
export class StreamTable {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Sqlite) {
    this.#statements = prepare(db);
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
    const stream = row && toFacts(row);
    const decision = decideStreamResume(stream, op);
    if (typeof decision === 'object') return decision;
    const { epoch, length } = stream!;
    if (decision === 'nothing') return { epoch, length };
    this.#statements.update(epoch + 1, length, op.leaseUntil, key);
    return { epoch: epoch + 1, length };
  }

  append(thread: number, op: StreamTextOp): TextWritten | Refusal {
    const row = this.#statements.byId(op.id, thread);
    const decision = decideStreamText(row && toFacts(row), op);
    if (!('text' in decision)) return decision;
    const { text, length } = decision;
    const [key] = row!;
    if (text !== '') this.#statements.insertPart(key, length - text.length, text);
    this.#statements.update(op.epoch, length, op.leaseUntil, key);
    return { ok: true, length };
  }

  /** Whether the stream ends by this, or has ended; or why it must not. */
  decideEnd(thread: number, op: StreamEndOp): (StreamState & { key: number; ends: boolean }) | Refusal {
    const row = this.#statements.byId(op.id, thread);
    const decision = decideStreamEnd(row && toFacts(row), op);
    if (typeof decision === 'object') return decision;
    const [key, , , epoch, length] = row!;
    return { key, epoch, length, ends: decision === 'end' };
  }

  /** The text becomes the message's content. */
  end(key: number, { seq, status, error, metadata, at }: StreamEnding): void {
    this.#statements.endMessage(seq, status, at, error, metadata, this.text(key), key);
    this.#statements.deleteParts(key);
    this.#statements.endLease(key);
  }

  /** The text so far. */
  text(key: number): string {
    return readParts(this.#statements.parts, key);
  }
}

function toFacts([, senderId, status, epoch, length, leaseUntil]: FactsRow): StreamFacts {
  return { senderId, status, epoch, length, leaseUntil: leaseUntil ?? 0 };
}

function prepare(db: Sqlite) {
  const facts =
    'SELECT m.key, m.sender_id, m.status, s.epoch, s.length, s.lease_until ' +
    'FROM messages m CROSS JOIN streams s ON s.message = m.key WHERE';
  return {
    byId: db.one<FactsRow>(`${facts} m.id = ? AND m.thread = ?`),
    byKey: db.one<FactsRow>(`${facts} m.key = ?`),
    running: db.one<[number]>(
      "SELECT count(*) FROM messages INDEXED BY messages_streaming WHERE thread = ? AND status = 'streaming'",
    ),
    parts: db.many<[text: string]>(partsQuery),
    insert: db.change('INSERT INTO streams (message, epoch, length, lease_until) VALUES (?, 1, 0, ?)'),
    update: db.change('UPDATE streams SET epoch = ?, length = ?, lease_until = ? WHERE message = ?'),
    insertPart: db.change('INSERT INTO stream_parts (message, offset, text) VALUES (?, ?, ?)'),
    deleteParts: db.change('DELETE FROM stream_parts WHERE message = ?'),
    endLease: db.change('UPDATE streams SET lease_until = NULL WHERE message = ?'),
    endMessage: db.change(
      'UPDATE messages SET seq = ?, status = ?, updated_at = ?, error = ?, metadata = coalesce(?, metadata), ' +
        'content = ? WHERE key = ?',
    ),
  };
}
