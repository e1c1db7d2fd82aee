import { KeyTable } from './key-table.ts';
import type { Sqlite } from './sqlite.ts';

/** So many keys are gathered before they are filed, and so many are filed at a time. */
const gatheredKeys = 32_768;
const portionKeys = 1024;
/** Rows of one INSERT; a portion is a multiple of it. */
const rowsAtOnce = 32;
const loadedAtOnce = 10_000;
/** Keys that one statement looks for, in a large batch and in a small one. */
const keysAtOnce = 32;
const fewKeys = 4;

type Entry = readonly [thread: number, hash: number, message: number];

/** What is looked for: 47 bits of it are enough to look with, the message itself says whether it is the one. */
export interface MessageKey {
  readonly thread: number;
  readonly sender: string;
  readonly messageId: string;
  readonly hash: number;
  /** It is not among those that were filed: found out for many at a time by {@link MessageKeys.sift}. */
  isUnfiled?: boolean;
}

/**
 * Finds messages by their idempotency key. Keys are random, so each would change a page of its index, 4 KiB to be written
 * for one row. Those of new messages are therefore kept in memory, and filed when there are many, in the order of the
 * index, where neighbours share a page.
 */
export class MessageKeys {
  readonly #db: Sqlite;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #seed: number;
  #gathered = new KeyTable();
  /** How many of them are durable; the others belong to the transaction in progress. */
  #committedCount = 0;
  /** The newest message whose key is durable. */
  #committedTo: number;
  #addedTo: number;
  /** Those that are being filed: all up to the message `#filingTo`. */
  #filing: KeyTable | undefined;
  #filingTo = 0;
  #entries: Iterator<Entry> = [].values();
  /** Taken from `#entries`, and not stored yet. */
  #portion: Entry[] = [];

  /** Takes up what is not filed yet. */
  constructor(db: Sqlite) {
    this.#db = db;
    this.#statements = prepare(db);
    const [keyedTo, seed] = this.#statements.filed()!;
    this.#seed = seed;
    this.#committedTo = keyedTo;
    this.#addedTo = keyedTo;
    for (;;) {
      const rows = this.#statements.unfiled(this.#committedTo, loadedAtOnce);
      for (const [message, ...key] of rows) this.add(this.key(...key), message);
      this.committed();
      while (this.isDue) this.file();
      if (rows.length < loadedAtOnce) return;
    }
  }

  key(thread: number, sender: string, messageId: string): MessageKey {
    return { thread, sender, messageId, hash: hashOf(sender, messageId, this.#seed) };
  }

  /** Looks for many keys at once, most of which are new. */
  sift(keys: readonly MessageKey[]): void {
    for (let i = 0; i < keys.length; i += keysAtOnce) {
      const some = keys.slice(i, i + keysAtOnce);
      const count = some.length > fewKeys ? keysAtOnce : fewKeys;
      const values: number[] = [];
      // There is no thread 0.
      for (let j = 0; j < count; j++) values.push(some[j]?.thread ?? 0, some[j]?.hash ?? 0);
      const [isAnyFiled] = (count === fewKeys ? this.#statements.isAnyOfFew : this.#statements.isAnyOfMany)(...values)!;
      if (isAnyFiled === 0) for (const key of some) key.isUnfiled = true;
    }
  }

  /** The message of this key. */
  find({ thread, sender, messageId, hash, isUnfiled }: MessageKey): number | undefined {
    for (const table of [this.#gathered, this.#filing]) {
      for (const message of table?.find(thread, hash) ?? []) {
        if (this.#statements.hasKey(message, sender, messageId)) return message;
      }
    }
    return isUnfiled ? undefined : this.#statements.find(thread, hash, sender, messageId)?.[0];
  }

  /** Adds a message that the transaction in progress stores. */
  add({ thread, hash }: MessageKey, message: number): void {
    this.#gathered.add(thread, hash, message);
    this.#addedTo = message;
  }

  committed(): void {
    this.#committedCount = this.#gathered.size;
    this.#committedTo = this.#addedTo;
  }

  rolledBack(): void {
    this.#gathered.truncate(this.#committedCount);
    this.#addedTo = this.#committedTo;
  }

  /** Whether there is a portion to be filed. */
  get isDue(): boolean {
    return this.#filing !== undefined || this.#committedCount >= gatheredKeys;
  }

  /** Files a portion, in a transaction of its own. Where that fails, the same portion is tried again. */
  file(): void {
    if (!this.#filing) this.#begin();
    while (this.#portion.length < portionKeys) {
      const next = this.#entries.next();
      if (next.done) break;
      this.#portion.push(next.value);
    }
    const portion = this.#portion;
    const isLast = portion.length < portionKeys;
    this.#db.write(() => {
      const whole = portion.length - (portion.length % rowsAtOnce);
      for (let i = 0; i < whole; i += rowsAtOnce)
        this.#statements.insertMany(...portion.slice(i, i + rowsAtOnce).flat());
      for (const entry of portion.slice(whole)) this.#statements.insert(...entry);
      if (isLast) this.#statements.setKeyedTo(this.#filingTo);
    });
    this.#portion = [];
    if (isLast) this.#filing = undefined;
  }

  #begin(): void {
    this.#filing = this.#gathered;
    this.#filingTo = this.#committedTo;
    this.#entries = this.#filing.sorted();
    this.#gathered = new KeyTable();
    this.#committedCount = 0;
  }
}

/**
 * 47 bits, which SQLite keeps in six bytes: cyrb53, by bryc (public domain). Of a seed that nobody outside knows, so that
 * nobody makes up keys that fall on one place.
 */
function hashOf(sender: string, messageId: string, seed: number): number {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ seed;
  const mix = (unit: number): void => {
    a = Math.imul(a ^ unit, 2654435761);
    b = Math.imul(b ^ unit, 1597334677);
  };
  for (let i = 0; i < sender.length; i++) mix(sender.charCodeAt(i));
  mix(0);
  for (let i = 0; i < messageId.length; i++) mix(messageId.charCodeAt(i));
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (b & 0x7fff) * 0x1_0000_0000 + (a >>> 0);
}

function prepare(db: Sqlite) {
  const isAnyOf = (count: number) =>
    `SELECT EXISTS (SELECT 1 FROM (VALUES ${Array.from({ length: count }, () => '(?, ?)').join(', ')}) v ` +
    'CROSS JOIN message_keys k ON k.thread = v.column1 AND k.hash = v.column2)';
  const insert = 'INSERT OR IGNORE INTO message_keys (thread, hash, message) VALUES';
  return {
    filed: db.one<[keyedTo: number, seed: number]>('SELECT keyed_to, hash_seed FROM filed'),
    unfiled: db.many<[message: number, thread: number, sender: string, messageId: string]>(
      'SELECT key, thread, sender_id, message_id FROM messages WHERE key > ? ORDER BY key LIMIT ?',
    ),
    hasKey: db.one<[number]>('SELECT 1 FROM messages WHERE key = ? AND sender_id = ? AND message_id = ?'),
    isAnyOfFew: db.one<[0 | 1]>(isAnyOf(fewKeys)),
    isAnyOfMany: db.one<[0 | 1]>(isAnyOf(keysAtOnce)),
    find: db.one<[message: number]>(
      'SELECT k.message FROM message_keys k CROSS JOIN messages m ON m.key = k.message ' +
        'WHERE k.thread = ? AND k.hash = ? AND m.sender_id = ? AND m.message_id = ?',
    ),
    insert: db.change(`${insert} (?, ?, ?)`),
    insertMany: db.change(`${insert} ${Array.from({ length: rowsAtOnce }, () => '(?, ?, ?)').join(', ')}`),
    setKeyedTo: db.change('UPDATE filed SET keyed_to = ?'),
  };
}
