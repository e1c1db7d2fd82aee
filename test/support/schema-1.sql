-- The tables of schema version 1, as versions until 0.1.0 made them.
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
