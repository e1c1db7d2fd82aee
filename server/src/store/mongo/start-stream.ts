import { limits } from '@threadwire/protocol';
import { checkNewStream, decideStreamResume } from '../rules.ts';
import type { MessageWritten, Refusal, StreamStartOp } from '../thread-store.ts';
import { bounded } from './connect.ts';
import { messageFields, toMessage } from './documents.ts';
import type { StoredMessage } from './documents.ts';
import { duplicateKey, isUnavailable } from './errors.ts';
import { newDocument } from './new-document.ts';
import type { Retries } from './retries.ts';
import { streamFacts, streamState } from './stream-facts.ts';
import type { WriteContext } from './write-context.ts';

/** Begins a stream, or takes up the one that has its key. */
export async function startStream(
  context: WriteContext,
  op: StreamStartOp,
  retries: Retries,
): Promise<MessageWritten | Refusal> {
  const { messages, native, heads } = context;
  const { threadId } = op;
  const writeId = context.newWriteId();
  const key = { thread_id: threadId, sender_id: op.actor.id, message_id: op.messageId };
  const read = () => messages.findOne(key, messageFields, bounded).lean<StoredMessage>();
  for (;;) {
    retries.check();
    const stored = await read();
    // An attempt whose answer was lost stored it.
    if (stored?.write_id === writeId) return begun(stored);
    if (stored) {
      const resumed = await resume(context, stored, op);
      if (resumed) {
        retries.reset();
        return resumed;
      }
      await retries.pause();
      continue;
    }

    const head = await heads.get(threadId);
    // After the head: of one that is begun elsewhere and not counted here, the number is taken.
    const running = await messages.countDocuments(
      { thread_id: threadId, status: 'streaming' },
      { limit: limits.maxStreamsPerThread, ...bounded },
    );
    const refusal = checkNewStream(running);
    if (refusal) {
      // Among those may be this very stream, begun meanwhile by another process.
      if (!(await read())) return refusal;
      continue;
    }
    const document = newDocument(op, head, writeId);
    const startedAt = performance.now();
    try {
      await native.messages.insertOne(document, bounded);
      heads.remember(threadId, { seq: document.seq, activeAt: document.active_at.getTime() }, startedAt);
      retries.reset();
      return begun(document);
    } catch (error) {
      heads.forget(threadId);
      const refused = duplicateKey(error);
      if (!refused) {
        if (!isUnavailable(error)) throw error;
        const after = await read();
        if (after?.write_id !== writeId) throw error;
        return begun(after);
      }
      if (refused.index === 'id') await checkId(context, op);
    }
    await retries.pause();
  }
}

/** Of a stream that this write stored: epoch 1, also where it was taken over since. */
function begun(stored: StoredMessage): MessageWritten {
  return { ok: true, message: toMessage(stored), changed: true, stream: { ...streamState(stored), epoch: 1 } };
}

/** What a start comes to where a message has its key; undefined where somebody else was faster. */
async function resume(
  { messages }: WriteContext,
  stored: StoredMessage,
  op: StreamStartOp,
): Promise<MessageWritten | Refusal | undefined> {
  const decision = decideStreamResume(streamFacts(stored), op);
  if (typeof decision === 'object') return decision;
  if (decision === 'nothing') {
    return { ok: true, message: toMessage(stored), changed: false, stream: streamState(stored) };
  }
  const { epoch } = streamState(stored);
  // Answered with what it was done to: text may have come since it was read, but none can come after this.
  const taken = await messages
    .findOneAndUpdate(
      { _id: stored._id, status: 'streaming', epoch },
      { $set: { epoch: epoch + 1, lease_until: new Date(op.leaseUntil) } },
      { ...bounded, projection: messageFields, returnDocument: 'after' },
    )
    .lean<StoredMessage>();
  return taken ? { ok: true, message: toMessage(taken), changed: false, stream: streamState(taken) } : undefined;
}

/** Throws where the id is another message's. */
async function checkId({ messages }: WriteContext, op: StreamStartOp): Promise<void> {
  const other = await messages.findOne({ _id: op.id }, messageFields, bounded).lean<StoredMessage>();
  if (!other) return;
  const isSame =
    other.thread_id === op.threadId && other.sender_id === op.actor.id && other.message_id === op.messageId;
  if (!isSame) throw new Error(`There is another message ${op.id}.`);
}
