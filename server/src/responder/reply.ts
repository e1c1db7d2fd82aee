import { limits } from '@threadwire/protocol';
import type { Message } from '@threadwire/protocol';
import type { Logger } from '../logger.ts';
import { RequestError, toRequestError } from '../request-error.ts';
import type { ThreadStore } from '../store/thread-store.ts';
import type { StreamLoss, StreamProducer } from '../streams/active-stream.ts';
import type { Streams } from '../streams/streams.ts';
import type { Actor } from '../threads/access.ts';
import { placeOf } from './reply-place.ts';
import { ResponderError } from './responder.ts';
import type { Responder } from './responder.ts';
import { beginning, slices } from './slices.ts';
import { untilAborted } from './until-aborted.ts';
import { untilAvailable } from './until-available.ts';
import { wellFormed } from './well-formed.ts';

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
/** Longer pieces are stored, and sent to readers, in several. */
const maxPieceLength = maxUnderWay / 2;
const notMade = 'The reply could not be made.';
const notContinued = 'The reply could not be continued where it broke off.';

/** The idempotency key of the reply to a message. */
export function replyKey(messageId: string): string {
  return `reply:${messageId}`;
}

/** The message that stands at a position of a thread, as it is now. */
export async function messageAt(
  store: Pick<ThreadStore, 'histories'>,
  { thread_id: threadId, position }: Pick<Message, 'thread_id' | 'position'>,
): Promise<Message | undefined> {
  const [read] = await store.histories([{ threadId, actor: assistant, beforePosition: position + 1, limit: 1 }]);
  return read?.ok ? read.history.messages.at(-1) : undefined;
}

/** One reply on its way: the producer of its stream. */
export class Reply implements StreamProducer {
  readonly message: Message;
  readonly actor = assistant;
  isClosed = false;
  /** It does not wait any more. */
  isStarted = false;
  /** It did not begin when the message came: since then it may have been edited, or deleted. */
  hasWaited = false;
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

  /** Ends it, whatever of it has been streamed; one that has not begun yet is cancelled as soon as it has. */
  cancel(reason: string): void {
    if (this.#cancelReason !== undefined) return;
    this.#cancelReason = reason;
    if (this.#streamId !== undefined) this.#cancelStream(this.#streamId, reason);
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
    const question = this.hasWaited ? await this.#asItIsNow() : this.message;
    if (!question) return;
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
      this.#cancelStream(message.id, this.#cancelReason);
      return;
    }
    let length = 0;
    let failure: string | undefined;
    try {
      length = await this.#write(question, message.id, offset);
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

  /** The message, unless it was deleted. */
  async #asItIsNow(): Promise<Message | undefined> {
    const message = await this.#persist(() => messageAt(this.#ports.store, this.message));
    return message?.status === 'deleted' ? undefined : message;
  }

  async #write(question: Message, streamId: string, heldLength: number): Promise<number> {
    const { signal } = this.#controller;
    const history = (): Promise<Message[]> => this.#persist(() => this.#history());
    const said = this.#ports.respond(question, { signal, history, heldLength });
    let offset = 0;
    for await (const piece of slices(wellFormed(untilAborted(said, signal)), maxPieceLength)) {
      signal.throwIfAborted();
      const delta = beginning(piece, limits.maxStreamLength - offset);
      if (delta !== '') await this.#append({ stream_id: streamId, offset, delta });
      offset += delta.length;
      if (delta !== piece) throw new ResponderError('The reply is too long.');
    }
    signal.throwIfAborted();
    if (offset < heldLength) throw new ResponderError(notContinued);
    return offset;
  }

  /** Resolves when there may be more. */
  async #append(chunk: { readonly stream_id: string; readonly offset: number; readonly delta: string }): Promise<void> {
    const { length } = chunk.delta;
    this.#underWay += length;
    void this.#ports.streams
      .append(this, chunk)
      .catch((error: unknown) => this.#appendFailed(error))
      .finally(() => {
        this.#underWay -= length;
        if (this.#underWay < maxUnderWay) this.#goOn?.();
      });
    if (this.#underWay >= maxUnderWay) await new Promise<void>((resolve) => (this.#goOn = resolve));
  }

  async #history(): Promise<Message[]> {
    const { thread_id: threadId, position: beforePosition } = this.message;
    const [before, latest] = await this.#ports.store.histories([
      { threadId, actor: assistant, beforePosition, limit: historyLimit },
      { threadId, actor: assistant, limit: historyLimit },
    ]);
    const messages = before?.ok ? before.history.messages : [];
    // A reply to what was said before may have begun after this message had come.
    const since = latest?.ok ? latest.history.messages.filter(({ position }) => position > beforePosition) : [];
    return [...messages, ...since.filter((one) => placeOf(one) < beforePosition)];
  }

  #appendFailed(error: unknown): void {
    // What was accepted is stored as soon as the store is back, or has less to do.
    const { code } = toRequestError(error);
    if (code !== 'unavailable' && code !== 'overloaded') this.#controller.abort(new ResponderError(notContinued));
  }

  #explain(error: unknown): string {
    if (error instanceof ResponderError) return forReaders(error.message);
    this.#ports.logger.error({ err: error, message_id: this.message.id }, 'a responder failed');
    return notMade;
  }

  #cancelStream(streamId: string, reason: string): void {
    this.#persist(() => this.#ports.streams.cancel(assistant, { stream_id: streamId, reason })).catch(
      (error: unknown) => {
        if (this.#controller.signal.aborted) return;
        this.#ports.logger.warn({ err: error, stream_id: streamId }, 'a reply could not be cancelled');
      },
    );
  }

  #persist<T>(request: () => Promise<T>): Promise<T> {
    return untilAvailable(request, this.#controller.signal);
  }
}

/** As much of it as an error may hold. */
function forReaders(text: string): string {
  const bytes = Buffer.from(text.replaceAll('\0', '\uFFFD')).subarray(0, limits.maxReasonBytes);
  // A character that is cut at the end is waited for, and left out.
  return new TextDecoder().decode(bytes, { stream: true }) || notMade;
}
