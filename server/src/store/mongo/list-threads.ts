import type { Thread } from '@threadwire/protocol';
import { mayRead } from '../../threads/access.ts';
import type { Actor } from '../../threads/access.ts';
import type { ListCursor } from '../thread-store.ts';
import { bounded } from './connect.ts';
import type { Collections } from './connect.ts';
import type { ThreadDocument } from './documents.ts';
import { readThreads } from './read-threads.ts';

type Ordered = Pick<ThreadDocument, '_id' | 'active_at'>;

function newestFirst(a: ListCursor, b: ListCursor): number {
  return b.updatedAt - a.updatedAt || (a.id < b.id ? 1 : -1);
}

/**
 * One page of the threads that the actor may read. Each way of being allowed to has an index in list order; the page
 * is the newest of what they give. Which threads are on it is told by `active_at`, which may be a second behind; what
 * they look like, and their order on the page, by their newest messages.
 */
export async function listThreads(
  collections: Collections,
  { actor, after, limit }: { actor: Actor; after?: ListCursor | undefined; limit: number },
): Promise<{ threads: Thread[]; next?: ListCursor }> {
  const sources = actor.admin ? [{}] : [{ open: true }, { created_by: actor.id }, { members: actor.id }];
  const found = await Promise.all(
    sources.map((source) =>
      collections.threads
        .find({ ...source, ...(after && behind(after)) }, { active_at: 1 }, bounded)
        .sort({ active_at: -1, _id: -1 })
        .limit(limit + 1)
        .lean<Ordered[]>(),
    ),
  );
  const times = new Map(found.flat().map(({ _id, active_at: activeAt }) => [_id, activeAt.getTime()]));
  const ordered = [...times].map(([id, updatedAt]): ListCursor => ({ id, updatedAt })).toSorted(newestFirst);
  const page = ordered.slice(0, limit);
  const last = page.at(-1);

  const threads = await readThreads(
    collections,
    page.map(({ id }) => id),
  );
  const sorted = [...threads.values()]
    // Between the two reads the actor may have lost one.
    .filter((thread) => mayRead(thread, actor))
    .map((thread) => ({ thread, id: thread.id, updatedAt: Date.parse(thread.updated_at) }))
    .toSorted(newestFirst)
    .map(({ thread }) => thread);
  return ordered.length > limit && last ? { threads: sorted, next: last } : { threads: sorted };
}

/** Behind the cursor, in an order that the index has. */
function behind({ updatedAt, id }: ListCursor): object {
  const at = new Date(updatedAt);
  return { active_at: { $lte: at }, $or: [{ active_at: { $lt: at } }, { _id: { $lt: id } }] };
}
