import { setTimeout as delay } from 'node:timers/promises';
import type { Message } from '@threadwire/protocol';
import type { Logger } from '../logger.ts';
import { RequestError, toRequestError } from '../request-error.ts';
import type { ThreadStore } from '../store/thread-store.ts';
import type { StreamLoss, StreamProducer } from '../streams/active-stream.ts';
import type { Streams } from '../streams/streams.ts';
import type { Actor } from '../threads/access.ts';
import { ResponderError } from './responder.ts';
import type { Responder } from './responder.ts';

export interface ReplyPorts {
  readonly respond: Responder;
  readonly streams: Pick<Streams, 'start' | 'append' | 'end' | 'cancel' | 'active' | 'producerGone'>;
  readonly store: Pick<ThreadStore, 'histories'>;
  readonly logger: Logger;
}

/** Who replies. */
export const assistant: Actor = { id: 'assistant', agent: true, admin: true };

const historyLimit = 200;
/** So much text may be on its way into the store before the responder has to wait (UTF-16 units). */
const maxUnderWay = 16 * 1024;
/** How long a store that is away is waited for, each time a little longer, and how often. */
const retryMs = 500;
const maxRetries = 20;

/** The idempotency key of the reply to a message. */
export function replyKey(messageId: string): string {
  return `reply:${messageId}`;
}

/** One reply on its way: the producer of its stream. */
export class Reply implements StreamProducer {
  readonly message: Message;
  readonly actor = assistant;
  isClosed = false;
  /** It does not wait any more. */
  isStarted = false;
  readonly #ports: ReplyPorts;
  readonly #controller = new AbortController();
  /** Once it has been started. */
  #streamId: string | undefined;
  #cancelReason: string | undefined;
  #underWay = 0;
  #goOn: (() => void) | undefined;

  constructor(message: Message, ports: ReplyPorts) {
    this.message = message;
    this.#ports = ports;
  }

  streamLost({ error }: StreamLoss): void {
    this.#controller.abort(error);
  }

  /** Ends it, whatever of it has been streamed. */
  cancel(reason: string): void {
    this.#cancelReason = reason;
    if (this.#streamId === undefined) return;
    this.#ports.streams.cancel(assistant, { stream_id: this.#streamId, reason }).catch((error: unknown) => {
      this.#ports.logger.warn({ err: error, stream_id: this.#streamId }, 'a reply could not be cancelled');
    });
  }

  /** It is given up here; its stream is left to its lease. */
  stop(): void {
    this.#controller.abort(new RequestError('unavailable', 'The server stops.'));
  }

  /**
   * Streams the reply; resolves when there is nothing more to do. `takeUp`: one that broke off is gone on with, else one
   * that there is already is somebody else's.
   */
  async run(takeUp: boolean): Promise<void> {
    const { streams, logger } = this.#ports;
    this.isStarted = true;
    try {
      await this.#stream(takeUp);
    } catch (error) {
      if (!this.#controller.signal.aborted) {
        logger.warn({ err: error, message_id: this.message.id }, 'a reply could not be streamed');
      }
    } finally {
      this.isClosed = true;
      streams.producerGone(this);
    }
  }

  async #stream(takeUp: boolean): Promise<void> {
    const { id, thread_id: threadId, position } = this.message;
    const { message, offset, resumed } = await this.#persist(() =>
      this.#ports.streams.start(this, {
        threadId,
        messageId: replyKey(id),
        role: 'assistant',
        metadata: { reply_to: { id, position } },
        ifNew: !takeUp,
      }),
    );
    if (message.status !== 'streaming' || (resumed && !takeUp)) return;
    this.#streamId = message.id;
    if (this.#cancelReason !== undefined) {
      this.cancel(this.#cancelReason);
      return;
    }
    let length = 0;
    let failure: string | undefined;
    try {
      length = await this.#write(message.id, offset);
    } catch (error) {
      const { signal } = this.#controller;
      if (signal.aborted && !(signal.reason instanceof ResponderError)) throw error;
      failure = this.#explain(signal.aborted ? signal.reason : error);
      length = this.#ports.streams.active.get(message.id)?.text.length ?? 0;
    }
    const end = { stream_id: message.id, offset: length };
    await this.#persist(() =>
      failure === undefined
        ? this.#ports.streams.end(this, { ...end, status: 'complete' })
        : this.#ports.streams.end(this, { ...end, status: 'failed', error: failure }),
    );
  }

  async #write(streamId: string, heldLength: number): Promise<number> {
    const { signal } = this.#controller;
    const { respond, streams } = this.#ports;
    let offset = 0;
    for await (const delta of respond(this.message, { signal, history: () => this.#history(), heldLength })) {
      signal.throwIfAborted();
      if (delta === '') continue;
      const chunk = { stream_id: streamId, offset, delta };
      offset += delta.length;
      this.#underWay += delta.length;
      void streams
        .append(this, chunk)
        .catch((error: unknown) => this.#appendFailed(error))
        .finally(() => {
          this.#underWay -= delta.length;
          if (this.#underWay < maxUnderWay) this.#goOn?.();
        });
      if (this.#underWay >= maxUnderWay) await new Promise<void>((resolve) => (this.#goOn = resolve));
    }
    signal.throwIfAborted();
    return offset;
  }

  async #history(): Promise<Message[]> {
    const { thread_id: threadId, position: beforePosition } = this.message;
    const [read] = await this.#ports.store.histories([
      { threadId, actor: assistant, beforePosition, limit: historyLimit },
    ]);
    return read?.ok ? read.history.messages : [];
  }

  #appendFailed(error: unknown): void {
    const { code } = toRequestError(error);
    // What was accepted is stored as soon as the store is back.
    if (code === 'unavailable') return;
    const text =
      code === 'payload_too_large' ? 'The reply is too long.' : 'The reply could not be continued where it broke off.';
    this.#controller.abort(new ResponderError(text));
  }

  #explain(error: unknown): string {
    if (error instanceof ResponderError) return error.message;
    this.#ports.logger.error({ err: error, message_id: this.message.id }, 'a responder failed');
    return 'The reply could not be made.';
  }

  /** Asks again while the store is away. */
  async #persist<T>(request: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await request();
      } catch (error) {
        const { code } = toRequestError(error);
        const mayPass = code === 'unavailable' || code === 'overloaded' || code === 'too_many_streams';
        if (!mayPass || attempt === maxRetries || this.#controller.signal.aborted) throw error;
        await delay(retryMs * attempt, undefined, { signal: this.#controller.signal });
      }
    }
  }
}
