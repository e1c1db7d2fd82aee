import { constants } from 'node:fs';
import { access, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { sqliteCode } from './failure.ts';
import { Sqlite } from './sqlite.ts';

/** The directory of the embedded store cannot be used; the message is one line for whoever started the process. */
export class DataDirError extends Error {
  override readonly name: string = 'DataDirError';
}

/** Another process, or another store of this one, has the directory open. */
export class DataDirInUse extends DataDirError {
  override readonly name = 'DataDirInUse';
}

/** A directory that is ours until released, or until the process is gone in whatever way. */
export interface LockedDataDir {
  readonly path: string;
  release(): Promise<void>;
}

/** Creates the directory where it is missing, and locks it. `dataDir` is named in errors as it was given. */
export async function lockDataDir(dataDir: string): Promise<LockedDataDir> {
  const path = resolve(dataDir);
  try {
    const created = await makeDirectory(path);
    // A new directory is durable once its parent is.
    if (created !== undefined) await syncDirectory(dirname(created));
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new DataDirError(`DATA_DIR ${dataDir} cannot be created or written: ${text(error)}`);
  }

  // SQLite's lock on an empty database: the operating system lets go of it with the process, even killed. It is taken
  // on the main thread, without waiting, so that it outlives the workers.
  const pidFile = join(path, 'lock.pid');
  let lock: Sqlite | undefined;
  try {
    lock = new Sqlite(join(path, 'lock.db'));
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY;');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if (sqliteCode(error) !== 'SQLITE_BUSY') {
      throw new DataDirError(`DATA_DIR ${dataDir} cannot be locked: ${text(error)}`);
    }
    const pid = await readFile(pidFile, 'utf8').catch(() => '');
    const holder = pid ? ` (pid ${pid.trim()})` : '';
    throw new DataDirInUse(`DATA_DIR ${dataDir} is in use by another Threadwire process${holder}`);
  }
  // Only for the other's message: a full disk must not prevent a start.
  await writeFile(pidFile, `${process.pid}\n`).catch(() => undefined);
  return {
    path,
    release: async () => {
      await rm(pidFile, { force: true }).catch(() => undefined);
      lock.exec('ROLLBACK');
      lock.close();
    },
  };
}

/**
 * Makes the directory and those above it that are missing; gives the topmost that was made. Node's own `recursive` never
 * returns where the system takes no directories, such as below `/proc`.
 */
async function makeDirectory(path: string): Promise<string | undefined> {
  const make = () => mkdir(path, { mode: 0o700 });
  try {
    await make();
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return undefined;
    if (code !== 'ENOENT') throw error;
  }
  const created = await makeDirectory(dirname(path));
  await make();
  return created ?? path;
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
