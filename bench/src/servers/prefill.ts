import { randomUUID } from 'node:crypto';
import { openEmbeddedStore } from '../../../server/dist/store/embedded/embedded-store.js';
import type { WriteOp } from '../../../server/dist/store/thread-store.js';
import { serverOptions } from './control.ts';
import { threadId } from './thread-id.ts';

/** Threads of one kind. */
export interface Group {
  /** Leads their ids. */
  readonly name?: string;
  readonly threads: number;
  /** In each of them. */
  readonly messages: number;
}

export interface PrefillOptions {
  /** Missing or empty. */
  readonly dataDir: string;
  readonly groups: readonly Group[];
}

const batch = 2000;
/** Written ahead of what was answered, so that the store never waits for this thread. */
const batchesUnderWay = 2;
/** Calls under way; each is a commit of its own. */
const createsUnderWay = 1000;
const content = 'x'.repeat(200);
const actor = { id: 'bench', admin: false, agent: true };

/** Random like any UUID, but each above the one before it: so the indexes are filled from left to right, which is fast. */
function risingId(n: number, of: number): string {
  const prefix = Math.floor((n / of) * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
  return prefix + randomUUID().slice(8);
}

// Fills a store by its own methods, and ends.
const { dataDir, groups } = serverOptions() as PrefillOptions;
const store = await openEmbeddedStore({ dataDir });
const total = groups.reduce((sum, group) => sum + group.threads * group.messages, 0);
let ops: WriteOp[] = [];
let written = 0;
const underWay: Promise<unknown>[] = [];

async function flush(): Promise<void> {
  const rejected = store.write(ops).then((results) => {
    if (results.some(({ ok }) => !ok)) throw new Error('a message was refused');
  });
  underWay.push(rejected);
  ops = [];
  while (underWay.length >= batchesUnderWay) await underWay.shift();
}

for (const { name, threads, messages } of groups) {
  for (let i = 0; i < threads; i += createsUnderWay) {
    const ids = Array.from({ length: Math.min(createsUnderWay, threads - i) }, (_, j) => threadId(i + j, name));
    const at = Date.now();
    await Promise.all(ids.map((id) => store.createThread({ id, actor, title: id, members: [], metadata: {}, at })));
  }
  for (let i = 0; i < threads; i++) {
    for (let j = 0; j < messages; j++) {
      ops.push({
        kind: 'append',
        threadId: threadId(i, name),
        actor,
        id: risingId(written, total),
        messageId: risingId(j, messages),
        role: 'user',
        content,
        metadata: {},
        at: Date.now(),
      });
      written += 1;
      if (ops.length === batch) await flush();
    }
  }
}
await flush();
await Promise.all(underWay);
await store.close();
process.disconnect();
