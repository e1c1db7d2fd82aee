import { parentPort, workerData } from 'node:worker_threads';
import Database from 'libsql';
import type { Message } from '@threadwire/protocol';

// The columns and the unique indexes that Threadwire's promises need, and one transaction for each message.
const db = new Database(workerData as string);
db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
db.exec(`
  CREATE TABLE messages (
    key INTEGER PRIMARY KEY,
    thread TEXT NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    message_id TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    metadata TEXT NOT NULL,
    content TEXT NOT NULL,
    UNIQUE (thread, position),
    UNIQUE (thread, seq),
    UNIQUE (thread, sender_id, message_id)
  ) STRICT;
`);
const insert = db.prepare(
  'INSERT INTO messages (thread, position, seq, id, message_id, sender_id, role, status, created_at, updated_at, ' +
    'metadata, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
);

parentPort!.on('message', (message: Message) => {
  insert.run(
    message.thread_id,
    message.position,
    message.seq,
    message.id,
    message.message_id,
    message.sender.id,
    message.role,
    message.status,
    message.created_at,
    message.updated_at,
    JSON.stringify(message.metadata),
    message.content,
  );
  parentPort!.postMessage(message.seq);
});
