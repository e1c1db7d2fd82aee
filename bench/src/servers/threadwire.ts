import { createServer } from '@threadwire/server';
import { openEmbeddedStore } from '../../../server/dist/store/embedded/embedded-store.js';
import { serve, serverOptions } from './control.ts';
import { threadId } from './thread-id.ts';
import { timeCommits } from './time-commits.ts';

export interface ThreadwireOptions {
  readonly dataDir: string;
  /** Threads to make first; those that a filled directory holds are there already. */
  readonly threads?: number;
  readonly isTimingCommits?: boolean;
  /** The password of an operator who may log in. */
  readonly operatorPassword?: string;
}

// Threadwire as it is served, but for its limit of events per second, on a store in this directory.
const { dataDir, threads = 0, isTimingCommits = false, operatorPassword } = serverOptions() as ThreadwireOptions;
const opened = await openEmbeddedStore({ dataDir });
const creator = { id: 'bench', admin: false, agent: true };
await Promise.all(
  Array.from({ length: threads }, (_, i) =>
    opened.createThread({ id: threadId(i), actor: creator, title: '', members: [], metadata: {}, at: Date.now() }),
  ),
);
const { store, takeCommitsMs } = isTimingCommits ? timeCommits(opened) : { store: opened, takeCommitsMs: undefined };
const server = await createServer({
  store,
  auth: { mode: 'anonymous' },
  port: 0,
  ratePerSecond: 0,
  operator: operatorPassword === undefined ? undefined : { username: 'admin', secret: { password: operatorPassword } },
});
serve(server.port, takeCommitsMs);
