import type { Answer, ClientData, ClientEvent, ClientPayload, Message, MessageStatus } from '@threadwire/protocol';
import { backoffMs } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { ThreadwireError, noAnswer } from './errors.ts';
import { OutgoingText } from './outgoing-text.ts';
import type { Requests } from './requests.ts';

export interface StreamPorts {
  readonly connection: Pick<Connection, 'emit' | 'state'>;
  readonly requests: Pick<Requests, 'call'>;
  readonly clock: Clock;
  readonly backoff: BackoffOptions;
  /** The message as an answer brought it. */
  readonly onMessage: (message: Message) => void;
}

/** How a stream is to be ended by its producer. */
export type StreamEnding = Pick<ClientPayload<'stream_end'>, 'status' | 'error' | 'metadata'>;

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: ThreadwireError) => void;
}

/** Text that was given and is not stored yet: with as much, writers wait. */
const maxUnstored = 64 * 1024;
/** Chunks that are under way without an answer, and the text in them. */
const maxChunksInFlight = 8;
const maxTextInFlight = 64 * 1024;
const answerTimeoutMs = 10_000;

/**
 * Writes one stream, across breaks. Keeps what is not known to be stored; after every break, and after every refusal that
 * may pass, it starts the same stream again, is told where to go on, and sends from there.
 */
export class StreamSender {
  readonly #ports: StreamPorts;
  readonly #start: ClientPayload<'stream_start'>;
  /** Nothing is due any more, not even an answer. */
  readonly #onOver: () => void;
  readonly #abort = new AbortController();
  /** `waiting`: for the connection, or for a better time. `starting`: the server was asked where to go on. */
  #phase: 'waiting' | 'starting' | 'open' | 'over' = 'waiting';
  #message: Message | undefined;
  #status: MessageStatus = 'streaming';
  #text = new OutgoingText(0);
  /** What was sent since the last start. */
  #sent = 0;
  /** Counts starts and breaks: an answer that belongs to an earlier one means nothing any more. */
  #epoch = 0;
  #chunksInFlight = 0;
  #unanswered = 0;
  /** Failures since something was stored. */
  #attempt = 0;
  #cancelTimer: () => void = () => undefined;
  #isPumpDue = false;
  #isAsked = false;
  #isAbandoned = false;
  #ending: StreamEnding | undefined;
  #isEndSent = false;
  readonly #starters: Waiter<void>[] = [];
  readonly #enders: Waiter<Message>[] = [];
  readonly #writers: (Waiter<void> & { readonly from: number })[] = [];

  constructor(ports: StreamPorts, start: ClientPayload<'stream_start'>, onOver: () => void) {
    this.#ports = ports;
    this.#start = start;
    this.#onOver = onOver;
  }

  /** As the server last gave it; there is one once it has {@link started}. */
  get message(): Message {
    return this.#message!;
  }

  /** Undefined before the first answer. */
  get id(): string | undefined {
    return this.#message?.id;
  }

  get status(): MessageStatus {
    return this.#status;
  }

  get length(): number {
    return this.#text.length;
  }

  /** Aborts when the stream is over otherwise than by {@link end}. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Resolves when the server has answered for the first time. */
  started(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#starters.push({ resolve, reject });
      this.#resume();
    });
  }

  /** Resolves once there is room for more. */
  async write(text: string): Promise<void> {
    const refusal = this.#refusal();
    if (refusal) throw refusal;
    this.#text.add(text);
    this.#pumpSoon();
    const from = this.#text.length - maxUnstored;
    if (this.#text.stored > from) return;
    await new Promise<void>((resolve, reject) => this.#writers.push({ from, resolve, reject }));
  }

  /** Resolves when all of the text is stored, and the end. */
  end(ending: StreamEnding): Promise<Message> {
    const isRepeat = this.#ending?.status === ending.status;
    const refusal = this.#refusal();
    // Also where it had ended so before this client began.
    if (this.#phase === 'over' && this.message.status === ending.status) return Promise.resolve(this.message);
    if (refusal && (this.#phase === 'over' || !isRepeat)) return Promise.reject(refusal);
    if (!this.#ending) {
      this.#ending = ending;
      this.#text.end();
    }
    return new Promise((resolve, reject) => {
      this.#enders.push({ resolve, reject });
      this.#pump();
    });
  }

  /** Ends it as it is; text that was not sent is dropped. */
  async cancel(reason?: string): Promise<Message> {
    const { status } = this.message;
    if (status !== 'streaming') return this.message;
    if (this.#phase !== 'over') this.#giveUp(this.#closedError('cancelled'), 'cancelled');
    const { message } = await this.#ports.requests.call('stream_cancel', {
      stream_id: this.message.id,
      ...(reason !== undefined && { reason }),
    });
    this.#take(message);
    return message;
  }

  /** Nobody wants it any more, be it begun or not. */
  abandon(): void {
    if (this.#phase === 'over') return;
    this.#isAbandoned = true;
    if (this.#message) this.cancel().catch(() => undefined);
    // Where the server was asked it may be there: the answer, or that to the next start, tells its id.
    else if (!this.#isAsked) this.#finish();
  }

  /** There is a connection, and nothing was sent on it yet. */
  connected(): void {
    this.#resume();
  }

  /** The connection broke. */
  lost(): void {
    this.#rest();
  }

  /** There will be no connection. */
  closed(error: ThreadwireError): void {
    this.#giveUp(error);
  }

  /** The server says that somebody cancelled it. */
  cancelled(reason: string | undefined): void {
    this.#giveUp(this.#closedError('cancelled', reason), 'cancelled');
  }

  #resume(): void {
    if (this.#phase === 'over' || this.#phase === 'starting' || this.#ports.connection.state.phase !== 'connected')
      return;
    this.#rest();
    this.#phase = 'starting';
    this.#isAsked = true;
    this.#emit('stream_start', this.#start, (data) => this.#resumed(data));
  }

  #resumed({ message, offset }: ClientData<'stream_start'>): void {
    const isFirst = this.#message === undefined;
    this.#take(message);
    if (isFirst) this.#text = new OutgoingText(offset);
    for (const { resolve } of this.#starters.splice(0)) resolve();
    if (message.status !== 'streaming') {
      this.#ended(message);
    } else if (this.#isAbandoned) {
      this.abandon();
    } else if (!this.#text.holds(offset)) {
      this.#lostText(offset);
    } else {
      this.#phase = 'open';
      this.#sent = offset;
      this.#stored(offset);
      this.#pump();
    }
  }

  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  /** Sends what may be sent. */
  #pump(): void {
    // Whoever hears first that it broke may end the stream before it is told here.
    if (this.#ports.connection.state.phase !== 'connected') return;
    while (this.#phase === 'open' && this.#chunksInFlight < maxChunksInFlight) {
      const delta = this.#text.pieceAt(this.#sent);
      const inFlight = this.#sent - this.#text.stored;
      if (!delta || (this.#chunksInFlight > 0 && inFlight + delta.length > maxTextInFlight)) break;
      const chunk = { stream_id: this.message.id, offset: this.#sent, delta };
      this.#sent += delta.length;
      this.#chunksInFlight += 1;
      this.#emit('stream_chunk', chunk, ({ offset }) => {
        this.#chunksInFlight -= 1;
        this.#stored(offset);
        this.#pump();
      });
    }
    if (this.#phase !== 'open' || !this.#ending || this.#isEndSent || this.#sent < this.#text.length) return;
    this.#isEndSent = true;
    const end = { ...this.#ending, stream_id: this.message.id, offset: this.#text.length };
    this.#emit('stream_end', end, ({ message }) => {
      this.#take(message);
      this.#ended(message);
    });
  }

  #emit<E extends ClientEvent>(event: E, payload: ClientPayload<E>, taken: (data: ClientData<E>) => void): void {
    const epoch = this.#epoch;
    this.#unanswered += 1;
    if (this.#unanswered === 1) this.#expectAnswer(event);
    this.#ports.connection.emit(event, payload, (answer: Answer<E>) => {
      if (epoch !== this.#epoch) return;
      this.#unanswered -= 1;
      this.#cancelTimer();
      if (this.#unanswered > 0) this.#expectAnswer(event);
      if (answer.ok) taken(answer.data);
      else this.#refused(new ThreadwireError(answer.error));
    });
  }

  #expectAnswer(event: ClientEvent): void {
    this.#cancelTimer = this.#ports.clock.after(answerTimeoutMs, () => {
      this.#resumeLater(noAnswer(event, `within ${answerTimeoutMs} ms`));
    });
  }

  #refused(error: ThreadwireError): void {
    const { expected_offset: expected, fenced, status } = error.details ?? {};
    if (this.#isAbandoned) {
      this.#giveUp(error);
    } else if (error.code === 'stream_closed') {
      // As asked for, it seems, where that answer was lost: starting again brings the message.
      if (status !== undefined && status === this.#ending?.status) this.#resumeLater(error);
      else this.#giveUp(error, status as MessageStatus | undefined);
    } else if (error.code === 'stream_conflict' && !fenced && expected !== undefined) {
      if (this.#text.holds(expected)) this.#resumeLater(error);
      else this.#lostText(expected);
    } else if (error.retry === 'never') {
      this.#giveUp(error);
    } else {
      // `reauth` too: the connection sees to a new token, or ends.
      this.#resumeLater(error);
    }
  }

  /** At once where the server only said where to go on, unless it says so again and again. */
  #resumeLater(refusal: ThreadwireError): void {
    const { clock, backoff } = this.#ports;
    this.#rest();
    const isHint = refusal.retry === 'never' && this.#attempt === 0;
    const pauseMs = refusal.retryAfterMs ?? backoffMs(this.#attempt, backoff, () => clock.random());
    this.#attempt += 1;
    if (isHint) this.#resume();
    else this.#cancelTimer = clock.after(pauseMs, () => this.#resume());
  }

  /** Nothing is under way any more. */
  #rest(): void {
    this.#cancelTimer();
    this.#epoch += 1;
    this.#chunksInFlight = 0;
    this.#unanswered = 0;
    this.#isEndSent = false;
    if (this.#phase !== 'over') this.#phase = 'waiting';
  }

  #stored(offset: number): void {
    if (offset > this.#text.stored) this.#attempt = 0;
    this.#text.drop(offset);
    while (this.#writers[0] && this.#text.stored > this.#writers[0].from) this.#writers.shift()!.resolve();
  }

  #take(message: Message): void {
    this.#message = message;
    this.#status = message.status;
    this.#ports.onMessage(message);
  }

  /** It has ended: as asked for, or otherwise. */
  #ended(message: Message): void {
    if (message.status !== this.#ending?.status) {
      this.#giveUp(this.#closedError(message.status), message.status);
      return;
    }
    this.#finish();
    for (const { resolve } of this.#enders.splice(0)) resolve(message);
  }

  /** The server is not where this can go on: it came back without what it had stored, or somebody else wrote. */
  #lostText(offset: number): void {
    const { id } = this.message;
    const isLost = offset < this.#text.stored;
    const message = `The server is at ${offset} of the stream's text, which cannot be gone on from.`;
    const details = { expected_offset: offset };
    this.#giveUp(new ThreadwireError({ code: 'stream_conflict', message, retry: 'never', details }));
    // Nobody else would end it before its time is up.
    if (isLost) this.#ports.requests.call('stream_cancel', { stream_id: id }).catch(() => undefined);
  }

  #giveUp(error: ThreadwireError, status = this.#status): void {
    if (this.#phase === 'over') return;
    this.#status = status;
    this.#finish();
    this.#abort.abort(error);
    for (const { reject } of this.#starters.splice(0)) reject(error);
    for (const { reject } of this.#writers.splice(0)) reject(error);
    for (const { reject } of this.#enders.splice(0)) reject(error);
  }

  #finish(): void {
    this.#phase = 'over';
    this.#rest();
    this.#onOver();
  }

  /** Why nothing more can be written. */
  #refusal(): ThreadwireError | undefined {
    if (this.signal.aborted) return this.signal.reason as ThreadwireError;
    if (this.#ending) return this.#closedError(this.#ending.status);
    return undefined;
  }

  #closedError(status: MessageStatus, reason?: string): ThreadwireError {
    return new ThreadwireError({
      code: 'stream_closed',
      message: reason === undefined ? `The stream has ended: it is ${status}.` : `The stream was ${status}: ${reason}`,
      retry: 'never',
      thread_id: this.#start.thread_id,
      details: { status },
    });
  }
}
