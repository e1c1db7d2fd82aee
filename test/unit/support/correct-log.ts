import type { Message, Thread, ThreadHistory } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { LogRecorder } from '../../support/recorded-log.ts';
import type { HistoryEntry, RecordedLog, RoomEventEntry, ViewEntry, ViewRecorder } from '../../support/recorded-log.ts';

// A server that does everything right, in memory, and clients that are as slow, as often cut off and as often told
// things twice as the contract allows. It shares nothing with the real server.

const operations = [
  'send', 'send', 'send', 'repeat', 'edit', 'edit', 'delete', 'start', 'chunk', 'chunk', 'chunk', 'end',
  'connect', 'disconnect', 'subscribe', 'recover', 'unsubscribe', 'fetch', 'older', 'remove', 'admit',
  'deliver', 'deliver', 'deliver', 'tell_again',
] as const; // prettier-ignore

export interface Step {
  readonly op: (typeof operations)[number];
  readonly who: number;
  /** Decides everything else. */
  readonly dice: number;
}

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ op: fc.constantFrom(...operations), who: fc.nat(3), dice: fc.nat(9999) }),
  { minLength: 20, maxLength: 160, size: 'max' },
);

interface ModelThread {
  readonly id: string;
  readonly messages: Message[];
  head: number;
  readonly removed: Set<string>;
}

interface ModelClient {
  readonly user: string;
  readonly view: ViewRecorder;
  connected: boolean;
  /** What is on its way to it, in order. */
  pending: ViewEntry[];
  readonly rooms: Set<string>;
  readonly cursors: Map<string, number>;
  readonly told: RoomEventEntry[];
}

class Model {
  readonly recorder = new LogRecorder();
  readonly #threads = ['red', 'blue'].map((id): ModelThread => ({ id, messages: [], head: 0, removed: new Set() }));
  readonly #clients = ['ann', 'bob', 'cat', 'bob'].map((user): ModelClient => ({
    user,
    view: this.recorder.view(user),
    connected: false,
    pending: [],
    rooms: new Set(),
    cursors: new Map(),
    told: [],
  }));
  #ticks = 0;

  run({ op, who, dice }: Step): void {
    const client = this.#clients[who % this.#clients.length]!;
    const thread = this.#threads[dice % 5 === 0 ? 1 : 0]!;
    const mine = thread.messages.filter((message) => message.sender.id === client.user && message.status !== 'deleted');
    const plain = pick(
      mine.filter((message) => message.status !== 'streaming'),
      dice,
    );
    const stream = pick(
      mine.filter((message) => message.status === 'streaming'),
      dice,
    );
    const reads = !thread.removed.has(client.user);
    switch (op) {
      case 'send':
        if (reads) this.#send(client, thread, dice);
        break;
      case 'repeat': {
        const known = pick(mine, dice);
        if (reads && known) client.view.sent({ message: { ...known }, duplicate: true }, known);
        break;
      }
      case 'edit':
        if (reads && plain) this.#change(client, thread, plain, { content: `edited ${this.#ticks}` });
        break;
      case 'delete':
        if (reads && plain && dice % 3 === 0) {
          this.#change(client, thread, plain, { content: '', metadata: {}, status: 'deleted' });
        }
        break;
      case 'start':
        if (reads && !stream) this.#create(client, thread, 'stream_start', { content: '', status: 'streaming' });
        break;
      case 'chunk':
        if (stream) this.#chunk(thread, stream, dice);
        break;
      case 'end':
        if (stream) this.#endStream(client, thread, stream, dice);
        break;
      case 'connect':
        this.#connect(client, dice);
        break;
      case 'disconnect':
        if (client.connected && dice % 2 === 0) this.#disconnect(client);
        break;
      case 'subscribe':
        if (client.connected && reads) this.#subscribe(client, thread, { limit: dice % 7 }, dice);
        break;
      case 'recover':
        if (client.connected && reads) {
          const after = client.cursors.get(thread.id) ?? 0;
          this.#subscribe(client, thread, { after_seq: after, limit: 1 + (dice % 4) }, dice);
        }
        break;
      case 'unsubscribe':
        if (client.connected && dice % 3 === 0) {
          client.rooms.delete(thread.id);
          client.pending.push({ kind: 'unsubscribed', thread_id: thread.id });
        }
        break;
      case 'fetch':
      case 'older':
        if (client.connected && reads) {
          const before = op === 'older' ? { before_position: dice % (thread.head + 2) } : {};
          client.pending.push(this.#history(thread, false, { limit: 1 + (dice % 5), ...before }));
        }
        break;
      case 'remove':
        if (client.user !== 'ann' && dice % 3 === 0) this.#remove(client.user, thread);
        break;
      case 'admit':
        if (!reads) {
          thread.removed.delete(client.user);
          this.recorder.access({ thread_id: thread.id, user: client.user, may: true, from_seq: thread.head });
        }
        break;
      case 'deliver':
        for (let count = dice % 8; count > 0; count -= 1) this.#deliver(client);
        break;
      case 'tell_again': {
        const again = pick(client.told, dice);
        if (again && client.connected && client.rooms.has(again.payload.thread_id)) client.pending.push(again);
        break;
      }
    }
  }

  finish(): RecordedLog {
    for (const client of this.#clients) {
      while (client.pending.length > 0) this.#deliver(client);
    }
    for (const thread of this.#threads) this.recorder.final(thread.id, thread.messages);
    // As if it came over the wire: no two entries share an object.
    return JSON.parse(JSON.stringify(this.recorder.log)) as RecordedLog;
  }

  #now(): string {
    this.#ticks += 1;
    return new Date(Date.UTC(2030, 0, 1) + this.#ticks).toISOString();
  }

  #send(client: ModelClient, thread: ModelThread, dice: number): void {
    const message = this.#create(client, thread, 'thread_message', { content: `text ${dice}`, status: 'complete' });
    client.view.sent({ message, duplicate: false }, message);
  }

  #create(
    client: ModelClient,
    thread: ModelThread,
    event: 'thread_message' | 'stream_start',
    fields: Pick<Message, 'content' | 'status'>,
  ): Message {
    const at = this.#now();
    thread.head += 1;
    const message: Message = {
      id: `${thread.id}-${this.#ticks}`,
      thread_id: thread.id,
      position: thread.head,
      seq: thread.head,
      message_id: `key-${this.#ticks}`,
      sender: { id: client.user },
      role: event === 'stream_start' ? 'assistant' : 'user',
      metadata: {},
      created_at: at,
      updated_at: at,
      ...fields,
    };
    thread.messages.push(message);
    this.#announce({ kind: 'event', event, payload: message });
    if (event === 'stream_start') client.view.changed(message);
    return message;
  }

  #store(thread: ModelThread, message: Message): void {
    thread.messages[thread.messages.findIndex(({ id }) => id === message.id)] = message;
  }

  #change(client: ModelClient, thread: ModelThread, message: Message, fields: Partial<Message>): void {
    thread.head += 1;
    const changed = { ...message, ...fields, seq: thread.head, updated_at: this.#now() };
    this.#store(thread, changed);
    this.#announce({ kind: 'event', event: 'message_updated', payload: changed });
    client.view.changed(changed);
  }

  #chunk(thread: ModelThread, message: Message, dice: number): void {
    const text = ` word ${this.#ticks}`;
    const content = message.content + text;
    this.#store(thread, { ...message, content, updated_at: this.#now() });
    const offset = dice % 4 === 0 ? 0 : message.content.length;
    const delta = content.slice(offset);
    const payload = { thread_id: thread.id, stream_id: message.id, offset, delta };
    for (const { pending } of this.#readers(thread.id)) pending.push({ kind: 'event', event: 'stream_chunk', payload });
  }

  #endStream(client: ModelClient, thread: ModelThread, message: Message, dice: number): void {
    thread.head += 1;
    const failed =
      dice % 3 === 0 ? ({ status: 'failed', error: 'no model' } as const) : ({ status: 'complete' } as const);
    const ended: Message = { ...message, ...failed, seq: thread.head, updated_at: this.#now() };
    this.#store(thread, ended);
    client.view.changed(ended);
    const { updated_at, seq } = ended;
    const payload = {
      thread_id: thread.id,
      stream_id: ended.id,
      seq,
      length: ended.content.length,
      updated_at,
      ...failed,
    };
    if (dice % 4 === 0) this.#announce({ kind: 'event', event: 'message_updated', payload: ended });
    else this.#announce({ kind: 'event', event: 'stream_end', payload });
  }

  #readers(threadId: string): ModelClient[] {
    return this.#clients.filter((client) => client.connected && client.rooms.has(threadId));
  }

  #announce(entry: Exclude<RoomEventEntry, { event: 'stream_chunk' }>): void {
    const id = 'id' in entry.payload ? entry.payload.id : entry.payload.stream_id;
    for (const client of this.#readers(entry.payload.thread_id)) {
      // What a message was before may be left out, where the change that supersedes it comes as a whole message.
      const superseded = client.pending.find(
        (other) =>
          other.kind === 'event' && 'id' in other.payload && other.payload.id === id && !client.told.includes(other),
      ) as RoomEventEntry | undefined;
      let due: RoomEventEntry = entry;
      if (superseded && entry.event === 'message_updated' && this.#ticks % 3 === 0) {
        client.pending = client.pending.filter((other) => other !== superseded);
        if (superseded.event === 'thread_message') due = { ...entry, event: 'thread_message' };
      }
      client.pending.push(due);
    }
  }

  #connect(client: ModelClient, dice: number): void {
    if (client.connected) return;
    client.connected = true;
    client.view.add({ kind: 'connected' });
    for (const thread of this.#threads) {
      const after = client.cursors.get(thread.id);
      if (after === undefined || thread.removed.has(client.user)) continue;
      this.#subscribe(client, thread, { after_seq: after, limit: 1 + (dice % 6) }, dice);
    }
  }

  #disconnect(client: ModelClient): void {
    client.connected = false;
    client.pending = [];
    client.told.length = 0;
    client.rooms.clear();
    client.view.add({ kind: 'disconnected' });
  }

  #subscribe(client: ModelClient, thread: ModelThread, page: Page, dice: number): void {
    const head = thread.head;
    const placeholder = this.#history(thread, true, page);
    client.pending.push(placeholder);
    client.rooms.add(thread.id);
    // The page is read after the thread's head was: it may be newer than that.
    const sender = this.#clients[0]!;
    if (dice % 5 === 0) this.#send(sender, thread, dice);
    const own = thread.messages.find((message) => message.sender.id === sender.user && message.status === 'complete');
    if (dice % 3 === 0 && own) this.#change(sender, thread, own, { content: `raced ${this.#ticks}` });
    client.pending[client.pending.indexOf(placeholder)] = this.#history(thread, true, page, head);
  }

  #remove(user: string, thread: ModelThread): void {
    if (thread.removed.has(user)) return;
    thread.removed.add(user);
    this.recorder.access({ thread_id: thread.id, user, may: false, from_seq: thread.head + 1 });
    for (const client of this.#clients) {
      if (client.user !== user || !client.rooms.delete(thread.id)) continue;
      client.pending.push({ kind: 'removed', thread_id: thread.id });
    }
  }

  #deliver(client: ModelClient): void {
    const entry = client.pending.shift();
    if (!entry) return;
    client.view.add(entry);
    if (entry.kind === 'event' && entry.event !== 'stream_chunk') {
      client.told.push(entry);
      const { thread_id, seq } = entry.payload;
      client.cursors.set(thread_id, Math.max(seq, client.cursors.get(thread_id) ?? 0));
    } else if (entry.kind === 'history') {
      const { thread_id, history, subscribes, after_seq } = entry;
      if (subscribes) client.cursors.set(thread_id, Math.max(history.head_seq, client.cursors.get(thread_id) ?? 0));
      const thread = this.#threads.find(({ id }) => id === thread_id)!;
      if (after_seq !== undefined && history.has_more && !thread.removed.has(client.user)) {
        client.pending.push(this.#history(thread, false, { after_seq: history.messages.at(-1)!.seq, limit: 2 }));
      }
    }
  }

  #history(model: ModelThread, subscribes: boolean, { limit, ...cursor }: Page, head = model.head): HistoryEntry {
    const { after_seq, before_position } = cursor;
    const thread: Thread = {
      id: model.id,
      title: '',
      members: [],
      metadata: {},
      created_by: 'ann',
      created_at: '2030-01-01T00:00:00.000Z',
      updated_at: '2030-01-01T00:00:00.000Z',
      head_seq: head,
    };
    const streaming = model.messages.filter((message) => message.status === 'streaming');
    const others = model.messages.filter((message) => message.status !== 'streaming');
    const recovered = after_seq !== undefined;
    const matching = recovered
      ? others.filter((message) => message.seq > after_seq).toSorted((a, b) => a.seq - b.seq)
      : others.filter((message) => message.position < (before_position ?? Number.POSITIVE_INFINITY));
    const messages = recovered ? matching.slice(0, limit) : matching.slice(Math.max(0, matching.length - limit));
    const has_more = messages.length < matching.length;
    const history: ThreadHistory = { thread, messages, streaming, head_seq: head, recovered, has_more };
    return { kind: 'history', subscribes, thread_id: model.id, ...cursor, history };
  }
}

interface Page {
  readonly limit: number;
  readonly after_seq?: number;
  readonly before_position?: number;
}

function pick<T>(items: readonly T[], dice: number): T | undefined {
  return items[dice % Math.max(1, items.length)];
}

/** A log of a run in which the server did nothing wrong. */
export function correctLog(run: readonly Step[]): RecordedLog {
  const model = new Model();
  // Everybody is there and something has happened, so that most faults find a place.
  for (let who = 0; who < 4; who += 1) {
    model.run({ op: 'connect', who, dice: 1 });
    model.run({ op: 'subscribe', who, dice: 6 });
  }
  const opening = ['send', 'send', 'start', 'chunk', 'chunk', 'send', 'edit', 'end', 'repeat'] as const;
  for (const [index, op] of opening.entries()) model.run({ op, who: 0, dice: 11 + index * 10 });
  for (const step of run) model.run(step);
  return model.finish();
}
