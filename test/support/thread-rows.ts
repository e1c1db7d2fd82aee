import type { Sqlite } from '../../server/src/store/embedded/sqlite.ts';

interface Rows {
  readonly count: number;
  /** Their creator and only member, and the beginning of their ids, which go on with their numbers from 1. */
  readonly of: string;
  /** When the first of them was last active; each of the others a millisecond after the one before it. */
  readonly firstAt: number;
}

/** Puts thousands of closed threads straight into the embedded store's tables, as creating each would. */
export function insertThreads(db: Sqlite, { count, of, firstAt }: Rows): void {
  // The numbers below `?`, which a table would have to hold otherwise.
  const numbers = (sql: string) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) ${sql}`;
  const addThreads = db.change(
    numbers(
      'INSERT INTO threads (id, title, created_by, created_at, members, metadata) ' +
        "SELECT ? || '-' || i, '', ?, ?, json_array(?), '{}' FROM n",
    ),
  );
  const addActivity = db.change(
    'INSERT INTO activity (thread, id, open, updated_at, head_seq) ' +
      'SELECT key, id, 0, ? + CAST(substr(id, length(?) + 2) AS INTEGER), 0 FROM threads WHERE created_by = ?',
  );
  const addUsers = db.change(
    'INSERT INTO thread_users (user_id, thread) SELECT ?, key FROM threads WHERE created_by = ?',
  );
  db.write(() => {
    addThreads(count, of, of, firstAt, of);
    addActivity(firstAt - 1, of, of);
    addUsers(of, of);
  });
}
