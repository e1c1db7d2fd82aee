import type { Message, Thread } from '@threadwire/protocol';
import type { HistoryReader, PageBounds } from '../history.ts';
import { bounded } from './connect.ts';
import type { Collections } from './connect.ts';
import { messageFields, toMessage } from './documents.ts';
import type { StoredMessage } from './documents.ts';
import { readThreads } from './read-threads.ts';

/** Documents in one answer of the server: a page that is cut by its bytes reads at most this many in vain. */
const batchSize = 100;

/** Reads pages for a batch of requests; what all of them need is read in one query for all. */
export class MongoHistoryReader implements HistoryReader {
  readonly #collections: Collections;
  readonly #ids: readonly string[];
  #threads: Promise<Map<string, Thread>> | undefined;
  #withStreams: Promise<Set<string>> | undefined;

  constructor(collections: Collections, threadIds: Iterable<string>) {
    this.#collections = collections;
    this.#ids = [...new Set(threadIds)];
  }

  async thread(id: string): Promise<Thread | undefined> {
    this.#threads ??= readThreads(this.#collections, this.#ids);
    return (await this.#threads).get(id);
  }

  async countAfter(threadId: string, seq: number, max: number): Promise<number> {
    // Each change since took a number, so there are no more messages than numbers.
    const changes = ((await this.thread(threadId))?.head_seq ?? 0) - seq;
    if (changes < max) return Math.max(0, changes);
    return await this.#collections.messages.countDocuments(
      { thread_id: threadId, seq: { $gt: seq } },
      { limit: max, ...bounded },
    );
  }

  async afterSeq(threadId: string, seq: number, bounds: PageBounds): Promise<Message[]> {
    // Whoever comes back to many threads has missed nothing in most of them.
    if (((await this.thread(threadId))?.head_seq ?? 0) <= seq) return [];
    return await this.#page({ thread_id: threadId, seq: { $gt: seq } }, { seq: 1 }, bounds);
  }

  async beforePosition(threadId: string, position: number | undefined, bounds: PageBounds): Promise<Message[]> {
    const before = position === undefined ? undefined : { position: { $lt: position } };
    return await this.#page({ thread_id: threadId, ...before }, { position: -1 }, bounds);
  }

  async streaming(threadId: string): Promise<Message[]> {
    // Of one thread, all of it at once; of many, first which of them have any, and that only after the threads.
    if (this.#ids.length > 1) {
      this.#withStreams ??= this.#findStreams();
      if (!(await this.#withStreams).has(threadId)) return [];
    }
    const documents = await this.#collections.messages
      .find({ thread_id: threadId, status: 'streaming' }, messageFields, bounded)
      .sort({ position: 1 })
      .lean<StoredMessage[]>();
    return documents.map(toMessage);
  }

  async #findStreams(): Promise<Set<string>> {
    const documents = await this.#collections.messages
      .find({ thread_id: { $in: this.#ids }, status: 'streaming' }, { thread_id: 1 }, bounded)
      .lean<Pick<StoredMessage, 'thread_id'>[]>();
    return new Set(documents.map(({ thread_id: threadId }) => threadId));
  }

  async #page(
    filter: Record<string, unknown>,
    order: Record<string, 1 | -1>,
    { limit, enoughBytes }: PageBounds,
  ): Promise<Message[]> {
    // By id: an edit moves a message on in seq, so a scan that it overtakes comes by the message twice.
    const found = new Map<string, Message>();
    let read = 0;
    let bytes = 0;
    let counted = 0;
    const cursor = this.#collections.messages
      .find(filter, messageFields, { ...bounded, limit, batchSize, sort: order })
      .lean<StoredMessage[]>()
      .cursor();
    for await (const document of cursor as AsyncIterable<StoredMessage>) {
      read += 1;
      const message = toMessage(document);
      found.delete(message.id);
      found.set(message.id, message);
      if (message.status === 'streaming') continue;
      bytes += Buffer.byteLength(message.content);
      counted += 1;
      // One that fits always and one that no longer does: so it is known that there are more.
      if (bytes > enoughBytes && counted > 1) break;
    }
    // Cut short by such a repeat, the page would look like the last one.
    if (read === limit && found.size < read) return await this.#page(filter, order, { limit, enoughBytes });
    return [...found.values()];
  }
}
