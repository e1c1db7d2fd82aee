import type { AppendOp, WriteResult } from '../thread-store.ts';
import { bounded } from './connect.ts';
import { messageFields, toMessage } from './documents.ts';
import type { MessageDocument, StoredMessage } from './documents.ts';
import { duplicateKey, isUnavailable } from './errors.ts';
import { newDocument } from './new-document.ts';
import type { Retries } from './retries.ts';
import type { WriteContext } from './write-context.ts';

/** One op of a batch, and in the end its result. */
export interface Entry<Op> {
  readonly op: Op;
  result?: WriteResult | undefined;
}

/** What names a message besides its id. No id contains a space. */
function keyOf(senderId: string, messageId: string): string {
  return `${senderId} ${messageId}`;
}

function keyOfDocument(document: StoredMessage): string {
  return keyOf(document.sender_id, document.message_id);
}

/** Consecutive appends to one thread: stored as one ordered batch, numbered from the thread's head on. */
export class AppendRun {
  readonly #context: WriteContext;
  readonly #threadId: string;
  readonly #retries: Retries;
  readonly #writeId: string;
  /** By key, in order; after the first of a key come its repeats. */
  readonly #pending = new Map<string, Entry<AppendOp>[]>();

  /** All of one thread, and one at least. */
  constructor(context: WriteContext, retries: Retries, entries: readonly Entry<AppendOp>[]) {
    this.#context = context;
    this.#threadId = entries[0]!.op.threadId;
    this.#retries = retries;
    this.#writeId = context.newWriteId();
    // Repeats are taken out before anything is numbered: a number given to one of them would be missing later.
    for (const entry of entries) {
      const key = keyOf(entry.op.actor.id, entry.op.messageId);
      const same = this.#pending.get(key);
      if (same) same.push(entry);
      else this.#pending.set(key, [entry]);
    }
  }

  /** Resolves when every entry has its result; rejects where what became of one is unknown. */
  async run(): Promise<void> {
    while (this.#pending.size > 0) await this.#attempt();
  }

  async #attempt(): Promise<void> {
    this.#retries.check();
    let head = await this.#context.heads.get(this.#threadId);
    const documents = [...this.#pending.values()].map(([first]) => {
      const document = newDocument(first!.op, head, this.#writeId);
      head = { seq: document.seq, activeAt: document.active_at.getTime() };
      return document;
    });
    const startedAt = performance.now();
    try {
      await this.#context.native.messages.insertMany(documents, { ordered: true, ...bounded });
      this.#accept(documents, startedAt);
    } catch (error) {
      const refused = duplicateKey(error);
      if (!refused) {
        this.#context.heads.forget(this.#threadId);
        return await this.#resolveUnknown(error);
      }
      // An ordered batch stops there: what comes before is stored.
      this.#accept(documents.slice(0, refused.at), startedAt);
      if (refused.at > 0) this.#retries.reset();
      await this.#afterRefusal(refused.index, documents[refused.at]!);
    }
  }

  async #afterRefusal(index: 'seq' | 'key' | 'id', refused: MessageDocument): Promise<void> {
    const { heads, messages } = this.#context;
    if (index === 'seq') {
      heads.forget(this.#threadId);
      return await this.#retries.pause();
    }
    const before = this.#pending.size;
    await this.#acceptStored();
    if (this.#pending.size < before) return;
    if (index === 'id') {
      const other = await messages.findOne({ _id: refused._id }, messageFields, bounded).lean<StoredMessage>();
      const isSame = other?.thread_id === refused.thread_id && keyOfDocument(other) === keyOfDocument(refused);
      if (other && !isSame) throw new Error(`There is another message ${refused._id}.`);
    }
    // The one that refused it is not yet durable: to call this a repeat could turn out to be wrong.
    await this.#retries.pause();
  }

  /** No answer: only what is found stored, by a majority, is known to be. */
  async #resolveUnknown(error: unknown): Promise<void> {
    if (!isUnavailable(error)) throw error;
    await this.#acceptStored();
    if (this.#pending.size > 0) throw error;
  }

  /** Gives their results to those that are stored already, by whomever. */
  async #acceptStored(): Promise<void> {
    const messageIds = new Map<string, string[]>();
    for (const [first] of this.#pending.values()) {
      const { actor, messageId } = first!.op;
      const ofSender = messageIds.get(actor.id);
      if (ofSender) ofSender.push(messageId);
      else messageIds.set(actor.id, [messageId]);
    }
    const stored = await this.#context.messages
      .find(
        {
          thread_id: this.#threadId,
          $or: [...messageIds].map(([senderId, ids]) => ({ sender_id: senderId, message_id: { $in: ids } })),
        },
        messageFields,
        bounded,
      )
      .lean<StoredMessage[]>();
    // An attempt of ours may have stored it though its answer was lost.
    for (const document of stored) this.#settle(document, document.write_id === this.#writeId);
  }

  #accept(documents: readonly MessageDocument[], at: number): void {
    for (const document of documents) this.#settle(document, true);
    const last = documents.at(-1);
    if (last) {
      this.#context.heads.remember(this.#threadId, { seq: last.seq, activeAt: last.active_at.getTime() }, at);
    }
  }

  #settle(document: StoredMessage, isNew: boolean): void {
    const key = keyOfDocument(document);
    const entries = this.#pending.get(key) ?? [];
    this.#pending.delete(key);
    const message = toMessage(document);
    for (const [i, entry] of entries.entries()) entry.result = { ok: true, message, changed: isNew && i === 0 };
  }
}
