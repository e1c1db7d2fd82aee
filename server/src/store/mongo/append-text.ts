import { decideStreamText } from '../rules.ts';
import type { Refusal, StreamTextOp, TextWritten } from '../thread-store.ts';
import type { Entry } from './append-run.ts';
import { bounded } from './connect.ts';
import type { StoredMessage } from './documents.ts';
import type { Retries } from './retries.ts';
import { settleEach } from './settle-each.ts';
import { streamFacts } from './stream-facts.ts';
import type { WriteContext } from './write-context.ts';

const factFields = { sender_id: 1, status: 1, epoch: 1, length: 1, lease_until: 1 } as const;
/** Of one thread; a few connections are left to others. */
const streamsAtOnce = 4;

/**
 * Appends text to a stream: one update, on the condition that its text ends there. Where the outcome is unknown it
 * rejects; the same op again does no harm.
 */
async function appendText(
  { messages, native }: WriteContext,
  op: StreamTextOp,
  retries: Retries,
): Promise<TextWritten | Refusal> {
  const { id, threadId, actor, epoch } = op;
  const lease = new Date(op.leaseUntil);
  let { offset, text } = op;
  for (;;) {
    retries.check();
    const length = offset + text.length;
    const { matchedCount } = await native.messages.updateOne(
      { _id: id, thread_id: threadId, sender_id: actor.id, status: 'streaming', epoch, length: offset },
      { $set: { length, lease_until: lease }, ...(text !== '' && { $push: { parts: text } }) },
      bounded,
    );
    if (matchedCount === 1) {
      retries.reset();
      return { ok: true, length };
    }
    const stored = await messages.findOne({ _id: id, thread_id: threadId }, factFields, bounded).lean<StoredMessage>();
    const decision = decideStreamText(streamFacts(stored), op);
    if (!('text' in decision)) return decision;
    // Some of it is there already; or what is read is not yet durable, and the same will do in a moment.
    ({ text } = decision);
    offset = decision.length - text.length;
    await retries.pause();
  }
}

/**
 * Appends text to streams of one thread: beside each other, but in order to each. Not as one bulk: its answer says how
 * many updates found their stream, not which, and whoever ends a stream right after takes away what would tell.
 */
export async function appendTexts(
  context: WriteContext,
  entries: readonly Entry<StreamTextOp>[],
  retries: Retries,
): Promise<void> {
  const byStream = new Map<string, Entry<StreamTextOp>[]>();
  for (const entry of entries) {
    const ofStream = byStream.get(entry.op.id);
    if (ofStream) ofStream.push(entry);
    else byStream.set(entry.op.id, [entry]);
  }
  const errors = await settleEach(byStream.values(), streamsAtOnce, async (ofStream) => {
    for (const entry of ofStream) entry.result = await appendText(context, entry.op, retries);
  });
  if (errors.length > 0) throw errors[0];
}
