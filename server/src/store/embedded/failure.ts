/**
 * What went wrong in a worker. `full`: rolled back, and the connection is good. `broken`: the connection's state is not
 * to be trusted any more. `bug`: neither the disk nor the database is to blame.
 */
export interface Failure {
  readonly kind: 'full' | 'broken' | 'bug';
  readonly message: string;
}

const brokenCodes =
  /^SQLITE_(IOERR|CORRUPT|NOTADB|CANTOPEN|READONLY|PERM|PROTOCOL|NOMEM|NOLFS|BUSY|LOCKED|INTERRUPT|ABORT)/;

/** Tells the failures of the disk and the database file from bugs, by SQLite's error code. */
export function toFailure(error: unknown): Failure {
  const code = sqliteCode(error);
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'SQLITE_FULL') return { kind: 'full', message: 'the disk is full' };
  if (code.startsWith('SQLITE_IOERR')) return { kind: 'broken', message: `the disk failed: ${text} (${code})` };
  if (code.startsWith('SQLITE_CORRUPT')) return { kind: 'broken', message: `the database file is damaged: ${text}` };
  if (brokenCodes.test(code)) return { kind: 'broken', message: `${text} (${code})` };
  return { kind: 'bug', message: text };
}

/** SQLite's name of an error, such as `SQLITE_BUSY`; empty for any other. */
export function sqliteCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
