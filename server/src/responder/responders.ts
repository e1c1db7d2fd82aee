import { limits } from '@threadwire/protocol';
import type { Message, Thread } from '@threadwire/protocol';
import type { Logger } from '../logger.ts';
import type { AbandonedStream, ThreadStore } from '../store/thread-store.ts';
import type { Streams } from '../streams/streams.ts';
import type { Change } from '../threads/durable-event.ts';
import type { ChosenResponder } from './choose-responder.ts';
import { Reply, assistant, replyKey } from './reply.ts';
import type { ReplyPorts } from './reply.ts';
import { overlapOf } from './responder-config.ts';
import type { Overlap } from './responder-config.ts';

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
/** What came while no server ran is answered when one starts, if it is no older than this. */
const catchUpMs = 60 * 60 * 1000;
const maxThreadsLookedThrough = 1000;

/** The replies of a thread, in the order in which their messages came: those that run, and those that wait. */
type Line = Reply[];

/**
 * Answers messages of the role `user` in threads whose metadata asks for it: each by one reply, streamed as the user
 * `assistant`. Its key says which message it answers, so that it is made once, whoever makes it.
 */
export class Responders {
  readonly #ports: RespondersPorts;
  readonly #replyPorts: ReplyPorts;
  readonly #known = new Map<string, { overlap: Promise<Overlap | undefined>; at: number }>();
  readonly #lines = new Map<string, Line>();
  #isStopped = false;

  constructor(ports: RespondersPorts) {
    this.#ports = ports;
    const { streams, store, logger } = ports;
    this.#replyPorts = { respond: ports.responder.respond, streams, store, logger };
  }

  /** How many replies are under way, or wait. */
  get size(): number {
    let size = 0;
    for (const line of this.#lines.values()) size += line.length;
    return size;
  }

  /** A change of a thread was committed here. */
  committed(change: Change): void {
    if (change.event === 'thread_message' && isQuestion(change.payload)) void this.#answer(change.payload);
  }

  /** A thread was changed here. */
  changed({ id }: Thread): void {
    this.#known.delete(id);
  }

  /**
   * Goes on with the reply that a server was streaming when it went, if it can be gone on with: that takes a responder
   * which would say the same again. False where the stream is not such a reply.
   */
  async takeUp({ id, threadId }: Omit<AbandonedStream, 'epoch'>): Promise<boolean> {
    const { store, responder } = this.#ports;
    if (!responder.isRepeatable || this.#isStopped) return false;
    const stream = await store.findStream(id);
    const question = stream && (await this.#questionOf(stream.message));
    if (!question) return false;
    const line = this.#line(threadId);
    if (line.some(({ message }) => message.id === question.id)) return true;
    this.#begin(line, new Reply(question, this.#replyPorts), true);
    return true;
  }

  /** Answers what came while no server ran, and goes on with what one left; once, when the server has started. */
  async catchUp(): Promise<void> {
    const { store, now, logger } = this.#ports;
    const since = now() - catchUpMs;
    try {
      let after: Parameters<ThreadStore['listThreads']>[0]['after'];
      for (let looked = 0; looked < maxThreadsLookedThrough && !this.#isStopped;) {
        const page = await store.listThreads({ actor: assistant, after, limit: limits.maxListPage });
        for (const thread of page.threads) {
          if (overlapOf(thread.metadata)) await this.#catchUpOn(thread, since);
        }
        looked += page.threads.length;
        after = page.next;
        if (!after || after.updatedAt < since) return;
      }
    } catch (error) {
      logger.warn({ err: error }, 'what came before the start is not answered');
    }
  }

  /** Gives up all replies; they are gone on with by whoever takes up their streams. */
  stop(): void {
    this.#isStopped = true;
    for (const line of this.#lines.values()) for (const reply of line) reply.stop();
    this.#lines.clear();
  }

  async #catchUpOn({ id: threadId }: Thread, since: number): Promise<void> {
    const { store, responder } = this.#ports;
    const [read] = await store.histories([{ threadId, actor: assistant }]);
    if (!read?.ok) return;
    const { messages, streaming } = read.history;
    const keys = new Set([...messages, ...streaming].filter(isReply).map((message) => message.message_id));
    for (const message of messages) {
      const isNew = Date.parse(message.created_at) >= since;
      if (isNew && isQuestion(message) && !keys.has(replyKey(message.id))) await this.#answer(message);
    }
    // Where this is the only process, whoever streamed it has gone.
    if (store.kind !== 'embedded' || !responder.isRepeatable) return;
    for (const { id } of streaming.filter(isReply)) {
      if (!this.#ports.streams.active.has(id)) await this.takeUp({ id, threadId });
    }
  }

  async #answer(message: Message): Promise<void> {
    const { thread_id: threadId } = message;
    const overlap = await this.#overlapOf(threadId).catch(() => undefined);
    if (!overlap || this.#isStopped) return;
    const line = this.#line(threadId);
    const reply = new Reply(message, this.#replyPorts);
    if (overlap === 'cancel_previous') {
      for (const earlier of line.splice(0)) earlier.cancel('A newer message came.');
    }
    if (overlap === 'queue' && line.length > 0) line.push(reply);
    else this.#begin(line, reply, false);
  }

  #begin(line: Line, reply: Reply, takeUp: boolean): void {
    if (!line.includes(reply)) line.push(reply);
    void reply.run(takeUp).finally(() => {
      const { thread_id: threadId } = reply.message;
      const index = line.indexOf(reply);
      if (index >= 0) line.splice(index, 1);
      const [next] = line;
      if (next) {
        if (!next.isStarted && !this.#isStopped) this.#begin(line, next, false);
      } else if (this.#lines.get(threadId) === line) {
        this.#lines.delete(threadId);
      }
    });
  }

  #line(threadId: string): Line {
    let line = this.#lines.get(threadId);
    if (!line) {
      line = [];
      this.#lines.set(threadId, line);
    }
    return line;
  }

  #overlapOf(threadId: string): Promise<Overlap | undefined> {
    const { store, now } = this.#ports;
    const known = this.#known.get(threadId);
    if (known && (store.kind === 'embedded' || now() - known.at < knownForMs)) return known.overlap;
    const overlap = store.threads([threadId]).then(([thread]) => thread && overlapOf(thread.metadata));
    this.#known.delete(threadId);
    this.#known.set(threadId, { overlap, at: now() });
    overlap.catch(() => this.#known.delete(threadId));
    if (this.#known.size > maxKnown) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest!);
    }
    return overlap;
  }

  /** The message that a reply answers. */
  async #questionOf(reply: Message): Promise<Message | undefined> {
    const to = reply.metadata['reply_to'] as { readonly id?: unknown; readonly position?: unknown } | undefined;
    if (!isReply(reply) || typeof to?.position !== 'number') return undefined;
    const [read] = await this.#ports.store.histories([
      { threadId: reply.thread_id, actor: assistant, beforePosition: to.position + 1, limit: 1 },
    ]);
    const question = read?.ok ? read.history.messages.at(-1) : undefined;
    return question && replyKey(question.id) === reply.message_id ? question : undefined;
  }
}

function isQuestion({ role, status, sender }: Message): boolean {
  return role === 'user' && status === 'complete' && sender.id !== assistant.id;
}

function isReply({ sender, message_id: messageId }: Message): boolean {
  return sender.id === assistant.id && messageId.startsWith(replyKey(''));
}
