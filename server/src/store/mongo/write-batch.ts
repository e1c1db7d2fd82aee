import { checkThread } from '../rules.ts';
import type { WriteOp, WriteResult } from '../thread-store.ts';
import type { Activity } from './activity.ts';
import type { Entry } from './append-run.ts';
import type { Collections } from './connect.ts';
import { isUnavailable } from './errors.ts';
import { readForWrite } from './read-threads.ts';
import { settleEach } from './settle-each.ts';
import { WriteContext } from './write-context.ts';
import { ThreadWriter } from './write-thread.ts';

const maxThreadsAtOnce = 16;

/** Applies batches of ops: threads beside each other, the ops of one thread in order. */
export class BatchWriter {
  readonly #collections: Collections;
  readonly #activity: Activity;
  readonly #context: WriteContext;
  readonly #threads: ThreadWriter;

  constructor(collections: Collections, activity: Activity, random: () => number) {
    this.#collections = collections;
    this.#activity = activity;
    this.#context = new WriteContext(collections);
    this.#threads = new ThreadWriter(this.#context, random);
  }

  /** See the port. Rejects after all threads have settled, so that those that can be written are. */
  async write(ops: readonly WriteOp[]): Promise<WriteResult[]> {
    if (ops.length === 0) return [];
    const entries = ops.map((op): Entry<WriteOp> => ({ op }));
    const byThread = new Map<string, Entry<WriteOp>[]>();
    for (const entry of entries) {
      const ofThread = byThread.get(entry.op.threadId);
      if (ofThread) ofThread.push(entry);
      else byThread.set(entry.op.threadId, [entry]);
    }
    const numbered = ops.filter(({ kind }) => kind !== 'stream_text').map(({ threadId }) => threadId);
    const access = await readForWrite(this.#collections, this.#context.heads, [...byThread.keys()], numbered);
    const errors = await settleEach(byThread, maxThreadsAtOnce, async ([threadId, ofThread]) => {
      for (const entry of ofThread) entry.result = checkThread(access.get(threadId), entry.op);
      const allowed = ofThread.filter(({ result }) => !result);
      if (allowed.length > 0) await this.#threads.write(threadId, allowed);
    });
    await this.#activity.record(activityOf(entries));
    if (errors.length > 0) throw errors.find(isUnavailable) ?? errors[0];
    return entries.map(({ result }) => result!);
  }
}

/** When each thread was last active, repeats included: what was noted of them may have got lost. Text is none. */
function activityOf(entries: readonly Entry<WriteOp>[]): Map<string, number> {
  const active = new Map<string, number>();
  for (const { result } of entries) {
    if (!result?.ok || !('message' in result)) continue;
    const { thread_id: id, updated_at: updatedAt } = result.message;
    active.set(id, Math.max(Date.parse(updatedAt), active.get(id) ?? 0));
  }
  return active;
}
