import { limits } from '@threadwire/protocol';
import type { Message, Thread } from '@threadwire/protocol';
import type { Logger } from '../logger.ts';
import { RequestError } from '../request-error.ts';
import type { AbandonedStream, ThreadStore } from '../store/thread-store.ts';
import type { Streams } from '../streams/streams.ts';
import type { Change } from '../threads/durable-event.ts';
import type { ChosenResponder } from './choose-responder.ts';
import { isQuestion, isReply, owedReplies } from './owed-replies.ts';
import { ReplyLine } from './reply-line.ts';
import { Reply, assistant, messageAt, replyKey } from './reply.ts';
import type { ReplyPorts } from './reply.ts';
import { overlapOf } from './responder-config.ts';
import type { Overlap } from './responder-config.ts';
import { untilAvailable } from './until-available.ts';

export interface RespondersPorts {
  readonly responder: Pick<ChosenResponder, 'respond' | 'isRepeatable'>;
  readonly streams: Pick<Streams, 'start' | 'append' | 'end' | 'cancel' | 'active' | 'producerGone'>;
  readonly store: Pick<ThreadStore, 'kind' | 'threads' | 'histories' | 'listThreads' | 'findStream'>;
  readonly logger: Logger;
  readonly now: () => number;
}

/** For so many threads it is known whether somebody answers in them. */
const maxKnown = 10_000;
/** How long that holds where other processes change threads too. */
const knownForMs = 2000;
/** What a server that went left unanswered is answered by the next one, if it is no older than this. */
const catchUpMs = 60 * 60 * 1000;
const maxThreadsLookedThrough = 1000;
/** Pages of a thread. */
const maxPagesLookedThrough = 5;

/** Whether somebody answers in a thread, and how. */
interface Known {
  readonly overlap: Promise<Overlap | undefined>;
  /** Nothing where it is known by then. */
  readonly resolve: (overlap: Overlap | undefined) => void;
  readonly at: number;
}

/**
 * Answers messages of the role `user` in threads whose metadata asks for it: each by one reply, streamed as the user
 * `assistant`. Its key says which message it answers, so that it is made once, whoever makes it.
 */
export class Responders {
  readonly #ports: RespondersPorts;
  readonly #replyPorts: ReplyPorts;
  readonly #known = new Map<string, Known>();
  readonly #lines = new Map<string, ReplyLine>();
  readonly #stopping = new AbortController();

  constructor(ports: RespondersPorts) {
    this.#ports = ports;
    const { streams, store, logger } = ports;
    this.#replyPorts = { respond: ports.responder.respond, streams, store, logger };
  }

  /** How many replies are under way, or wait. */
  get size(): number {
    let size = 0;
    for (const line of this.#lines.values()) size += line.size;
    return size;
  }

  /** A change of a thread was committed here. */
  committed(change: Change): void {
    if (change.event === 'thread_message' && isQuestion(change.payload)) void this.#answer(change.payload);
  }

  /** A thread was changed here, or may have been; `before`: as it was. */
  changed(threadId: string, before?: Thread): void {
    // What is being read may be newer than the messages for which it is.
    if (before) this.#known.get(threadId)?.resolve(overlapOf(before.metadata));
    this.#known.delete(threadId);
  }

  /**
   * Goes on with the reply that a server was streaming when it went, if it can be gone on with: that takes a responder
   * which would say the same again. False where the stream is not such a reply. What that server owed in the thread besides
   * is answered, too.
   */
  async takeUp({ id, threadId }: Omit<AbandonedStream, 'epoch'>): Promise<boolean> {
    const stream = await this.#ports.store.findStream(id);
    const question = stream && (await this.#questionOf(stream.message));
    if (!question || this.#isStopped) return false;
    const isKnown = this.#lines.get(threadId)?.has(question.id) === true;
    const isTakenUp = this.#goOn(question);
    // Once: until it has been taken up it is found again in each round.
    if (!isKnown) void this.#attempt(() => this.#catchUpOn(threadId, this.#ports.now()));
    return isTakenUp;
  }

  /** Goes on with what the server before left, and answers what it owed; once, when the server has started. */
  async catchUp(): Promise<void> {
    const startedAt = this.#ports.now();
    await this.#attempt(async () => {
      for (const threadId of await this.#latestThreads(startedAt - catchUpMs)) {
        if (this.#isStopped) return;
        await this.#catchUpOn(threadId, startedAt);
      }
    });
  }

  /** Gives up all replies; they are gone on with by whoever takes up their streams. */
  stop(): void {
    this.#stopping.abort(new RequestError('unavailable', 'The server stops.'));
    for (const line of this.#lines.values()) line.stop();
    this.#lines.clear();
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Never rejects. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#isStopped) this.#ports.logger.warn({ err: error }, 'what a server that went owed is not answered');
    }
  }

  /** Goes on with the reply to this message; false where nobody here would say the same again. */
  #goOn(question: Message): boolean {
    if (!this.#ports.responder.isRepeatable) return false;
    const line = this.#line(question.thread_id);
    if (!line.has(question.id)) line.takeUp(new Reply(question, this.#replyPorts));
    return true;
  }

  /** Where somebody answers, and something has happened since then; listed at once, since what is active moves to the front. */
  async #latestThreads(since: number): Promise<string[]> {
    const ids: string[] = [];
    let after: Parameters<ThreadStore['listThreads']>[0]['after'];
    for (let looked = 0; looked < maxThreadsLookedThrough;) {
      const request = { actor: assistant, after, limit: limits.maxListPage };
      const { threads, next } = await this.#read(() => this.#ports.store.listThreads(request));
      ids.push(...threads.filter(({ metadata }) => overlapOf(metadata)).map(({ id }) => id));
      looked += threads.length;
      if (!next || next.updatedAt < since) break;
      after = next;
    }
    return ids;
  }

  async #catchUpOn(threadId: string, startedAt: number): Promise<void> {
    const { store, responder, streams } = this.#ports;
    const since = startedAt - catchUpMs;
    const left = await this.#latest(threadId, since);
    if (!left) return;
    const { thread, streaming, messages } = left;
    // Where this is the only process, whoever streamed it has gone. Before what came later, as if nothing had happened.
    if (store.kind === 'embedded' && responder.isRepeatable) {
      for (const reply of streaming) {
        const question = streams.active.has(reply.id) ? undefined : await this.#read(() => this.#questionOf(reply));
        if (question && !this.#isStopped) this.#goOn(question);
      }
    }
    // What has come since then may be among it, and be answered already: it is not answered twice.
    for (const message of owedReplies(thread, [...messages, ...streaming], startedAt)) {
      if (Date.parse(message.created_at) >= since) await this.#answer(message);
    }
  }

  /** A thread with what it got since then, oldest first, as far as it is looked through. */
  async #latest(
    threadId: string,
    since: number,
  ): Promise<{ thread: Thread; streaming: Message[]; messages: Message[] } | undefined> {
    const [read] = await this.#page(threadId);
    if (!read?.ok) return undefined;
    const { thread, streaming } = read.history;
    let { messages, has_more: hasMore } = read.history;
    for (let pages = 1; hasMore && pages < maxPagesLookedThrough; pages += 1) {
      const [oldest] = messages;
      if (!oldest || Date.parse(oldest.created_at) < since) break;
      const [earlier] = await this.#page(threadId, oldest.position);
      if (!earlier?.ok) break;
      messages = [...earlier.history.messages, ...messages];
      hasMore = earlier.history.has_more;
    }
    return { thread, streaming, messages };
  }

  #page(threadId: string, beforePosition?: number): ReturnType<ThreadStore['histories']> {
    const request = { threadId, actor: assistant, beforePosition, limit: limits.maxHistoryPage };
    return this.#read(() => this.#ports.store.histories([request]));
  }

  async #answer(message: Message): Promise<void> {
    const { thread_id: threadId } = message;
    const overlap = await this.#overlapOf(threadId).catch((error: unknown) => {
      if (!this.#isStopped)
        this.#ports.logger.error({ err: error, message_id: message.id }, 'a message is not answered');
      return undefined;
    });
    if (!overlap || this.#isStopped) return;
    const line = this.#line(threadId);
    if (!line.has(message.id)) line.add(new Reply(message, this.#replyPorts), overlap);
  }

  #line(threadId: string): ReplyLine {
    let line = this.#lines.get(threadId);
    if (!line) {
      line = new ReplyLine(() => this.#lines.delete(threadId));
      this.#lines.set(threadId, line);
    }
    return line;
  }

  #overlapOf(threadId: string): Promise<Overlap | undefined> {
    const { store, now } = this.#ports;
    const known = this.#known.get(threadId);
    if (known && (store.kind === 'embedded' || now() - known.at < knownForMs)) return known.overlap;
    let resolve!: Known['resolve'];
    const overlap = new Promise<Overlap | undefined>((known, failed) => {
      resolve = known;
      this.#read(() => store.threads([threadId])).then(
        ([thread]) => known(thread && overlapOf(thread.metadata)),
        failed,
      );
    });
    const loaded = { overlap, resolve, at: now() };
    this.#known.delete(threadId);
    this.#known.set(threadId, loaded);
    overlap.catch(() => this.#known.get(threadId) === loaded && this.#known.delete(threadId));
    if (this.#known.size > maxKnown) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest!);
    }
    return overlap;
  }

  /** The message that this one answers, if it is a reply. */
  async #questionOf(reply: Message): Promise<Message | undefined> {
    const to = reply.metadata['reply_to'] as { readonly id?: unknown; readonly position?: unknown } | undefined;
    if (!isReply(reply) || typeof to?.position !== 'number') return undefined;
    const question = await messageAt(this.#ports.store, { thread_id: reply.thread_id, position: to.position });
    return question && replyKey(question.id) === reply.message_id ? question : undefined;
  }

  /** While the store is away it is waited for: a message that was stored is answered. */
  #read<T>(request: () => Promise<T>): Promise<T> {
    return untilAvailable(request, this.#stopping.signal);
  }
}
