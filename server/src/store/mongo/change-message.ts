import { decideChange } from '../rules.ts';
import type { DeleteOp, EditOp, WriteResult } from '../thread-store.ts';
import { bounded } from './connect.ts';
import { maxTaken, toMessage } from './documents.ts';
import type { StoredMessage } from './documents.ts';
import { duplicateKey, isUnavailable } from './errors.ts';
import type { Retries } from './retries.ts';
import type { WriteContext } from './write-context.ts';

const fields = { taken: 0 } as const;
type ReadMessage = StoredMessage & { readonly active_at: Date };

/**
 * An edit or delete: decided on the message as it was read, written if it is still so. The unique index alone would
 * not do: of two edits of one message it lets both pass, one number apart.
 */
export async function changeMessage(
  context: WriteContext,
  op: EditOp | DeleteOp,
  retries: Retries,
): Promise<WriteResult> {
  const { messages, heads } = context;
  const { id, threadId } = op;
  const writeId = context.newWriteId();
  const read = () => messages.findOne({ _id: id, thread_id: threadId }, fields, bounded).lean<ReadMessage>();
  for (;;) {
    retries.check();
    const stored = await read();
    // An attempt whose answer was lost took effect.
    if (stored?.write_id === writeId) return { ok: true, message: toMessage(stored), changed: true };
    const message = stored ? toMessage(stored) : undefined;
    const decision = decideChange(message, op);
    if (decision.do === 'refuse') return decision.refusal;
    if (decision.do === 'nothing') return { ok: true, message: message!, changed: false };

    const head = await heads.get(threadId);
    const seq = Math.max(head.seq, stored!.seq) + 1;
    const activeAt = Math.max(op.at, head.activeAt, stored!.active_at.getTime());
    const updated = new Date(op.at);
    const { content, metadata, status } = decision.fields;
    const startedAt = performance.now();
    try {
      const { matchedCount } = await messages.updateOne(
        { _id: id, thread_id: threadId, seq: stored!.seq, status: stored!.status },
        {
          $set: {
            seq,
            content,
            metadata: JSON.stringify(metadata),
            status,
            updated_at: updated,
            active_at: new Date(activeAt),
            write_id: writeId,
          },
          $push: { taken: { $each: [seq], $slice: -maxTaken } },
        },
        bounded,
      );
      if (matchedCount === 1) {
        heads.remember(threadId, { seq, activeAt }, startedAt);
        retries.reset();
        const changed = { ...message!, seq, content, metadata, status, updated_at: updated.toISOString() };
        return { ok: true, message: changed, changed: true };
      }
    } catch (error) {
      if (!duplicateKey(error)) {
        heads.forget(threadId);
        if (!isUnavailable(error)) throw error;
        const after = await read();
        if (after?.write_id !== writeId) throw error;
        return { ok: true, message: toMessage(after), changed: true };
      }
    }
    heads.forget(threadId);
    await retries.pause();
  }
}
