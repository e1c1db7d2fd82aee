import type { ClientData, ClientPayload, Message, MessageStatus } from '@threadwire/protocol';
import { backoffMs } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import type { ThreadwireError } from './errors.ts';
import { OutgoingText } from './outgoing-text.ts';
import type { Requests } from './requests.ts';
import { streamClosed, takenOver, textLost } from './stream-errors.ts';
import { StreamRequests } from './stream-requests.ts';

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

/**
 * Writes one stream, across breaks. Keeps what is not known to be stored; after every break, and after every refusal that
 * may pass, it starts the same stream again, is told where to go on, and sends from there. After a break it looks first
 * whether somebody else has taken the stream over meanwhile: to start it again would take it from them.
 */
export class StreamSender {
  readonly #ports: StreamPorts;
  readonly #start: ClientPayload<'stream_start'>;
  /** Nothing is due any more, not even an answer. */
  readonly #onOver: () => void;
  readonly #requests: StreamRequests;
  readonly #abort = new AbortController();
  /** `waiting`: for the connection, or for a better time. `starting`: the server was asked where to go on. */
  #phase: 'waiting' | 'starting' | 'open' | 'over' = 'waiting';
  #message: Message | undefined;
  #status: MessageStatus = 'streaming';
  #text = new OutgoingText(0);
  /** What was sent since the last start. */
  #sent = 0;
  /** What was ever sent: text beyond it is somebody else's. */
  #everSent = 0;
  /** The connection broke since the last start. */
  #wasLost = false;
  /** The length of the streamed text at its end. */
  #endedAt: number | undefined;
  #chunksInFlight = 0;
  /** Failures since something was stored. */
  #attempt = 0;
  #cancelPause: () => void = () => undefined;
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
    this.#requests = new StreamRequests(
      ports,
      (error) => this.#refused(error),
      (error) => this.#resumeLater(error),
    );
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
    if (this.#phase === 'over' && this.#isEndedAs(ending.status)) return Promise.resolve(this.message);
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
    this.#wasLost = true;
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

  /** Readers were told that it has ended. */
  endedElsewhere(status: MessageStatus, reason: string | undefined): void {
    // The answer to the own end, or to the own cancel, says the same.
    if (status === this.#ending?.status) return;
    this.#giveUp(this.#closedError(status, reason), status);
  }

  #resume(): void {
    if (this.#phase === 'over' || this.#phase === 'starting' || this.#ports.connection.state.phase !== 'connected')
      return;
    this.#rest();
    this.#phase = 'starting';
    if (this.#message && this.#wasLost) this.#look(this.#message);
    else this.#restart();
  }

  /** Looks at the stream, and leaves it to whoever else has written to it. */
  #look({ id, thread_id }: Message): void {
    this.#requests.send('fetch_history', { thread_id, limit: 0 }, ({ streaming }) => {
      const message = streaming.find((one) => one.id === id);
      // Of one that has ended the start says how.
      if (message && message.content.length >= this.#text.stored && !this.#isOwn(message)) this.#takenOver();
      else this.#restart();
    });
  }

  #isOwn({ content }: Message): boolean {
    return content.length <= this.#everSent && this.#text.matches(content);
  }

  #restart(): void {
    this.#isAsked = true;
    this.#requests.send('stream_start', this.#start, (data) => this.#resumed(data));
  }

  #resumed({ message, offset }: ClientData<'stream_start'>): void {
    const isFirst = this.#message === undefined;
    this.#take(message);
    this.#wasLost = false;
    if (isFirst) {
      this.#text = new OutgoingText(offset);
      this.#everSent = offset;
    }
    for (const { resolve } of this.#starters.splice(0)) resolve();
    if (message.status !== 'streaming') {
      this.#ended(message, offset);
    } else if (this.#isAbandoned) {
      this.abandon();
    } else if (offset > this.#everSent) {
      this.#takenOver();
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
      this.#everSent = Math.max(this.#everSent, this.#sent);
      this.#chunksInFlight += 1;
      this.#requests.send('stream_chunk', chunk, ({ offset }) => {
        this.#chunksInFlight -= 1;
        this.#stored(offset);
        this.#pump();
      });
    }
    if (this.#phase !== 'open' || !this.#ending || this.#isEndSent || this.#sent < this.#text.length) return;
    this.#isEndSent = true;
    const end = { ...this.#ending, stream_id: this.message.id, offset: this.#text.length };
    this.#requests.send('stream_end', end, ({ message }) => {
      this.#take(message);
      this.#ended(message, end.offset);
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
      // Metadata that may not be: the stream is still this writer's.
      if (error.code === 'invalid_payload') this.#cancelHere();
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
    else this.#cancelPause = clock.after(pauseMs, () => this.#resume());
  }

  /** Nothing is under way any more. */
  #rest(): void {
    this.#cancelPause();
    this.#requests.forget();
    this.#chunksInFlight = 0;
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

  /** It has ended with so much text: as asked for, or otherwise. */
  #ended(message: Message, length: number): void {
    this.#endedAt = length;
    if (!this.#ending || !this.#isEndedAs(this.#ending.status)) {
      this.#giveUp(this.#closedError(message.status), message.status);
      return;
    }
    this.#finish();
    for (const { resolve } of this.#enders.splice(0)) resolve(message);
  }

  /** As it was to end, and with all of the text that was given here: somebody else's end says nothing of that. */
  #isEndedAs(status: MessageStatus): boolean {
    return this.message.status === status && this.#endedAt === this.#text.length;
  }

  #takenOver(): void {
    this.#giveUp(takenOver(this.#start.thread_id));
  }

  /** The server is not where this can go on: it came back without what it had stored. */
  #lostText(offset: number): void {
    const isLost = offset < this.#text.stored;
    this.#giveUp(textLost(this.#start.thread_id, offset));
    if (isLost) this.#cancelHere();
  }

  /** It was given up here, and nobody else would end it before its time is up. */
  #cancelHere(): void {
    if (this.id !== undefined)
      this.#ports.requests.call('stream_cancel', { stream_id: this.id }).catch(() => undefined);
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
    return streamClosed(this.#start.thread_id, status, reason);
  }
}
