import type { ThreadAccess } from '../../threads/access.ts';
import type { AbandonedStream, StoredStream } from '../thread-store.ts';
import { bounded } from './connect.ts';
import type { Collections } from './connect.ts';
import { messageFields, toMessage } from './documents.ts';
import type { StoredMessage } from './documents.ts';
import { streamState } from './stream-facts.ts';

/** The stream of this id, with its text, and who may read it; see the port. */
export async function findStream({ messages, threads }: Collections, id: string): Promise<StoredStream | undefined> {
  const stored = await messages
    .findOne({ _id: id, epoch: { $exists: true } }, messageFields, bounded)
    .lean<StoredMessage>();
  if (!stored) return undefined;
  const thread = await threads
    .findOne({ _id: stored.thread_id }, { _id: 0, created_by: 1, members: 1 }, bounded)
    .lean<ThreadAccess>();
  if (!thread) throw new Error(`There is no thread ${stored.thread_id} of message ${id}.`);
  return { thread, message: toMessage(stored), ...streamState(stored) };
}

/** Streams whose lease has run out, those first that are so for longest; see the port. */
export async function abandonedStreams(
  { messages }: Collections,
  at: number,
  limit: number,
): Promise<AbandonedStream[]> {
  const documents = await messages
    .find({ status: 'streaming', lease_until: { $lte: new Date(at) } }, { thread_id: 1, epoch: 1 }, bounded)
    .sort({ lease_until: 1 })
    .limit(limit)
    .lean<StoredMessage[]>();
  return documents.map(({ _id: id, thread_id: threadId, epoch }) => ({ threadId, id, epoch: epoch! }));
}
