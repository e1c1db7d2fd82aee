import Database from 'libsql';

export type SqlValue = string | number | null;

/** One connection, as typed rows of values. Synchronous: for worker threads only. */
export class Sqlite {
  readonly #db: Database.Database;

  constructor(file: string) {
    this.#db = new Database(file);
    this.#db.exec('PRAGMA busy_timeout = 5000');
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** A statement that changes rows; answers how many it changed. */
  change(sql: string): (...values: SqlValue[]) => number {
    const statement = this.#db.prepare<SqlValue[][]>(sql);
    return (...values) => statement.run(values).changes;
  }

  /** A statement that inserts one row; answers its key. */
  insert(sql: string): (...values: SqlValue[]) => number {
    const statement = this.#db.prepare<SqlValue[][]>(sql);
    return (...values) => statement.run(values).lastInsertRowid as number;
  }

  // In libsql 0.5 a `get` that follows an `all` of the same statement ignores its values, so each statement is used in
  // one way only.

  /** A statement that reads at most one row. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever writes the SQL knows its columns
  one<Row extends readonly SqlValue[]>(sql: string): (...values: SqlValue[]) => Row | undefined {
    const statement = this.#db.prepare<SqlValue[][]>(sql).raw();
    return (...values) => statement.get(values) as Row | undefined;
  }

  /** A statement that reads rows, always to the end: one left half read would hold its snapshot. */
  many<Row extends readonly SqlValue[]>(sql: string): (...values: SqlValue[]) => Row[] {
    const statement = this.#db.prepare<SqlValue[][]>(sql).raw();
    return (...values) => statement.all(values) as Row[];
  }

  /** Takes the write lock, runs `work` and commits; rolls back if anything throws. */
  write<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  /** Runs `work` on one snapshot. */
  async read<T>(work: () => T | Promise<T>): Promise<T> {
    this.#db.exec('BEGIN');
    try {
      return await work();
    } finally {
      // Nothing was written, so there is nothing that a commit would add.
      this.#rollback();
    }
  }

  close(): void {
    this.#db.close();
  }

  #rollback(): void {
    try {
      this.#db.exec('ROLLBACK');
    } catch {
      // After some errors SQLite has rolled back already.
    }
  }
}
