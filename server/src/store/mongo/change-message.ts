import type { MessageWritten, Refusal } from '../thread-store.ts';
import { planChange, written } from './change-plan.ts';
import type { ChangeOp } from './change-plan.ts';
import { bounded } from './connect.ts';
import { maxTaken } from './documents.ts';
import type { StoredMessage } from './documents.ts';
import { duplicateKey, isUnavailable } from './errors.ts';
import type { Retries } from './retries.ts';
import type { WriteContext } from './write-context.ts';

const fields = { taken: 0 } as const;
type ReadMessage = StoredMessage & { readonly active_at: Date };

/**
 * An edit, a delete, or the end of a stream: decided on the message as it was read, written if it is still so. The
 * unique index alone would not do: of two edits of one message it lets both pass, one number apart.
 */
export async function changeMessage(
  context: WriteContext,
  op: ChangeOp,
  retries: Retries,
): Promise<MessageWritten | Refusal> {
  const { messages, heads } = context;
  const { id, threadId } = op;
  const writeId = context.newWriteId();
  const read = () => messages.findOne({ _id: id, thread_id: threadId }, fields, bounded).lean<ReadMessage>();
  for (let attempt = 1; ; attempt++) {
    retries.check();
    const stored = await read();
    // An attempt whose answer was lost took effect.
    if (stored?.write_id === writeId) return written(stored, op, true);
    const plan = planChange(stored, op, attempt > 1);
    if (plan === 'nothing') return written(stored!, op, false);
    if ('ok' in plan) return plan;

    const head = await heads.get(threadId);
    const seq = Math.max(head.seq, stored!.seq) + 1;
    const activeAt = Math.max(op.at, head.activeAt, stored!.active_at.getTime());
    const set = {
      ...plan.set,
      seq,
      updated_at: new Date(op.at),
      active_at: new Date(activeAt),
      write_id: writeId,
    };
    const condition = { _id: id, thread_id: threadId, seq: stored!.seq, status: stored!.status, ...plan.condition };
    const update = {
      $set: set,
      $unset: { lease_until: 1, ...(!plan.keepsParts && { parts: 1 }) },
      $push: { taken: { $each: [seq], $slice: -maxTaken } },
    };
    const startedAt = performance.now();
    try {
      let changed: StoredMessage | null = null;
      if (plan.keepsParts) {
        const options = { ...bounded, projection: fields, returnDocument: 'after' } as const;
        changed = await messages.findOneAndUpdate(condition, update, options).lean<ReadMessage>();
      } else if ((await messages.updateOne(condition, update, bounded)).matchedCount === 1) {
        const { parts: _, ...rest } = stored!;
        changed = { ...rest, ...set };
      }
      if (changed) {
        heads.remember(threadId, { seq, activeAt }, startedAt);
        retries.reset();
        return written(changed, op, true);
      }
    } catch (error) {
      if (!duplicateKey(error)) {
        heads.forget(threadId);
        if (!isUnavailable(error)) throw error;
        const after = await read();
        if (after?.write_id !== writeId) throw error;
        return written(after, op, true);
      }
    }
    heads.forget(threadId);
    await retries.pause();
  }
}
