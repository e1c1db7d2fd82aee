import type {
  ClientData,
  ClientPayload,
  ErrorCode,
  ErrorObject,
  Message,
  Thread,
  ThreadHistory,
} from '@threadwire/protocol';
import { errorObject, messageOf, sessionOf, threadOf } from './sdk-fake-connection.ts';
import type { FakeServerEnd, FakeSocket } from './sdk-fake-socket.ts';

type Ack = (answer: unknown) => void;

interface Limits {
  /** Messages on a page. */
  readonly page: number;
  /** Changes that `after_seq` replays. */
  readonly recoverable: number;
  /** Messages in all pages of one answer to `subscribe_threads`. */
  readonly batch: number;
}

interface Room {
  /** Every thread's messages, in their latest state. */
  readonly messages: Map<string, Message>;
  head: number;
}

type StreamChanges = Pick<Message, 'status'> & Partial<Pick<Message, 'error' | 'metadata'>>;

/**
 * What the contract lets a server do, in memory and one step at a time: what it has read may be old when it is sent, events
 * may come twice, answers late, and a break takes whatever was under way.
 */
export class ModelServer implements FakeServerEnd {
  readonly limits: Limits;
  readonly #rooms = new Map<string, Room>();
  #socket: FakeSocket | undefined;
  #isOpen = false;
  /** Sent by the client, and not looked at yet. */
  #inbound: { event: string; payload: never; ack: Ack }[] = [];
  /** On its way to the client, in this order. */
  #outbound: (() => void)[] = [];
  /** Answers that may be overtaken by what comes later. */
  #late: (() => void)[] = [];
  #joined = new Set<string>();
  /** A subscribe that was read, and not answered yet. */
  #joining:
    | {
        answer: Ack;
        threads: ClientData<'subscribe_threads'>['threads'];
        ids: string[];
        since: { threadId: string; send: () => void }[];
      }
    | undefined;
  /** How many of the next requests are refused for now. */
  refusals = 0;
  /** Of each stream that has ended: its text, and the seq of its end. */
  readonly ended = new Map<string, { readonly text: string; readonly seq: number }>();
  /** Requests of each kind that were looked at. */
  readonly seen: Record<string, number> = {};

  constructor(threadIds: readonly string[], limits: Limits) {
    this.limits = limits;
    for (const id of threadIds) this.#rooms.set(id, { messages: new Map(), head: 0 });
  }

  messages(threadId: string): Message[] {
    return [...this.#room(threadId).messages.values()].sort((a, b) => a.position - b.position);
  }

  head(threadId: string): number {
    return this.#room(threadId).head;
  }

  /** Whether the client is trying to connect. */
  get isWanted(): boolean {
    return this.#socket?.state === 'opening';
  }

  get isIdle(): boolean {
    return this.#inbound.length + this.#outbound.length + this.#late.length === 0 && !this.#joining;
  }

  // The client's end.

  onOpen(socket: FakeSocket): void {
    this.#socket = socket;
  }

  onRequest(event: string, payload: unknown, ack: Ack): void {
    this.#inbound.push({ event, payload: payload as never, ack });
  }

  onClose(): void {
    this.#forget();
  }

  // What happens.

  accept(): void {
    if (this.#isOpen || this.#socket?.state !== 'opening') return;
    this.#isOpen = true;
    this.#socket.accept(sessionOf('ada'));
  }

  refuse(): void {
    if (!this.#isOpen && this.#socket?.state === 'opening') this.#socket.refuse();
  }

  /** The connection breaks after so much of what was on its way has arrived, and so much of what came was done. */
  break(arrived: number, done: number): void {
    for (let i = 0; i < done; i += 1) this.process();
    for (let i = 0; i < arrived; i += 1) this.deliver();
    this.#forget();
    this.#socket?.drop();
  }

  /** Somebody else writes, edits or deletes. */
  write(threadId: string, which: number): void {
    const room = this.#room(threadId);
    const isOwnReply = ({ role, sender }: Message) => role === 'assistant' && sender.id === 'ada';
    const others = [...room.messages.values()].filter((m) => m.status === 'complete' && !isOwnReply(m));
    const some = others[which % (others.length * 2 + 1)];
    const seq = room.head + 1;
    if (!some) this.#commit(messageOf(seq, seq, { ...inThread(threadId, seq), sender: { id: 'bo' } }));
    else if (which % 5 === 0) this.#commit({ ...some, seq, content: '', status: 'deleted' });
    else this.#commit({ ...some, seq, content: `edit ${seq}` });
  }

  /** Somebody else begins to write a reply. */
  begin(threadId: string): void {
    const seq = this.#room(threadId).head + 1;
    this.#begin(messageOf(seq, seq, { ...inThread(threadId, seq), sender: { id: 'bo' } }));
  }

  /** Somebody else's reply grows. What is told of it may begin before what is new, come twice, or not at all. */
  grow(threadId: string, which: number): void {
    const some = this.#streaming(threadId, which);
    if (!some) return;
    const at = some.content.length;
    this.#append(some, `${which} `);
    if (which % 7 === 0) return;
    this.#announceText(some.id, threadId, Math.max(0, at - (which % 3 === 0 ? which % 11 : 0)));
    if (which % 5 === 0) this.#announceText(some.id, threadId, at);
  }

  /** Somebody else's reply ends. */
  end(threadId: string, which: number): void {
    const some = this.#streaming(threadId, which);
    const status = (['complete', 'failed', 'cancelled', 'interrupted'] as const)[which % 4]!;
    if (some) this.#endStream(some, { status });
  }

  /** Looks at the client's next request, or ends what was begun. */
  process(): void {
    if (this.#joining) {
      this.#endJoin();
      return;
    }
    const request = this.#inbound.shift();
    if (!request) return;
    const { event, payload, ack } = request;
    this.seen[event] = (this.seen[event] ?? 0) + 1;
    if (this.refusals > 0 && event !== 'unsubscribe_thread') {
      this.refusals -= 1;
      this.#answer(ack, { ok: false, error: unavailable() });
      return;
    }
    switch (event) {
      case 'subscribe_threads':
        this.#beginJoin(payload, ack);
        break;
      case 'unsubscribe_thread':
        this.#joined.delete((payload as ClientPayload<'unsubscribe_thread'>).thread_id);
        this.#answer(ack, { ok: true, data: {} });
        break;
      case 'fetch_history': {
        const data = this.#page(payload, this.limits.page);
        this.#late.push(() => ack({ ok: true, data }));
        break;
      }
      case 'send_message':
        this.#send(payload, ack);
        break;
      case 'stream_start':
        this.#startStream(payload, ack);
        break;
      case 'stream_chunk':
        this.#takeChunk(payload, ack);
        break;
      case 'stream_end':
        this.#takeEnd(payload, ack);
        break;
      default:
        throw new Error(`the model has no ${event}`);
    }
  }

  /** One of the answers that may be late is sent. */
  catchUp(which: number): void {
    const [late] = this.#late.splice(which % Math.max(1, this.#late.length), 1);
    if (late) this.#outbound.push(late);
  }

  /** The next thing on its way arrives. */
  deliver(): void {
    this.#outbound.shift()?.();
  }

  /** An event that was sent comes again. */
  repeat(threadId: string, which: number): void {
    const messages = this.messages(threadId);
    const message = messages[which % Math.max(1, messages.length)];
    // Of those that were never sent on this connection none can come again.
    if (message && this.#joined.has(threadId)) this.#outbound.push(this.#event(message));
  }

  #forget(): void {
    this.#isOpen = false;
    this.#inbound = [];
    this.#outbound = [];
    this.#late = [];
    this.#joined = new Set();
    this.#joining = undefined;
  }

  #room(threadId: string): Room {
    const room = this.#rooms.get(threadId);
    if (!room) throw new Error(`the model has no thread ${threadId}`);
    return room;
  }

  #commit(message: Message): void {
    const room = this.#room(message.thread_id);
    room.head = message.seq;
    room.messages.set(message.id, message);
    this.#announce(message.thread_id, this.#event(message));
  }

  #announce(threadId: string, send: () => void): void {
    if (this.#joined.has(threadId)) this.#outbound.push(send);
    // Not joined yet, or joining again: it follows the answer, be it the second time.
    if (this.#joining?.ids.includes(threadId)) this.#joining.since.push({ threadId, send });
  }

  #event(message: Message): () => void {
    const { id, thread_id, seq, status } = message;
    const end = this.ended.get(id);
    // Where a node heals from its store the end is an update like any other.
    if (end?.seq === seq && seq % 5 > 0) {
      const length = end.text.length;
      const payload = {
        thread_id,
        stream_id: id,
        seq,
        status: status as 'complete',
        length,
        updated_at: message.updated_at,
      };
      return () => this.#socket!.deliver('stream_end', payload);
    }
    const event =
      seq > message.position ? 'message_updated' : status === 'streaming' ? 'stream_start' : 'thread_message';
    return () => this.#socket!.deliver(event, message);
  }

  #streaming(threadId: string, which: number): Message | undefined {
    const streaming = this.messages(threadId).filter(
      ({ status, sender }) => status === 'streaming' && sender.id === 'bo',
    );
    return streaming[which % Math.max(1, streaming.length)];
  }

  #begin(message: Message): Message {
    const started: Message = { ...message, role: 'assistant', status: 'streaming', content: '' };
    this.#commit(started);
    return started;
  }

  #append(message: Message, text: string): void {
    this.#room(message.thread_id).messages.set(message.id, { ...message, content: message.content + text });
  }

  #announceText(id: string, threadId: string, offset: number): void {
    const { content } = this.#room(threadId).messages.get(id)!;
    const chunk = { thread_id: threadId, stream_id: id, offset, delta: content.slice(offset) };
    this.#announce(threadId, () => this.#socket!.deliver('stream_chunk', chunk));
  }

  #endStream(message: Message, changes: StreamChanges): Message {
    const seq = this.#room(message.thread_id).head + 1;
    this.ended.set(message.id, { text: message.content, seq });
    const over = { ...message, ...changes, seq };
    this.#commit(over);
    return over;
  }

  #answer(ack: Ack, answer: unknown): void {
    this.#outbound.push(() => ack(answer));
  }

  #beginJoin({ threads: requests }: ClientPayload<'subscribe_threads'>, ack: Ack): void {
    let room = this.limits.batch;
    const threads = requests.map((request): ClientData<'subscribe_threads'>['threads'][number] => {
      if (this.refusals > 0) {
        this.refusals -= 1;
        return { ok: false, error: unavailable() };
      }
      const data = this.#page(request, Math.min(room, this.limits.page));
      room -= data.messages.length;
      return { ok: true, data };
    });
    this.#joining = { answer: ack, threads, ids: requests.map(({ thread_id }) => thread_id), since: [] };
  }

  #endJoin(): void {
    const { answer, threads, ids, since } = this.#joining!;
    this.#joining = undefined;
    this.#answer(answer, { ok: true, data: { threads } });
    for (const [i, id] of ids.entries()) {
      const entry = threads[i]!;
      if (!entry.ok) continue;
      this.#joined.add(id);
      for (const { threadId, send } of since) if (threadId === id) this.#outbound.push(send);
    }
  }

  #page(request: ClientPayload<'fetch_history'>, size: number): ThreadHistory {
    const { thread_id: threadId, after_seq: after, before_position: before } = request;
    const { head } = this.#room(threadId);
    const stored = this.messages(threadId);
    const streaming = stored.filter(({ status }) => status === 'streaming');
    const all = stored.filter(({ status }) => status !== 'streaming');
    const common = { thread: this.#thread(threadId), streaming, head_seq: head };
    if (after !== undefined) {
      const changed = all.filter(({ seq }) => seq > after).sort((a, b) => a.seq - b.seq);
      if (after <= head && changed.length <= this.limits.recoverable) {
        const messages = changed.slice(0, size);
        return { ...common, messages, recovered: true, has_more: changed.length > messages.length };
      }
    }
    const older = before === undefined ? all : all.filter(({ position }) => position < before);
    const messages = size === 0 ? [] : older.slice(-size);
    return { ...common, messages, recovered: false, has_more: older.length > messages.length };
  }

  #thread(threadId: string): Thread {
    return threadOf(threadId, { head_seq: this.head(threadId) });
  }

  #send({ thread_id: threadId, content, message_id }: ClientPayload<'send_message'>, ack: Ack): void {
    const room = this.#room(threadId);
    const stored = this.#ownMessage(threadId, message_id);
    const seq = room.head + 1;
    const message =
      stored ??
      messageOf(seq, seq, { ...inThread(threadId, seq), content, message_id: message_id!, sender: { id: 'ada' } });
    const data = { message, duplicate: stored !== undefined };
    this.#answerAround(seq, ack, data, () => {
      if (!stored) this.#commit(message);
    });
  }

  #ownMessage(threadId: string, messageId: string | undefined): Message | undefined {
    const all = [...this.#room(threadId).messages.values()];
    return all.find((m) => m.sender.id === 'ada' && m.message_id === messageId);
  }

  /** The answer may come before the event, after it, or much later. */
  #answerAround(n: number, ack: Ack, data: unknown, announce: () => void): void {
    const answer = () => ack({ ok: true, data });
    if (n % 3 === 0) this.#outbound.push(answer);
    announce();
    if (n % 3 === 1) this.#outbound.push(answer);
    if (n % 3 === 2) this.#late.push(answer);
  }

  #startStream({ thread_id: threadId, message_id }: ClientPayload<'stream_start'>, ack: Ack): void {
    const stored = this.#ownMessage(threadId, message_id);
    const seq = this.#room(threadId).head + 1;
    const own = { ...inThread(threadId, seq), message_id: message_id!, sender: { id: 'ada' } };
    const message = stored ?? this.#begin(messageOf(seq, seq, own));
    const data = { message, offset: message.content.length, resumed: stored !== undefined };
    this.#answerAround(seq, ack, data, () => undefined);
  }

  #takeChunk({ stream_id: id, offset, delta }: ClientPayload<'stream_chunk'>, ack: Ack): void {
    const stream = this.#stream(id);
    const { content, status, thread_id: threadId } = stream;
    const known = content.length - offset;
    if (status !== 'streaming') {
      this.#refuse(ack, 'stream_closed', { status });
    } else if (known < 0 || content.slice(offset) !== delta.slice(0, known)) {
      this.#refuse(ack, 'stream_conflict', { expected_offset: content.length });
    } else {
      if (delta.length > known) this.#append(stream, delta.slice(known));
      const { length } = this.#stream(id).content;
      this.#answerAround(length, ack, { offset: length }, () => {
        if (length > content.length) this.#announceText(id, threadId, content.length);
      });
    }
  }

  #takeEnd({ stream_id: id, offset, status }: ClientPayload<'stream_end'>, ack: Ack): void {
    const stream = this.#stream(id);
    const { length } = stream.content;
    if (stream.status !== 'streaming' && !(stream.status === status && this.ended.get(id)?.text.length === offset)) {
      this.#refuse(ack, 'stream_closed', { status: stream.status });
    } else if (offset !== length && stream.status === 'streaming') {
      this.#refuse(ack, 'stream_conflict', { expected_offset: length });
    } else {
      const message = stream.status === 'streaming' ? this.#endStream(stream, { status }) : stream;
      this.#answerAround(length, ack, { message }, () => undefined);
    }
  }

  #refuse(ack: Ack, code: ErrorCode, details: ErrorObject['details']): void {
    this.#answer(ack, { ok: false, error: errorObject({ code, ...(details && { details }) }) });
  }

  #stream(id: string): Message {
    for (const { messages } of this.#rooms.values()) {
      const message = messages.get(id);
      if (message) return message;
    }
    throw new Error(`the model has no stream ${id}`);
  }
}

function inThread(threadId: string, seq: number): Pick<Message, 'id' | 'thread_id' | 'message_id'> {
  return { id: `${threadId}-${seq}`, thread_id: threadId, message_id: `${threadId}-key-${seq}` };
}

function unavailable(): ErrorObject {
  return errorObject({ code: 'unavailable', retry_after_ms: 100 });
}
