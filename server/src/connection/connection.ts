import type { ConnectAuth, ErrorObject, ServerEvent, ServerPayload } from '@threadwire/protocol';
import type { Actor } from '../threads/access.ts';
import type { Announcement } from '../threads/durable-event.ts';
import type { StreamLoss, StreamProducer } from '../streams/active-stream.ts';
import type { Identity } from './authenticate.ts';
import { KeyedQueue } from '../keyed-queue.ts';
import type { TokenBucket } from './token-bucket.ts';

/** What operators see of a connection. */
export interface ConnectionFacts {
  /** The peer's, which may be a proxy's. */
  readonly address: string;
  readonly transport: string;
  /** Milliseconds since the epoch. */
  readonly connectedAt: number;
  /** What it was sent and has not taken. */
  readonly bufferedBytes: number;
  /** It has not kept up for a while. */
  readonly isSlow: boolean;
  /** From the last ping to its answer; undefined before there was one. */
  readonly roundTripMs: number | undefined;
}

/** What a connection needs of its Socket.IO socket. */
export interface ClientLink {
  readonly id: string;
  readonly facts: ConnectionFacts;
  emit(event: ServerEvent, payload: unknown): void;
  /** Ends the session; stock clients do not come back by themselves. */
  disconnect(): void;
  /** Closes the transport; stock clients reconnect by themselves. */
  closeTransport(): void;
  /** Stops and resumes reading what the client sends. */
  setReading(on: boolean): void;
  /** What answers the packet that asked for an ack by this number. */
  ackOf(id: number): (answer: unknown) => void;
  /** Says that what `send` sends is an answer, not an event. */
  answer(send: () => void): void;
  /** Resolves when so little is undelivered that a large answer may be made. */
  delivered(): Promise<void>;
  /** A packet was refused before anything was done. */
  wasted(): void;
  /** Ends the connection at once; what is undelivered is dropped. */
  cut(): void;
}

export interface ConnectionOptions {
  readonly clientId: string;
  readonly link: ClientLink;
  readonly identity: Identity;
  readonly client?: ConnectAuth['client'];
  readonly bucket: TokenBucket;
}

/** Unanswered requests above this many bytes stop the server from reading the socket. */
const maxUnansweredBytes = 1024 * 1024;
/** What a request takes here besides its own bytes. */
const requestOverheadBytes = 256;

/** No thread has this id. */
function creationKey(threadId: string): string {
  return ` create ${threadId}`;
}

/** One client's connection: who it is, what it is subscribed to, and what it is waiting for. */
export class Connection implements StreamProducer {
  readonly clientId: string;
  readonly socketId: string;
  readonly client: ConnectAuth['client'];
  /** Orders creating, subscribing and unsubscribing of one thread. */
  readonly threadQueue = new KeyedQueue();
  /** The threads it is in, or about to be in. */
  readonly subscriptions = new Set<string>();
  readonly bucket: TokenBucket;
  isClosed = false;
  /** Limits the text that it streams, in bytes; most connections have none. */
  textBucket: TokenBucket | undefined;

  readonly #link: ClientLink;
  readonly #turns = new KeyedQueue();
  #identity: Identity;
  #unansweredBytes = 0;
  #isReading = true;

  constructor(options: ConnectionOptions) {
    this.clientId = options.clientId;
    this.socketId = options.link.id;
    this.client = options.client;
    this.bucket = options.bucket;
    this.#link = options.link;
    this.#identity = options.identity;
  }

  get facts(): ConnectionFacts {
    return this.#link.facts;
  }

  get identity(): Identity {
    return this.#identity;
  }

  get actor(): Actor {
    return this.#identity.actor;
  }

  /**
   * A thread is about to be created: what is sent about it behind that waits, until the function that this resolves with is
   * called.
   */
  beginCreation(threadId: string): Promise<() => void> {
    return this.threadQueue.acquire([threadId, creationKey(threadId)]);
  }

  /** Settles when the creation of the thread that is under way has been answered; undefined where none is. */
  creationOf(threadId: string): Promise<void> | undefined {
    return this.threadQueue.released(creationKey(threadId));
  }

  /** A newer token of the same user holds from now on. */
  renew(identity: Identity): void {
    this.#identity = identity;
  }

  emit<E extends ServerEvent>(event: E, payload: ServerPayload<E>): void {
    if (!this.isClosed) this.#link.emit(event, payload);
  }

  /** What answers the packet that asked for an ack by this number. */
  ackOf(id: number): (answer: unknown) => void {
    return this.#link.ackOf(id);
  }

  /** Sends to this connection alone what was announced to others. */
  send({ event, payload }: Announcement): void {
    if (!this.isClosed) this.#link.emit(event, payload);
  }

  /** Of a stream that was taken over, or ended otherwise, its next chunk tells it. */
  streamLost({ threadId, streamId, status, reason }: StreamLoss): void {
    if (status !== 'cancelled') return;
    const event = { thread_id: threadId, stream_id: streamId };
    this.emit('stream_cancel', reason === undefined ? event : { ...event, reason });
  }

  /** Sends an error; a fatal one ends the connection, in the way that lets the client act by its retry class. */
  fail(error: ErrorObject): void {
    this.emit('error', error);
    if (!error.fatal) return;
    if (error.retry === 'later') this.closeTransport();
    else this.#link.disconnect();
  }

  closeTransport(): void {
    this.#link.closeTransport();
  }

  /** A request of this many bytes has arrived. */
  requestBegins(bytes: number): void {
    this.#unansweredBytes += bytes + requestOverheadBytes;
    this.#updateReading();
  }

  /** It was answered. */
  requestEnds(bytes: number): void {
    this.#unansweredBytes -= bytes + requestOverheadBytes;
    this.#updateReading();
  }

  /**
   * Waits for the turn of a request whose answer may be large: they are carried out one after the other, each when the
   * one before it has left. The function returned ends the turn.
   */
  async turn(): Promise<() => void> {
    const release = await this.#turns.acquire(['']);
    await this.#link.delivered();
    return release;
  }

  /** Sends an answer. */
  answer(send: () => void): void {
    if (!this.isClosed) this.#link.answer(send);
  }

  /** A packet was refused before anything was done. */
  wasted(): void {
    this.#link.wasted();
  }

  /** It is owed more events than may be kept for it: it has to come back, and recover by `after_seq`. */
  dropAsSlow(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    // No error event: it would wait behind all the others.
    this.#link.cut();
  }

  /** Whether it has so much unanswered that a further request is refused: it came through a pause. */
  get isOverloaded(): boolean {
    return this.#unansweredBytes > 4 * maxUnansweredBytes;
  }

  #updateReading(): void {
    const isReading = this.#unansweredBytes <= maxUnansweredBytes;
    if (isReading === this.#isReading || this.isClosed) return;
    this.#isReading = isReading;
    this.#link.setReading(isReading);
  }
}
