import type { ClientData, ClientPayload, JsonObject, Message, MessageStatus, Role, Thread } from '@threadwire/protocol';
import { limits } from '@threadwire/protocol';
import type { Logger } from '../logger.ts';
import { RequestError, invalidPayload, refused, toRequestError } from '../request-error.ts';
import { streamClosed, streamNotFound, takenOver, wrongOffset } from '../store/rules.ts';
import { StoreUnavailable } from '../store/thread-store.ts';
import type {
  MessageWritten,
  Refusal,
  ResultOf,
  StreamEndOp,
  StreamStartOp,
  StreamTextOp,
  TextWritten,
  ThreadStore,
  WriteOp,
  WriteResult,
} from '../store/thread-store.ts';
import { mayRead } from '../threads/access.ts';
import type { Actor } from '../threads/access.ts';
import type { TextChange } from '../threads/durable-event.ts';
import { ActiveStream } from './active-stream.ts';
import type { StreamProducer, TextWaiter } from './active-stream.ts';
import { storedLeaseMs } from './lease.ts';
import { Pacer } from './pacer.ts';
import { StreamText } from './stream-text.ts';

export interface StreamsPorts {
  readonly store: Pick<ThreadStore, 'findStream'>;
  /** Has the op carried out in its turn: the results of several are told to {@link Streams.settled} in the order of the calls. */
  readonly write: <Op extends WriteOp>(op: Op) => Promise<ResultOf<Op>>;
  readonly announceText: (text: TextChange) => void;
  /** The stream is about to end; its text is still here. */
  readonly onEnding: (stream: ActiveStream, op: StreamEndOp) => void;
  readonly logger: Logger;
  readonly newId: () => string;
  /** Milliseconds since the epoch: what stands in the store, for others to compare with. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets: what is measured here. */
  readonly steadyNow: () => number;
  /** Calls back after `delayMs`; injected by tests. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
  /** How long a stream waits for a producer that has gone. */
  readonly leaseMs: number;
}

/**
 * At least so long between two announcements of a stream; the protocol promises 40. Twenty in a second look steady, and each
 * costs a write to every reader.
 */
const announceEveryMs = 50;
/** How long text waits that could not be stored. */
const retryMs = 500;
/** The epoch of nobody: with it the store says why somebody must not write to a stream. */
const noEpoch = 0;

export interface StartRequest {
  readonly threadId: string;
  readonly messageId: string;
  readonly role: Role;
  readonly metadata: JsonObject;
  /** One that there is already is left as it is. */
  readonly ifNew?: boolean;
}

/**
 * The streams whose producers are on this node. Text is stored with everything else that waits for a commit, then
 * announced and acknowledged; the text of a stream that comes meanwhile is merged. The store decides who may write: what
 * is kept here only says what is to be stored next.
 */
export class Streams {
  readonly #ports: StreamsPorts;
  readonly #pacer: Pacer;
  readonly #active = new Map<string, ActiveStream>();
  readonly #ofProducer = new Map<StreamProducer, Set<ActiveStream>>();
  /** Who asked for what is being started. */
  readonly #starting = new Map<StreamStartOp, StreamProducer>();
  #isStopped = false;

  constructor(ports: StreamsPorts) {
    this.#ports = ports;
    this.#pacer = new Pacer({ now: ports.steadyNow, schedule: ports.schedule });
  }

  /** Those that have not ended, as far as this node knows. */
  get active(): ReadonlyMap<string, ActiveStream> {
    return this.#active;
  }

  /** Begins a stream, or takes up the one that the sender began with this `messageId`. */
  async start(producer: StreamProducer, request: StartRequest): Promise<ClientData<'stream_start'>> {
    const { now, newId, leaseMs, write } = this.#ports;
    const running = this.#find(request, producer.actor.id);
    if (running?.producer !== producer && this.#countOf(producer) >= limits.maxStreamsPerConnection) {
      throw new RequestError('too_many_streams', `At most ${limits.maxStreamsPerConnection} streams of a connection.`);
    }
    // Whoever takes a stream up goes on behind everything that was accepted here.
    if (running?.text.hasPart) this.#store(running);
    const at = now();
    const op: StreamStartOp = {
      kind: 'stream_start',
      actor: producer.actor,
      id: newId(),
      leaseUntil: at + storedLeaseMs(leaseMs),
      at,
      ...request,
    };
    this.#starting.set(op, producer);
    try {
      const result = await write(op);
      if (!result.ok) throw refused(result);
      return { message: result.message, offset: result.stream!.length, resumed: !result.changed };
    } finally {
      this.#starting.delete(op);
    }
  }

  /** Takes a chunk: in the order of the calls, whatever they come to. */
  take(producer: StreamProducer, chunk: ClientPayload<'stream_chunk'>, waiter: TextWaiter): void {
    const stream = this.#active.get(chunk.stream_id);
    if (stream?.producer !== producer || stream.isShutOut) {
      void this.#refuseText(producer.actor, chunk, waiter);
      return;
    }
    const { offset, delta } = chunk;
    const lengthBefore = stream.text.length;
    if (stream.ending && offset + delta.length > lengthBefore) throw refused(streamClosed(stream.ending));
    const acceptance = stream.text.accept(offset, delta);
    switch (acceptance.do) {
      case 'conflict':
        throw refused(wrongOffset(lengthBefore));
      case 'too large':
        throw new RequestError('payload_too_large', `A stream holds at most ${limits.maxStreamLength} UTF-16 units.`);
      case 'malformed':
        throw invalidPayload('The text would hold half of a surrogate pair.', {
          path: 'delta',
          message: 'must go on with the other half of a surrogate pair, or without half of one',
        });
      case 'accept':
        stream.heardAt = this.#ports.steadyNow();
        this.#proceed(stream);
        stream.whenStored(acceptance.end, waiter);
    }
  }

  /** Takes a chunk, and resolves with the length stored when it is stored and announced. */
  append(producer: StreamProducer, chunk: ClientPayload<'stream_chunk'>): Promise<number> {
    return new Promise((stored, refused) => this.take(producer, chunk, { stored, refused }));
  }

  /** Ends a stream with what was accepted. */
  async end(producer: StreamProducer, request: ClientPayload<'stream_end'>): Promise<Message> {
    const { stream_id: id, offset, status, error, metadata } = request;
    const stream = this.#active.get(id);
    const { actor } = producer;
    if (stream?.producer !== producer || stream.isShutOut) {
      // The store tells a repeat of what it was ended by.
      const threadId = await this.#threadOf(id);
      return await this.#end({ threadId, actor, id, status, epoch: noEpoch, offset });
    }
    if (offset !== stream.text.length) throw refused(wrongOffset(stream.text.length));
    stream.ending = status;
    try {
      stream.text.finish();
      await this.#storeRest(stream);
      return await this.#end({
        threadId: stream.threadId,
        actor,
        id,
        status,
        epoch: stream.epoch,
        offset,
        error,
        metadata,
      });
    } catch (thrown) {
      // The offset is right, but text before it was not stored: that is tried again.
      const isShort = thrown instanceof RequestError && thrown.extras.details?.expected_offset !== undefined;
      throw isShort ? new StoreUnavailable('text before the end was not stored') : thrown;
    } finally {
      // Where it has not ended after all it goes on.
      stream.ending = undefined;
    }
  }

  /** Ends a stream for whoever may write to its thread; one that has ended stays as it is. */
  async cancel(actor: Actor, { stream_id: id, reason }: ClientPayload<'stream_cancel'>): Promise<Message> {
    const threadId = await this.#threadOf(id);
    return await this.#end({ threadId, actor, id, status: 'cancelled', reason });
  }

  /** Ends a stream for good whose producer will not come back. */
  async interrupt(stream: ActiveStream): Promise<void> {
    if (stream.ending) return;
    stream.ending = 'interrupted';
    try {
      await this.#storeRest(stream);
      await this.#end({ threadId: stream.threadId, id: stream.id, status: 'interrupted', epoch: stream.epoch });
    } catch (error) {
      if (toRequestError(error).code === 'unavailable') throw error;
      // Whoever took it over, or ended it, has it now.
      this.#lose(stream, 'streaming', toRequestError(error));
    } finally {
      stream.ending = undefined;
    }
  }

  /** Writes anew until when a stream is its producer's. */
  renew(stream: ActiveStream): void {
    void this.#write(stream, { offset: stream.text.storedLength, text: '' });
  }

  /** The producer will not write any more: its streams wait for it to come back. */
  producerGone(producer: StreamProducer): void {
    const leaseOverAt = this.#ports.steadyNow() + this.#ports.leaseMs;
    for (const stream of this.#ofProducer.get(producer) ?? []) {
      if (stream.leaseOverAt !== undefined) continue;
      stream.leaseOverAt = leaseOverAt;
      // Others go by what stands in the store.
      this.renew(stream);
    }
  }

  /** Who may read a thread has changed: who may not any more writes nothing in it, and hears nothing of it. */
  accessChanged(thread: Thread): void {
    for (const stream of this.#active.values()) {
      const { producer, id: streamId, threadId } = stream;
      if (threadId !== thread.id) continue;
      const wasShutOut = stream.isShutOut;
      stream.isShutOut = !mayRead(thread, producer.actor);
      if (!stream.isShutOut || wasShutOut) continue;
      const error = refused(streamNotFound);
      this.#dropUnstored(stream, error);
      producer.streamLost({ threadId, streamId, status: 'streaming', error });
    }
  }

  /** What an op came to, before anybody hears of it. */
  settled(op: WriteOp, result: WriteResult): void {
    if (!result.ok) return;
    if (op.kind === 'stream_text') this.#stored(op, (result as TextWritten).length);
    else if (op.kind === 'stream_start') this.#started(op, result as MessageWritten);
    else if (op.kind === 'stream_end') this.#ended(op, result as MessageWritten);
  }

  #started(op: StreamStartOp, { message, changed, stream: state }: MessageWritten): void {
    const producer = this.#starting.get(op);
    if (message.status !== 'streaming' || !producer || (op.ifNew && !changed)) return;
    const { steadyNow, leaseMs } = this.#ports;
    const before = this.#active.get(message.id);
    const stream = new ActiveStream({
      id: message.id,
      threadId: message.thread_id,
      position: message.position,
      senderId: message.sender.id,
      messageId: message.message_id,
      content: message.content,
      epoch: state!.epoch,
      producer,
      now: steadyNow(),
    });
    if (before) {
      // Who takes up what is its own already is not fenced; what it had sent beyond the stored text it sends again.
      const isItsOwn = before.producer === producer;
      this.#lose(before, 'streaming', refused(isItsOwn ? wrongOffset(message.content.length) : takenOver));
      stream.announcedLength = before.announcedLength;
      stream.announcedAt = before.announcedAt;
    }
    if (producer.isClosed) stream.leaseOverAt = steadyNow() + leaseMs;
    this.#active.set(stream.id, stream);
    const ofProducer = this.#ofProducer.get(producer);
    if (ofProducer) ofProducer.add(stream);
    else this.#ofProducer.set(producer, new Set([stream]));
    this.#proceed(stream);
  }

  #stored({ id, epoch, offset, text }: StreamTextOp, length: number): void {
    const stream = this.#active.get(id);
    if (stream?.epoch !== epoch) return;
    if (text === '') return;
    if (!stream.producer.isClosed) stream.leaseOverAt = undefined;
    const isAll = offset === stream.announcedLength && offset + text.length === length;
    stream.text.stored(length);
    stream.pace.grown(length, this.#ports.steadyNow());
    if (this.#waitMs(stream) === 0) this.#announce(stream, isAll ? text : undefined);
    stream.stored(length);
  }

  #ended(op: StreamEndOp, { message }: MessageWritten): void {
    const { id, reason } = op;
    const stream = this.#active.get(id);
    if (!stream) return;
    this.#announce(stream);
    this.#ports.onEnding(stream, op);
    if (stream.ending === message.status && stream.ending !== 'interrupted') {
      this.#remove(stream);
      return;
    }
    this.#lose(stream, message.status, refused(streamClosed(message.status)), reason);
  }

  /** The stream is not its producer's any more. */
  #lose(stream: ActiveStream, status: MessageStatus, error: RequestError, reason?: string): void {
    const { id: streamId, threadId, producer } = stream;
    const isNews = this.#active.get(streamId) === stream;
    this.#remove(stream);
    // First, since it says more than what answers text that was on its way.
    if (isNews && !stream.isShutOut) producer.streamLost({ threadId, streamId, status, reason, error });
    stream.reject(error);
  }

  /** No more chunks are taken from now on: those that wait for the other half of a surrogate pair are answered with `error`. */
  startDraining(error: Error): void {
    for (const stream of this.#active.values()) stream.rejectHalf(error);
  }

  /** Text that could not be stored is not tried again from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Stores, or announces, what there is, as soon as that may be. */
  #proceed(stream: ActiveStream, leastWaitMs = 0): void {
    const { text, announcedLength } = stream;
    if (this.#isStopped || stream.isScheduled || stream.partsUnderWay > 0 || this.#active.get(stream.id) !== stream)
      return;
    if (!text.hasPart && announcedLength === text.storedLength) return;
    const waitMs = Math.max(leastWaitMs, this.#waitMs(stream));
    if (waitMs === 0) {
      this.#flush(stream);
      return;
    }
    stream.isScheduled = true;
    this.#pacer.after(waitMs, () => {
      stream.isScheduled = false;
      if (this.#active.get(stream.id) === stream) this.#flush(stream);
    });
  }

  #flush(stream: ActiveStream): void {
    // What is stored but not announced yet goes with it.
    if (stream.text.hasPart) this.#store(stream);
    else this.#announce(stream);
  }

  /** How long it takes until the stream may be announced again. */
  #waitMs({ announcedAt }: ActiveStream): number {
    return Math.max(0, announcedAt + announceEveryMs - this.#ports.steadyNow());
  }

  #announce(stream: ActiveStream, delta = ''): void {
    const { id, threadId, position, text, announcedLength: offset } = stream;
    const { storedLength } = text;
    if (storedLength <= offset) return;
    stream.announcedLength = storedLength;
    stream.announcedAt = this.#ports.steadyNow();
    const payload = {
      thread_id: threadId,
      stream_id: id,
      offset,
      delta: delta === '' ? text.slice(offset, storedLength) : delta,
    };
    this.#ports.announceText({ event: 'stream_chunk', threadId, position, payload });
  }

  /** Stores everything that was accepted, at the moment at which it may be announced. */
  async #storeRest(stream: ActiveStream): Promise<void> {
    while (stream.text.hasPart) {
      await stream.lastWrite;
      const waitMs = this.#waitMs(stream);
      if (waitMs > 0) await new Promise<void>((resolve) => this.#pacer.after(waitMs, resolve));
      else if (stream.text.hasPart) this.#store(stream);
    }
  }

  /** The stream that this request is for, if it runs here. */
  #find({ threadId, messageId }: StartRequest, senderId: string): ActiveStream | undefined {
    for (const stream of this.#active.values()) {
      if (stream.messageId === messageId && stream.threadId === threadId && stream.senderId === senderId) return stream;
    }
    return undefined;
  }

  #store(stream: ActiveStream): void {
    stream.partsUnderWay += 1;
    stream.lastWrite = this.#write(stream, stream.text.takePart()).then((isStored) => {
      stream.partsUnderWay -= 1;
      this.#proceed(stream, isStored ? 0 : retryMs);
    });
  }

  /** Stores text; false where it is to be tried again. Never rejects. */
  #write(stream: ActiveStream, part: { readonly offset: number; readonly text: string }): Promise<boolean> {
    const { now, steadyNow, leaseMs, write } = this.#ports;
    const { id, threadId, epoch, producer, leaseOverAt } = stream;
    const { actor } = producer;
    const { offset, text } = part;
    const at = steadyNow();
    // Whole milliseconds, as the store has it; that clock has parts of them.
    const leaseUntil = Math.round(now() + (leaseOverAt === undefined ? storedLeaseMs(leaseMs) : leaseOverAt - at));
    const isRenewal = text === '';
    return write({ kind: 'stream_text', threadId, actor, id, epoch, leaseUntil, offset, text }).then(
      (result) => {
        if (result.ok) stream.renewedAt = at;
        // Text that was on its way before it has renewed the lease.
        else if (!isRenewal || result.details?.expected_offset === undefined) this.#textRefused(stream, result);
        return result.ok;
      },
      (error: unknown) => {
        this.#textFailed(stream, isRenewal, toRequestError(error), error);
        return false;
      },
    );
  }

  #textFailed(stream: ActiveStream, isRenewal: boolean, error: RequestError, cause: unknown): void {
    const { logger } = this.#ports;
    if (error.code === 'internal') logger.error({ err: cause, stream_id: stream.id }, 'text was not stored');
    // A renewal that failed says nothing of the text on its way.
    if (isRenewal) return;
    stream.text.failed();
    stream.reject(error);
  }

  #textRefused(stream: ActiveStream, refusal: Refusal): void {
    const error = refused(refusal);
    if (refusal.code === 'stream_closed' || refusal.details?.fenced) {
      const status = (refusal.details?.status as MessageStatus | undefined) ?? 'streaming';
      this.#lose(stream, status, error);
      return;
    }
    if (refusal.details?.expected_offset !== undefined) {
      stream.reject(error);
      // What was to be stored before it was not.
      stream.text.failed();
    } else {
      // Its producer may no longer write to the thread.
      this.#dropUnstored(stream, error);
    }
  }

  #dropUnstored(stream: ActiveStream, error: RequestError): void {
    stream.reject(error);
    stream.text = new StreamText(stream.text.slice(0, stream.text.storedLength));
    stream.leaseOverAt ??= this.#ports.steadyNow() + this.#ports.leaseMs;
  }

  async #refuseText(
    actor: Actor,
    { stream_id: id, offset }: ClientPayload<'stream_chunk'>,
    waiter: TextWaiter,
  ): Promise<void> {
    try {
      const threadId = await this.#threadOf(id);
      const result = await this.#ports.write({
        kind: 'stream_text',
        threadId,
        actor,
        id,
        epoch: noEpoch,
        offset,
        text: '',
        leaseUntil: 0,
      });
      waiter.refused(refused(result.ok ? streamNotFound : result));
    } catch (error) {
      waiter.refused(error);
    }
  }

  async #end(request: Omit<StreamEndOp, 'kind' | 'at'>): Promise<Message> {
    const result = await this.#ports.write({ kind: 'stream_end', at: this.#ports.now(), ...request });
    if (!result.ok) throw refused(result);
    return result.message;
  }

  async #threadOf(id: string): Promise<string> {
    const known = this.#active.get(id)?.threadId;
    if (known !== undefined) return known;
    const found = await this.#ports.store.findStream(id);
    if (!found) throw refused(streamNotFound);
    return found.message.thread_id;
  }

  #countOf(producer: StreamProducer): number {
    let count = this.#ofProducer.get(producer)?.size ?? 0;
    for (const other of this.#starting.values()) if (other === producer) count += 1;
    return count;
  }

  #remove(stream: ActiveStream): void {
    if (this.#active.get(stream.id) === stream) this.#active.delete(stream.id);
    const ofProducer = this.#ofProducer.get(stream.producer);
    ofProducer?.delete(stream);
    if (ofProducer?.size === 0) this.#ofProducer.delete(stream.producer);
  }
}
