import type { ClientPayload } from '@threadwire/protocol';
import { refused } from '../request-error.ts';
import type { Handler, RequestContext } from './handler.ts';

/** Creates the thread; `created` is false where its creator repeats the request. */
export async function createThreadOnce(context: RequestContext, payload: ClientPayload<'create_thread'>) {
  const { store, watch, actor, now, newId } = context;
  const result = await store.createThread({
    id: payload.id ?? newId(),
    actor,
    title: payload.title ?? '',
    members: payload.members ?? [],
    metadata: payload.metadata ?? {},
    at: now(),
  });
  if (!result.ok) throw refused(result, payload.id === undefined ? {} : { thread_id: payload.id });
  if (result.created) watch.changed(result.thread);
  return { thread: result.thread, created: result.created };
}

export const createThread: Handler<'create_thread'> = async (context, payload) => {
  const { connection, afterAnswer } = context;
  if (payload.id !== undefined) afterAnswer(await connection.beginCreation(payload.id));
  const { thread } = await createThreadOnce(context, payload);
  return { thread };
};
