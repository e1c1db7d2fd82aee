import type { Message } from '@threadwire/protocol';
import {
  checkNewStream,
  checkThread,
  decideStreamEnd,
  decideStreamResume,
  decideStreamText,
} from '../../../../server/src/store/rules.ts';
import { StoreUnavailable } from '../../../../server/src/store/thread-store.ts';
import type {
  MessageWritten,
  Refusal,
  ResultOf,
  StoredStream,
  StreamEndOp,
  StreamStartOp,
  StreamTextOp,
  WriteOp,
  WriteResult,
} from '../../../../server/src/store/thread-store.ts';
import { Streams } from '../../../../server/src/streams/streams.ts';
import type { TextChange } from '../../../../server/src/threads/durable-event.ts';
import { toRequestError } from '../../../../server/src/request-error.ts';
import { fakeLogger } from '../../../support/fake-services.ts';
import { ManualClock, turn } from '../../../support/manual-clock.ts';
import { messageOf } from '../changes.ts';
import { FakeProducer } from './fake-producer.ts';

type StreamOp = StreamStartOp | StreamTextOp | StreamEndOp;

interface Row {
  message: Message;
  epoch: number;
  leaseUntil: number;
  /** Also when the message's content is gone. */
  length: number;
}

interface Waiting {
  readonly op: StreamOp;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: Error) => void;
}

export const leaseMs = 30_000;

/** Streams of one thread, `t`, around a store in memory whose writes come to something when they are told to. */
export class StreamBench {
  readonly clock = new ManualClock();
  /** By how many ms the time of day was set forward, or back. */
  setMs = 0;
  readonly rows = new Map<string, Row>();
  /** Who may read the thread; nobody: everybody. */
  members: string[] = [];
  /** What is to be written, oldest first. */
  readonly waiting: Waiting[] = [];
  /** Every op that was asked for. */
  readonly asked: StreamOp[] = [];
  readonly announced: { readonly at: number; readonly text: TextChange['payload'] }[] = [];
  /** What happened, in order: announcements, changes of the thread, answers. */
  readonly happened: string[] = [];
  readonly lines: readonly unknown[];
  readonly streams: Streams;
  /** Called when an op is to be written. */
  onWrite: () => void = () => undefined;
  #seq = 0;
  #ids = 0;

  constructor(ofMs = leaseMs) {
    const { logger, lines } = fakeLogger();
    const { now, schedule } = this.clock;
    this.lines = lines;
    this.streams = new Streams({
      store: { findStream: (id) => Promise.resolve(this.#find(id)) },
      write: <Op extends WriteOp>(op: Op) => this.#write(op as unknown as StreamOp) as Promise<ResultOf<Op>>,
      announceText: ({ payload }) => {
        this.announced.push({ at: now(), text: payload });
        this.happened.push(`text ${payload.offset} ${payload.delta}`);
      },
      onEnding: () => this.happened.push('ending'),
      logger,
      newId: () => `s${++this.#ids}`,
      now: () => Math.floor(now()) + this.setMs,
      steadyNow: now,
      schedule,
      leaseMs: ofMs,
    });
  }

  /** Has everything that waits, or the first so many, take effect, and answers it. */
  async commit(count = Number.POSITIVE_INFINITY): Promise<void> {
    await turn();
    for (const entry of this.waiting.splice(0, count)) {
      const result = this.#apply(entry.op);
      this.streams.settled(entry.op, result);
      if (result.ok && 'message' in result && result.changed) {
        this.happened.push(`${result.message.status} ${result.message.seq}`);
      }
      entry.resolve(result);
    }
    await turn();
  }

  /** The store is away in the middle of everything that waits, or of the first so many: it took effect, or did not. */
  async lose(how: 'stored' | 'not stored', count = Number.POSITIVE_INFINITY): Promise<void> {
    await turn();
    for (const { op, reject } of this.waiting.splice(0, count)) {
      if (how === 'stored') this.#apply(op);
      reject(new StoreUnavailable('away'));
    }
    await turn();
  }

  /** Begins a stream, or takes it up; it is committed at once. */
  async start(producer: FakeProducer, messageId = 'm') {
    const started = this.streams.start(producer, { threadId: 't', messageId, role: 'assistant', metadata: {} });
    await this.commit();
    return await started;
  }

  /** A stream that has begun, with its producer. */
  async running(producer = new FakeProducer('bot')): Promise<{ id: string; producer: FakeProducer }> {
    const { message } = await this.start(producer);
    return { id: message.id, producer };
  }

  /** Sends a chunk, and notes how it is answered; resolves with that. */
  chunk(producer: FakeProducer, id: string, offset: number, delta: string): Promise<string> {
    return this.note(
      `chunk to ${offset + delta.length}`,
      this.streams.append(producer, { stream_id: id, offset, delta }).then(String),
    );
  }

  end(producer: FakeProducer, id: string, offset: number, status: 'complete' | 'failed' = 'complete'): Promise<string> {
    return this.note(
      'end',
      this.streams.end(producer, { stream_id: id, offset, status }).then((message) => message.status),
    );
  }

  cancel(user: string, id: string): Promise<string> {
    const { actor } = new FakeProducer(user);
    return this.note(
      'cancel',
      this.streams.cancel(actor, { stream_id: id, reason: 'enough' }).then((message) => message.status),
    );
  }

  /** Notes what an answer was, or the code it was refused with. */
  note(what: string, answer: Promise<string>): Promise<string> {
    return answer
      .catch((error: unknown) => {
        const { code, details } = toRequestError(error).toObject();
        return details ? `${code} ${JSON.stringify(details)}` : code;
      })
      .then((outcome) => {
        this.happened.push(`${what}: ${outcome}`);
        return outcome;
      });
  }

  /** The announced text of a stream, which has no gap and no overlap. */
  textOf(id: string): string {
    let text = '';
    for (const { text: payload } of this.announced) {
      if (payload.stream_id !== id) continue;
      if (payload.offset !== text.length) throw new Error(`announced at ${payload.offset}, not at ${text.length}`);
      text += payload.delta;
    }
    return text;
  }

  /** How many ms lie between the announcements of a stream. */
  pauses(id: string): number[] {
    const moments = this.announced.filter(({ text }) => text.stream_id === id).map(({ at }) => at);
    return moments.slice(1).map((at, i) => at - moments[i]!);
  }

  #write(op: StreamOp): Promise<WriteResult> {
    this.asked.push(op);
    return new Promise((resolve, reject) => {
      this.waiting.push({ op, resolve, reject });
      this.onWrite();
    });
  }

  #find(id: string): StoredStream | undefined {
    const row = this.rows.get(id);
    if (!row) return undefined;
    return { thread: this.#thread, message: row.message, epoch: row.epoch, length: row.length };
  }

  get #thread() {
    return { members: this.members, created_by: 'ada' };
  }

  #apply(op: StreamOp): WriteResult {
    const refusal = checkThread(this.#thread, op);
    if (refusal) return refusal;
    if (op.kind === 'stream_start') return this.#start(op);
    const row = this.rows.get(op.id);
    const facts = row && {
      senderId: row.message.sender.id,
      status: row.message.status,
      epoch: row.epoch,
      length: row.length,
      leaseUntil: row.leaseUntil,
    };
    if (op.kind === 'stream_text') {
      const decision = decideStreamText(facts, op);
      if (!('text' in decision)) return decision;
      row!.message = { ...row!.message, content: row!.message.content + decision.text };
      row!.length = decision.length;
      row!.leaseUntil = op.leaseUntil;
      return { ok: true, length: decision.length };
    }
    const decision = decideStreamEnd(facts, op);
    if (typeof decision === 'object') return decision;
    if (decision === 'end') row!.message = { ...row!.message, status: op.status, seq: ++this.#seq };
    return written(row!, decision === 'end');
  }

  #start(op: StreamStartOp): MessageWritten | Refusal {
    const rows = [...this.rows.values()];
    const known = rows.find(({ message }) => message.message_id === op.messageId && message.sender.id === op.actor.id);
    if (known) {
      const decision = decideStreamResume({ ...known, senderId: op.actor.id, status: known.message.status }, op);
      if (typeof decision === 'object') return decision;
      if (decision === 'resume') {
        known.epoch += 1;
        known.leaseUntil = op.leaseUntil;
      }
      return written(known, false);
    }
    const refusal = checkNewStream(rows.filter(({ message }) => message.status === 'streaming').length);
    // The limit of a connection is reached in many threads.
    if (refusal && op.messageId.startsWith('m')) return refusal;
    const message = messageOf({
      id: op.id,
      seq: ++this.#seq,
      message_id: op.messageId,
      sender: { id: op.actor.id },
      role: op.role,
      content: '',
      status: 'streaming',
    });
    const row: Row = { message, epoch: 1, leaseUntil: op.leaseUntil, length: 0 };
    this.rows.set(op.id, row);
    return written(row, true);
  }
}

function written({ message, epoch, length }: Row, changed: boolean): MessageWritten {
  return { ok: true, message, changed, stream: { epoch, length } };
}
