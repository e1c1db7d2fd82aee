import type { MessageStatus } from '@threadwire/protocol';
import type { RequestError } from '../request-error.ts';
import type { Actor } from '../threads/access.ts';
import { StreamText } from './stream-text.ts';

/** Who writes a stream: a connection, a request's body, or this server. */
export interface StreamProducer {
  /** As it is now. */
  readonly actor: Actor;
  /** It will not write any more. */
  readonly isClosed: boolean;
  /** A stream of its is not its any more. */
  streamLost(loss: StreamLoss): void;
}

/** Why a stream is not its producer's any more: somebody else ended it, or took it over. */
export interface StreamLoss {
  readonly threadId: string;
  readonly streamId: string;
  /** `streaming`: it was taken over. */
  readonly status: MessageStatus;
  readonly reason?: string | undefined;
  /** What answers the producer from now on. */
  readonly error: RequestError;
}

/** A chunk that waits until the text is stored up to its end. */
interface Waiter {
  readonly end: number;
  readonly resolve: (storedLength: number) => void;
  readonly reject: (error: Error) => void;
}

/** A stream whose producer is, or was last, on this node. */
export class ActiveStream {
  readonly id: string;
  readonly threadId: string;
  readonly position: number;
  readonly senderId: string;
  readonly messageId: string;
  text: StreamText;
  epoch: number;
  producer: StreamProducer;
  /** Text up to here was announced. */
  announcedLength: number;
  /** (ms) */
  announcedAt = Number.NEGATIVE_INFINITY;
  /** When its producer was last heard of (ms). */
  heardAt: number;
  /** When its lease was last written (ms). */
  renewedAt: number;
  /** When it is to be called interrupted, because its producer has gone (ms). */
  leaseOverAt: number | undefined;
  /** Text is to be stored, or announced, at a moment that is fixed already. */
  isScheduled = false;
  /** How it is about to end: no more text is taken. */
  ending: 'complete' | 'failed' | 'interrupted' | undefined;
  /** Parts on their way into the store. */
  partsUnderWay = 0;
  /** Resolves when the last of them has its answer. */
  lastWrite: Promise<void> | undefined;
  #waiters: Waiter[] = [];

  constructor(options: {
    readonly id: string;
    readonly threadId: string;
    readonly position: number;
    readonly senderId: string;
    readonly messageId: string;
    readonly content: string;
    readonly epoch: number;
    readonly producer: StreamProducer;
    readonly now: number;
  }) {
    const { id, threadId, position, senderId, messageId, content, epoch, producer, now } = options;
    this.id = id;
    this.threadId = threadId;
    this.position = position;
    this.senderId = senderId;
    this.messageId = messageId;
    this.text = new StreamText(content);
    this.announcedLength = content.length;
    this.epoch = epoch;
    this.producer = producer;
    this.heardAt = now;
    this.renewedAt = now;
  }

  /** Resolves when the text is stored up to `end`, with the length stored then. */
  whenStored(end: number): Promise<number> {
    if (end <= this.text.storedLength) return Promise.resolve(this.text.storedLength);
    return new Promise((resolve, reject) => this.#waiters.push({ end, resolve, reject }));
  }

  /** The text is stored up to here. */
  stored(length: number): void {
    this.text.stored(length);
    const { storedLength } = this.text;
    // In the order of their ends: each chunk begins where the one before it ended, or repeats it.
    this.#settle((waiter) => {
      if (waiter.end > storedLength) return false;
      waiter.resolve(storedLength);
      return true;
    });
  }

  /** Nothing that is still waited for will be stored. */
  reject(error: Error): void {
    this.#settle(({ reject }) => {
      reject(error);
      return true;
    });
  }

  #settle(isSettled: (waiter: Waiter) => boolean): void {
    if (this.#waiters.length > 0) this.#waiters = this.#waiters.filter((waiter) => !isSettled(waiter));
  }
}
