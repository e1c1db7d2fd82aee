import type { Sqlite } from './sqlite.ts';

/** Written to `PRAGMA user_version`; raised by every change of the tables. */
const schemaVersion = 5;

// `activity` is apart from `threads` because it is written with every message: its rows are small, while a thread's
// members and metadata take up to 70 KiB. `open` (a thread without members) leads its index, so that each thread's
// activity stands in one index only. `thread_users` says who else may read a thread that is not open: its creator and
// members.
const threadTables = `
  CREATE TABLE threads (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    members TEXT NOT NULL,
    metadata TEXT NOT NULL
  ) STRICT;

  CREATE TABLE activity (
    thread INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    open INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    head_seq INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX activity_order ON activity (open, updated_at, id);

  CREATE TABLE thread_users (
    user_id TEXT NOT NULL,
    thread INTEGER NOT NULL,
    PRIMARY KEY (user_id, thread)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE probe (key INTEGER PRIMARY KEY, filler BLOB NOT NULL) STRICT;
`;

// What a commit costs is pages: each that it changes is written to the log and later to the file, 4 KiB for a row of
// 200 bytes. So `messages` is a log, whose rows go to its end as they come, and so do ids, which are made in order of
// time. What scatters, a thread's order and the idempotency keys, is filed later, many rows at a time. `filed` says up to
// which row that was done: whoever reads in the order of a thread looks at the rows after it as well, and a writer that
// begins takes up the keys after it. `activity` is as old as the order is, unless an edit wrote it.
//
// A message that was never edited has its position as its seq. Contents come last, so that reading the columns before
// them needs no overflow pages.
const messageTables = `
  CREATE TABLE messages (
    key INTEGER PRIMARY KEY,
    thread INTEGER NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    message_id TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    sender_name TEXT,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    error TEXT,
    metadata TEXT NOT NULL,
    content TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX messages_edited ON messages (thread, seq) WHERE seq > position;
  CREATE INDEX messages_streaming ON messages (thread) WHERE status = 'streaming';

  CREATE TABLE message_order (
    thread INTEGER NOT NULL,
    position INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (thread, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE message_keys (
    thread INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (thread, hash, message)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE filed (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ordered_to INTEGER NOT NULL,
    keyed_to INTEGER NOT NULL,
    hash_seed INTEGER NOT NULL
  ) STRICT;
  INSERT INTO filed VALUES (1, 0, 0, random() & 0xffffffff);
`;

// The text of a stream gathers in parts, so that a piece costs what it is long; at the end it becomes the message's
// content. A row of `streams` stays as long as its message: it says that it was a stream, and how long.
//
// Of many streams each piece would change a page of its own. So pieces go to the end of `stream_log`, with what they make
// of their stream, and are filed later, where all that is new of a stream is one part. The log is never long: whoever
// reads a stream looks through all of it.
const streamTables = `
  CREATE TABLE streams (
    message INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    length INTEGER NOT NULL,
    lease_until INTEGER
  ) STRICT;

  CREATE TABLE stream_parts (
    message INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (message, offset)
  ) STRICT, WITHOUT ROWID;
`;

const streamLogTable = `
  CREATE TABLE stream_log (
    key INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    text TEXT NOT NULL
  ) STRICT;
`;

const auditTable = `
  CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    operator TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

const revocationsTable = `
  CREATE TABLE revocations (
    user_id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** The first version had every index in the tables themselves. */
const fromVersion1 = `
  DROP INDEX messages_streaming;
  ALTER TABLE messages RENAME TO messages_1;
  ${messageTables}
  INSERT INTO messages SELECT * FROM messages_1 ORDER BY key;
  DROP TABLE messages_1;
`;

/** Refuses a file that is not ours, or that a newer version wrote; changes nothing. */
export function checkSchema(db: Sqlite): void {
  const version = readVersion(db);
  if (version > schemaVersion) {
    throw new Error(
      `it was written by a newer version of Threadwire (schema ${version}, this one knows ${schemaVersion})`,
    );
  }
  const tableCount = db.one<[number]>('SELECT count(*) FROM sqlite_schema')()?.[0] ?? 0;
  if (version === 0 && tableCount > 0) throw new Error('it is a database of something else');
}

/** Creates the tables of a new database, and brings those of an older version up to this one. */
export function createSchema(db: Sqlite): void {
  const version = readVersion(db);
  if (version === schemaVersion) return;
  db.write(() => {
    if (version === 0) db.exec(threadTables + messageTables);
    if (version === 1) db.exec(fromVersion1);
    if (version < 3) db.exec(streamTables);
    if (version < 4) db.exec(streamLogTable);
    db.exec(auditTable + revocationsTable);
    db.exec(`PRAGMA user_version = ${schemaVersion}`);
  });
}

function readVersion(db: Sqlite): number {
  return db.one<[number]>('PRAGMA user_version')()?.[0] ?? 0;
}
