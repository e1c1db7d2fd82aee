import type { MessageStatus } from '@threadwire/protocol';
import type { RequestError } from '../request-error.ts';
import type { Actor } from '../threads/access.ts';
import { StreamText } from './stream-text.ts';
import { TextPace } from './text-pace.ts';

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

/** Hears, once, what came of a chunk. */
export interface TextWaiter {
  /** The text is stored up to the end of the chunk, and announced; its length now. */
  stored(length: number): void;
  refused(error: unknown): void;
}

/** A chunk that waits until the text is stored up to its end. */
interface WaitingChunk {
  readonly end: number;
  readonly waiter: TextWaiter;
}

/** A stream whose producer is, or was last, on this node. Its times are of a clock that nobody sets. */
export class ActiveStream {
  readonly id: string;
  readonly threadId: string;
  readonly position: number;
  readonly senderId: string;
  readonly messageId: string;
  text: StreamText;
  epoch: number;
  producer: StreamProducer;
  /** When it was begun, or taken up, here (ms), and how long it was then. */
  readonly startedAt: number;
  readonly lengthAtStart: number;
  /** Of the text that was stored here. */
  readonly pace: TextPace;
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
  /** Its producer may not read the thread any more. */
  isShutOut = false;
  /** How it is about to end: no more text is taken. */
  ending: 'complete' | 'failed' | 'interrupted' | undefined;
  /** Parts on their way into the store. */
  partsUnderWay = 0;
  /** Resolves when the last of them has its answer. */
  lastWrite: Promise<void> | undefined;
  #waiting: WaitingChunk[] = [];

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
    this.startedAt = now;
    this.lengthAtStart = content.length;
    this.pace = new TextPace(content.length, now);
    this.announcedLength = content.length;
    this.epoch = epoch;
    this.producer = producer;
    this.heardAt = now;
    this.renewedAt = now;
  }

  /** Tells when the text is stored up to `end`. */
  whenStored(end: number, waiter: TextWaiter): void {
    if (end <= this.text.storedLength) waiter.stored(this.text.storedLength);
    else this.#waiting.push({ end, waiter });
  }

  /** The text is stored up to here. */
  stored(length: number): void {
    this.text.stored(length);
    const { storedLength } = this.text;
    const waiting = this.#waiting;
    // Mostly all of them, in the order of their ends; but a chunk may repeat one before it.
    this.#waiting = waiting.filter(({ end }) => end > storedLength);
    for (const { end, waiter } of waiting) if (end <= storedLength) waiter.stored(storedLength);
  }

  /** The other half of a surrogate pair at the end of the text will not come. */
  rejectHalf(error: Error): void {
    const { wholeLength } = this.text;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ end }) => end <= wholeLength);
    for (const { end, waiter } of waiting) if (end > wholeLength) waiter.refused(error);
  }

  /** Nothing that is still waited for will be stored. */
  reject(error: Error): void {
    for (const { waiter } of this.#waiting.splice(0)) waiter.refused(error);
  }
}
