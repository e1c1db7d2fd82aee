import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.ts';
import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import { dropDatabase, freshDatabase } from './mongodb-back-end.ts';
import { MongodbProxy } from './mongodb-proxy.ts';
import { newThread } from './store-ops.ts';

/** A database of its own with one open thread, and any number of stores on it, as of several processes. */
export async function openDatabase(uri: string = freshDatabase()) {
  const opened: ThreadStore[] = [];
  const open = async (through = uri): Promise<ThreadStore> => {
    const store = await openMongoStore({ uri: through });
    opened.push(store);
    return store;
  };
  const store = await open();
  return {
    uri,
    store,
    open,
    threadId: await newThread(store),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((each) => each.close()));
      await dropDatabase(uri);
    },
  };
}

/** The same; `store` speaks to the database through a proxy, `direct` does not. */
export async function openBehindProxy() {
  const database = await openDatabase();
  const proxy = await MongodbProxy.start(database.uri);
  return {
    threadId: database.threadId,
    direct: database.store,
    store: await database.open(proxy.uri),
    proxy,
    async [Symbol.asyncDispose]() {
      // The store has something to say before its line goes.
      await database[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** What the writer program was told of one append. */
export interface Acked {
  readonly id: string;
  readonly seq: number;
  readonly changed: boolean;
}

/** Runs a process that appends `count` messages, so many at once. `acked` fills as they are acknowledged. */
export function startWriter(
  database: { readonly uri: string; readonly threadId: string },
  sender: string,
  { count, atOnce }: { count: number; atOnce: number },
) {
  const program = path.join(__dirname, 'mongodb-writer.mjs');
  const child = spawn(
    process.execPath,
    [program, database.uri, database.threadId, sender, String(count), String(atOnce)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const acked: Acked[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => acked.push(JSON.parse(line) as Acked));
  const read = new Promise((resolve) => lines.once('close', resolve));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    acked,
    /** With its exit code, when everything it said was read. */
    ended: Promise.all([exited, read]).then(([code]) => code),
    kill: () => child.kill('SIGKILL'),
  };
}
