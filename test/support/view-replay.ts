import type { Message, ServerPayload } from '@threadwire/protocol';
import { isInOrder, missingFrom, needlessReset, pageFloor } from './history-checks.ts';
import type { Report, ThreadFacts, ViolationKind } from './log-facts.ts';
import type { HistoryEntry, RoomEventEntry, View } from './recorded-log.ts';
import { sameJson } from './same-json.ts';

/** What a client holds of a message; `length` is the text's as `stream_end` gave it, which chunks may be short of. */
interface Held {
  readonly message: Message;
  readonly length?: number;
}

/**
 * A client that does exactly what the contract tells it to with what one view was sent of one thread, and reports
 * wherever that is not what the contract lets the server send.
 */
export class ThreadReplay {
  readonly #facts: ThreadFacts;
  readonly #view: View;
  readonly #report: Report;
  #state: 'offline' | 'out' | 'in' | 'left' | 'removed' = 'offline';
  /** Every durable event up to here was applied, or came with an answer. */
  #cursor = -1;
  /** The `head_seq` of the answer that this subscription began with: what is not above it need not come. */
  #base = -1;
  #seen = new Set<number>();
  #announced = new Map<string, number>();
  /** The highest seq of which this client knew when its present connection began. */
  #knownBefore = 0;
  #known = 0;
  #held = new Map<string, Held>();
  /** The client has every message whose position is at least this, … */
  #floor = Number.POSITIVE_INFINITY;
  /** … and every message that changed after this. */
  #since = Number.POSITIVE_INFINITY;
  /** Recovery that said `has_more` goes on after this seq. */
  #backlogFrom: number | undefined;

  constructor(facts: ThreadFacts, view: View, report: Report) {
    this.#facts = facts;
    this.#view = view;
    this.#report = report;
  }

  connected(): void {
    this.#state = 'out';
    this.#seen = new Set();
    this.#announced = new Map();
    this.#knownBefore = this.#known;
  }

  disconnected(): void {
    this.#state = 'offline';
  }

  unsubscribed(): void {
    this.#state = 'left';
  }

  removed(): void {
    this.#state = 'removed';
  }

  history(entry: HistoryEntry): void {
    const { history, after_seq, before_position } = entry;
    const head = history.head_seq;
    if (!this.#facts.mayRead(this.#view.user, head)) this.#fault('leak_without_access', head, 'a page of history');
    if (head < this.#knownBefore) {
      this.#fault('head_went_back', head, `head_seq ${head} after the client had seen ${this.#knownBefore}`);
    }
    const recovers = after_seq !== undefined && history.recovered;
    if (!isInOrder(history, recovers)) {
      this.#fault('page_out_of_order', head, `a page by ${recovers ? 'seq' : 'position'} is not in that order`);
    }
    this.#know(head);
    for (const message of [...history.messages, ...history.streaming]) this.#know(message.seq);

    if (recovers) {
      this.#recover(entry, after_seq);
    } else if (entry.subscribes || after_seq !== undefined) {
      if (after_seq !== undefined && needlessReset(this.#facts.final, after_seq, head)) {
        this.#fault('needless_reset', head, `recovered: false after ${after_seq}, where it could have gone on`);
      }
      this.#startAfresh(entry);
    } else {
      const before = before_position ?? Number.POSITIVE_INFINITY;
      const from = pageFloor(history, before_position ?? head + 1);
      this.#checkAnswer(entry, (message) => message.position >= from && message.position < before, head);
      if (before >= this.#floor) this.#floor = Math.min(this.#floor, from);
      this.#mergeHistory(entry);
    }
    if (!entry.subscribes) return;
    this.#cursor = this.#state === 'in' ? Math.max(this.#cursor, head) : head;
    this.#base = this.#state === 'in' ? Math.max(this.#base, head) : head;
    this.#state = 'in';
  }

  event(entry: RoomEventEntry): void {
    const seq = entry.event === 'stream_chunk' ? undefined : entry.payload.seq;
    if (!this.#mayArrive(entry, seq)) return;
    if (entry.event === 'stream_chunk') {
      this.#append(entry.payload);
      return;
    }
    if (seq === undefined || !this.#inOrder(seq)) return;
    this.#know(seq);
    if (entry.event === 'stream_end') {
      this.#end(entry.payload);
      return;
    }
    if (entry.event === 'thread_message') this.#announce(entry.payload);
    this.#held.set(entry.payload.id, { message: entry.payload });
  }

  /** Compares what the client has at last with what the store has. */
  finish(unfinished: boolean): void {
    const { head } = this.#facts;
    const live = this.#state === 'in';
    const mayRead = this.#facts.mayRead(this.#view.user, head + 1);
    if (live && !mayRead) this.#fault('not_removed', head, 'the user lost access, but was not told and is subscribed');
    if (live && mayRead && this.#cursor < head && !unfinished) {
      this.#fault('behind_head', this.#cursor, `subscribed, but seq ${this.#cursor + 1} to ${head} never came`);
    }
    if (this.#cursor !== head || this.#backlogFrom !== undefined) return;
    for (const message of this.#facts.final) {
      const held = this.#held.get(message.id);
      if (held) {
        this.#compare(held, message, live && !unfinished);
      } else if (message.position >= this.#floor || message.seq > this.#since) {
        this.#fault('diverged', message.seq, `at head without message ${message.id}`);
      }
    }
  }

  #compare(held: Held, stored: Message, live: boolean): void {
    const short = stored.status === 'streaming' || (held.length ?? 0) > held.message.content.length;
    if (!live && short && held.message.seq === stored.seq) {
      // Chunks take no seq: who is not connected any more may lack some, but has nothing else.
      if (stored.content.startsWith(held.message.content)) return;
      this.#fault('text_taken_back', stored.seq, `${stored.id} is ${JSON.stringify(stored)} in the store`);
      return;
    }
    const touched = stored.status === 'streaming' ? { updated_at: stored.updated_at } : {};
    if (sameJson({ ...held.message, ...touched }, stored)) return;
    const text = `at head with ${JSON.stringify(held.message)} where the store has ${JSON.stringify(stored)}`;
    this.#fault('diverged', stored.seq, text);
  }

  #mayArrive(entry: RoomEventEntry, seq: number | undefined): boolean {
    const what = `${entry.event}${seq === undefined ? '' : ` of seq ${seq}`}`;
    switch (this.#state) {
      case 'in': {
        if (this.#facts.mayRead(this.#view.user, seq ?? this.#cursor)) return true;
        this.#fault('leak_without_access', seq, what);
        return false;
      }
      case 'left':
        this.#fault('leak_after_unsubscribe', seq, what);
        return false;
      case 'removed':
        this.#fault('leak_after_removal', seq, what);
        return false;
      case 'out':
      case 'offline':
        if (!this.#facts.mayRead(this.#view.user, seq ?? 0)) this.#fault('leak_without_access', seq, what);
        this.#fault(
          'event_before_answer',
          seq,
          `${what} while ${this.#state === 'out' ? 'not subscribed' : 'offline'}`,
        );
        return false;
    }
  }

  /** Moves the cursor; false where the client ignores the event. */
  #inOrder(seq: number): boolean {
    if (seq <= this.#cursor) {
      if (seq > this.#base && !this.#seen.has(seq))
        this.#fault('out_of_order', seq, `first came after ${this.#cursor}`);
      return false;
    }
    // Beyond the store's head nothing can be said of single numbers.
    for (let skipped = this.#cursor + 1; skipped < Math.min(seq, this.#facts.head + 1); skipped += 1) {
      if (!this.#facts.wasSuperseded(skipped)) this.#fault('gap', skipped, `${seq} came after ${this.#cursor}`);
    }
    this.#seen.add(seq);
    this.#cursor = seq;
    return true;
  }

  #announce({ seq, sender, message_id }: Message): void {
    const key = JSON.stringify([sender.id, message_id]);
    const before = this.#announced.get(key);
    if (before !== undefined)
      this.#fault('announced_twice', seq, `${key} came as a new message at ${before} and ${seq}`);
    this.#announced.set(key, seq);
  }

  #append({ stream_id, offset, delta }: ServerPayload<'stream_chunk'>): void {
    const held = this.#held.get(stream_id);
    if (!held) return;
    const { message, length } = held;
    if (message.status !== 'streaming' && length === undefined) return;
    const { content } = message;
    const repeated = content.slice(offset, offset + delta.length);
    if (!delta.startsWith(repeated)) {
      this.#fault('text_taken_back', message.seq, `${stream_id} at ${offset}: ${JSON.stringify({ repeated, delta })}`);
    }
    // Beyond the end is a gap, which only a fetch can close: where none followed, the texts differ at last.
    if (offset > content.length || offset + delta.length <= content.length) return;
    const longer = { ...message, content: content + delta.slice(content.length - offset) };
    this.#held.set(stream_id, length === undefined ? { message: longer } : { message: longer, length });
  }

  #end({ stream_id, seq, status, length, error, metadata, updated_at }: ServerPayload<'stream_end'>): void {
    const held = this.#held.get(stream_id)?.message;
    if (!held) return;
    const message: Message = {
      ...held,
      seq,
      status,
      updated_at,
      ...(error === undefined ? {} : { error }),
      ...(metadata === undefined ? {} : { metadata }),
    };
    if (held.content.length > length) {
      this.#fault('text_taken_back', seq, `${stream_id} ended with ${length} units, ${held.content.length} had come`);
    }
    this.#held.set(stream_id, { message, length });
  }

  #recover(entry: HistoryEntry, after: number): void {
    const { history, subscribes } = entry;
    const head = history.head_seq;
    const last = history.messages.at(-1)?.seq ?? after;
    const upTo = history.has_more ? Math.min(last, head) : head;
    this.#checkAnswer(entry, (message) => message.seq > after, upTo);
    if (subscribes) {
      // A cursor from elsewhere, or beyond a backlog: what this client holds does not reach as far.
      if (after > (this.#backlogFrom ?? this.#cursor)) {
        this.#held = new Map();
        this.#floor = Number.POSITIVE_INFINITY;
        this.#since = after;
      }
      this.#since = Math.min(this.#since, after);
      this.#backlogFrom = upTo < head ? upTo : undefined;
    } else if (this.#backlogFrom !== undefined && after <= this.#backlogFrom) {
      this.#backlogFrom = upTo < head && upTo < this.#base ? Math.max(upTo, this.#backlogFrom) : undefined;
    }
    this.#mergeHistory(entry);
  }

  /** A page that does not go on from what the client holds: only what is newer stays. */
  #startAfresh(entry: HistoryEntry): void {
    const head = entry.history.head_seq;
    const from = pageFloor(entry.history, head + 1);
    this.#checkAnswer(entry, (message) => message.position >= from, head);
    for (const [id, held] of this.#held) {
      if (held.message.seq <= head || (entry.subscribes && this.#state !== 'in')) this.#held.delete(id);
    }
    this.#floor = from;
    this.#since = head;
    this.#backlogFrom = undefined;
    this.#mergeHistory(entry);
  }

  #mergeHistory({ history }: HistoryEntry): void {
    for (const message of [...history.messages, ...history.streaming]) {
      const held = this.#held.get(message.id)?.message;
      const newer =
        !held || message.seq > held.seq || (message.seq === held.seq && message.content.length > held.content.length);
      if (newer) this.#held.set(message.id, { message });
    }
  }

  #checkAnswer({ history }: HistoryEntry, covers: (message: Message) => boolean, upTo: number): void {
    for (const { message, instead } of missingFrom(history, this.#facts.final, covers, upTo)) {
      this.#fault('missing_from_answer', message.seq, `${message.id} is ${instead} in an answer up to seq ${upTo}`);
    }
  }

  #know(seq: number): void {
    this.#known = Math.max(this.#known, seq);
  }

  #fault(kind: ViolationKind, seq: number | undefined, text: string): void {
    this.#report(kind, { thread_id: this.#facts.threadId, view: this.#view.name, seq }, `${this.#view.name}: ${text}`);
  }
}
