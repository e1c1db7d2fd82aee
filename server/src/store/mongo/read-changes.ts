import type { Message } from '@threadwire/protocol';
import { bounded } from './connect.ts';
import type { Collections } from './connect.ts';
import { messageFields, toMessage } from './documents.ts';
import type { StoredMessage } from './documents.ts';
import { Heads } from './heads.ts';

/** What changed in a thread after a seq; see the port. */
export async function readChanges(
  { messages }: Collections,
  threadId: string,
  seq: number,
  limit: number,
): Promise<{ messages: Message[]; headSeq: number }> {
  for (;;) {
    // The head first: what it covers is there for the second read.
    const head = await new Heads(messages).read(threadId);
    const changed = await messages
      .find({ thread_id: threadId, seq: { $gt: seq } }, messageFields, { ...bounded, limit })
      .sort({ seq: 1 })
      .lean<StoredMessage[]>();
    // A scan that an edit overtakes comes by the message twice: what it covers is then hard to tell.
    if (new Set(changed.map(({ _id }) => _id)).size < changed.length) continue;
    return { messages: changed.map(toMessage), headSeq: Math.max(head.seq, changed.at(-1)?.seq ?? 0) };
  }
}
