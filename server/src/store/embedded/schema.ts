import type { Sqlite } from './sqlite.ts';

/** Written to `PRAGMA user_version`; raised by every change of the tables. */
const schemaVersion = 1;

// `activity` is apart from `threads` because it is written with every message: its rows are small, while a thread's
// members and metadata take up to 70 KiB. `open` (a thread without members) leads its index, so that each thread's
// activity stands in one index only. `thread_users` says who else may read a thread that is not open: its creator and
// members. Contents come last in `messages`, so that reading the columns before them needs no overflow pages.
const tables = `
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
    content TEXT NOT NULL,
    UNIQUE (thread, position),
    UNIQUE (thread, seq),
    UNIQUE (thread, sender_id, message_id)
  ) STRICT;
  CREATE INDEX messages_streaming ON messages (thread) WHERE status = 'streaming';

  CREATE TABLE probe (key INTEGER PRIMARY KEY, filler BLOB NOT NULL) STRICT;
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

/** Creates the tables of a new database. */
export function createSchema(db: Sqlite): void {
  if (readVersion(db) === schemaVersion) return;
  db.write(() => {
    db.exec(tables);
    db.exec(`PRAGMA user_version = ${schemaVersion}`);
  });
}

function readVersion(db: Sqlite): number {
  return db.one<[number]>('PRAGMA user_version')()?.[0] ?? 0;
}
