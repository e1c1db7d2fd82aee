import { utf8Bytes } from '@threadwire/protocol';
import type { ThreadHistory } from '@threadwire/protocol';
import type { Recovery } from '../metrics.ts';
import { RequestError, refused } from '../request-error.ts';
import { mayRead } from '../threads/access.ts';
import type { Tap } from '../threads/announcer.ts';
import type { ConnectionContext } from './handler.ts';

interface JoinRequest {
  readonly thread_id: string;
  readonly after_seq?: number | undefined;
  readonly limit?: number | undefined;
}

export type JoinResult =
  | { readonly ok: true; readonly history: ThreadHistory }
  | { readonly ok: false; readonly error: RequestError };

/** One thread on its way from being asked for to being joined. */
interface Join {
  readonly request: JoinRequest;
  /** Collects what is announced from before the thread is read until it is joined. */
  readonly tap: Tap;
  result: JoinResult | undefined;
}

/** Another joiner or a change of members can overtake a read; each round reads later than what overtook the last. */
const maxRounds = 20;

/**
 * Reads threads and joins them, so that no change gets lost or comes too early between the two: what is announced
 * while the history is read waits in a tap, and goes out after the answer. Result i belongs to request i.
 */
export async function joinThreads(
  context: ConnectionContext,
  requests: readonly JoinRequest[],
  totalBytes?: number,
): Promise<JoinResult[]> {
  const { announcer, connection, afterAnswer } = context;
  const release = await connection.threadQueue.acquire(requests.map((request) => request.thread_id));
  const reserved = new Set<string>();
  const joins: Join[] = [];
  afterAnswer((isOk) => {
    const unfinished: Promise<void>[] = [];
    for (const join of joins) {
      if (!isOk || !join.result?.ok) {
        context.metrics.subscribed('refused');
        abandon(join);
      } else {
        context.metrics.subscribed(recoveryOf(join.request, join.result.history));
        unfinished.push(...finish(context, join, join.result.history));
      }
    }
    if (unfinished.length === 0) release();
    else void Promise.all(unfinished).finally(release);
  });
  function abandon({ tap, request }: Join): void {
    drop(context, tap);
    if (reserved.has(request.thread_id)) connection.subscriptions.delete(request.thread_id);
  }

  // Beside those that turn out not to be there, more may be asked for than there are places.
  const isFull = connection.subscriptions.size >= context.maxSubscriptions;
  const results = requests.map((request): Join | JoinResult => {
    if (!connection.subscriptions.has(request.thread_id)) {
      if (isFull) {
        context.metrics.subscribed('refused');
        return tooManySubscriptions(context);
      }
      connection.subscriptions.add(request.thread_id);
      reserved.add(request.thread_id);
    }
    const join: Join = { request, tap: announcer.tap(request.thread_id), result: undefined };
    joins.push(join);
    return join;
  });
  for (let round = 0, pending = joins; pending.length > 0; round++) {
    if (round === maxRounds) throw new RequestError('overloaded', 'The thread changes too fast to be joined.');
    await read(context, joins, pending, totalBytes);
    pending = pending.filter((join) => !isSettled(context, join));
  }
  refuseExcess(context, joins, reserved);
  return results.map((entry) => ('tap' in entry ? entry.result! : entry));
}

/** The first that can be joined get the places that there are; what cannot be joined takes none. */
function refuseExcess(context: ConnectionContext, joins: readonly Join[], reserved: ReadonlySet<string>): void {
  const { subscriptions } = context.connection;
  const { maxSubscriptions } = context;
  if (subscriptions.size <= maxSubscriptions) return;
  const others = [...subscriptions].filter((threadId) => !reserved.has(threadId)).length;
  const placed = new Set<string>();
  for (const join of joins) {
    const { thread_id: threadId } = join.request;
    if (!join.result?.ok || !reserved.has(threadId) || placed.has(threadId)) continue;
    if (others + placed.size < maxSubscriptions) placed.add(threadId);
    else join.result = tooManySubscriptions(context);
  }
}

function recoveryOf({ after_seq: afterSeq }: JoinRequest, { recovered }: ThreadHistory): Recovery {
  if (afterSeq === undefined) return 'not_asked';
  return recovered ? 'recovered' : 'not_recovered';
}

function tooManySubscriptions({ maxSubscriptions }: ConnectionContext): JoinResult {
  const text = `A connection holds at most ${maxSubscriptions} subscriptions.`;
  return { ok: false, error: new RequestError('too_many_subscriptions', text) };
}

async function read(
  { store, connection }: ConnectionContext,
  joins: readonly Join[],
  pending: readonly Join[],
  totalBytes?: number,
): Promise<void> {
  for (const { tap } of pending) tap.accessChanged = false;
  // What the last round read, and this one need not read again.
  const others = pending.length === joins.length ? [] : joins.filter(isNotIn(pending));
  const results = await store.histories(
    pending.map(({ request }) => ({
      threadId: request.thread_id,
      // As it is now: a new token may have taken rights away since the request came.
      actor: connection.actor,
      afterSeq: request.after_seq,
      limit: request.limit,
    })),
    totalBytes === undefined
      ? undefined
      : Math.max(0, totalBytes - others.reduce((sum, join) => sum + bytesOf(join), 0)),
  );
  for (const [i, join] of pending.entries()) {
    const result = results[i]!;
    join.result = result.ok ? result : { ok: false, error: refused(result) };
  }
}

function isNotIn(some: readonly Join[]): (join: Join) => boolean {
  const set = new Set(some);
  return (join) => !set.has(join);
}

function bytesOf({ result }: Join): number {
  return result?.ok ? utf8Bytes(JSON.stringify(result.history.messages)) : 0;
}

function isSettled({ announcer }: ConnectionContext, { tap, result }: Join): boolean {
  if (!result?.ok) return true;
  return !tap.accessChanged && announcer.covers(tap, result.history.head_seq);
}

/** Joins the thread and sends what came since its history was read. Returns what is left to wait for, if anything. */
function finish(context: ConnectionContext, join: Join, history: ThreadHistory): Promise<void>[] {
  const { announcer, rooms, connection } = context;
  if (join.tap.accessChanged) return [finishIfAllowed(context, join, history)];
  if (connection.isClosed) {
    drop(context, join.tap);
    return [];
  }
  for (const announced of announcer.close(join.tap, history)) connection.send(announced);
  // It may have been evicted, and let in again, while it was subscribing again.
  connection.subscriptions.add(join.request.thread_id);
  rooms.join(join.request.thread_id, connection);
  // The store may be ahead of what was announced here.
  announcer.observe(join.request.thread_id, history.head_seq);
  return [];
}

/** Closes the tap of a join that comes to nothing; a thread that nobody else listens to is forgotten with it. */
function drop({ announcer, rooms }: ConnectionContext, tap: Tap): void {
  announcer.drop(tap);
  if (rooms.isEmpty(tap.threadId)) announcer.forget(tap.threadId);
}

/** The members changed in the moment before the answer: the tap stays open until it is clear who may read. */
async function finishIfAllowed(context: ConnectionContext, join: Join, history: ThreadHistory): Promise<void> {
  const { store, connection } = context;
  try {
    join.tap.accessChanged = false;
    const [thread] = await store.threads([join.request.thread_id]);
    if (thread && mayRead(thread, connection.actor)) {
      await Promise.all(finish(context, join, history));
      return;
    }
    const error = new RequestError('forbidden', 'You may no longer read this thread.', {
      thread_id: join.request.thread_id,
    });
    context.metrics.refused(error.code);
    connection.fail(error.toObject());
  } catch {
    // It believes that it is subscribed, so it has to start again.
    connection.closeTransport();
  }
  drop(context, join.tap);
  connection.subscriptions.delete(join.request.thread_id);
}
