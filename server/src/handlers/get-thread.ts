import type { Thread } from '@threadwire/protocol';
import { refused } from '../request-error.ts';
import { threadNotFound } from '../store/rules.ts';
import { mayRead } from '../threads/access.ts';
import type { RequestContext } from './handler.ts';

/** Answers one thread; a route of the HTTP API, with no event of its own. */
export async function getThread(
  { store, actor }: RequestContext,
  { thread_id }: { thread_id: string },
): Promise<{ thread: Thread }> {
  const [thread] = await store.threads([thread_id]);
  if (!thread || !mayRead(thread, actor)) throw refused(threadNotFound(thread_id));
  return { thread };
}
