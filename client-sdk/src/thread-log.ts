import type { Message, ServerPayload, Thread, ThreadHistory } from '@threadwire/protocol';

/** A durable change of a thread, as handlers get it: live, or as recovery found it. */
export type ThreadChange =
  | { readonly event: 'thread_message' | 'message_updated' | 'stream_start'; readonly payload: Message }
  | { readonly event: 'stream_end'; readonly payload: ServerPayload<'stream_end'> };

interface Recovery {
  /** What was seen before it began. */
  readonly from: number;
  /** The ids of the messages that handlers were given since. */
  readonly told: Set<string>;
}

/**
 * What a client holds of one thread: its messages, each in its latest state, and the seq up to which it has seen
 * everything. Takes events and history as they come, and tells what is new.
 */
export class ThreadLog {
  readonly #byId = new Map<string, Message>();
  /** By position; undefined where it has to be sorted again. */
  #sorted: readonly Message[] | undefined;
  #thread: Thread | undefined;
  #applied: number | undefined;
  /** While recovery goes on from page to page. */
  #recovery: Recovery | undefined;
  /** Every message from this position on is held, and none before it; 0: there are none before. */
  #floor = 0;
  /** While an older page is being read: what came of messages below the floor, which is newer than the page may be. */
  #news: Map<string, Message> | undefined;

  get thread(): Thread | undefined {
    return this.#thread;
  }

  set thread(thread: Thread | undefined) {
    this.#thread = thread;
  }

  /** The seq up to which every change was seen; undefined before the first page. */
  get applied(): number | undefined {
    return this.#applied;
  }

  /** Whether the thread has messages before the first one held. */
  get hasOlder(): boolean {
    return this.#floor > 0;
  }

  /** Where the next older page ends: `before_position`. */
  get floor(): number {
    return this.#floor;
  }

  /** By position. The same array until something changes. */
  get messages(): readonly Message[] {
    this.#sorted ??= [...this.#byId.values()].sort((a, b) => a.position - b.position);
    return this.#sorted;
  }

  get(id: string): Message | undefined {
    return this.#byId.get(id);
  }

  /** Forgets everything. */
  clear(): void {
    this.#byId.clear();
    this.#sorted = undefined;
    this.#thread = undefined;
    this.#applied = undefined;
    this.#recovery = undefined;
    this.#floor = 0;
    this.#news = undefined;
  }

  /** Holds a message as an answer brought it: seen, but out of turn. */
  merge(message: Message): void {
    if (this.#applied === undefined) return;
    const held = this.#byId.get(message.id) ?? this.#news?.get(message.id);
    if (held && held.seq >= message.seq) return;
    // Nothing is held that lies before the first page: it would look like a gap.
    if (message.position >= this.#floor) this.#put(message);
    else this.#news?.set(message.id, message);
  }

  /** Takes a durable event in its turn; false where it was seen before. */
  apply(change: ThreadChange): boolean {
    const { seq } = change.payload;
    if (this.#applied === undefined || seq <= this.#applied) return false;
    this.#applied = seq;
    if (change.event !== 'stream_end') this.merge(change.payload);
    else this.#endStream(change.payload);
    return true;
  }

  /** Takes a page of what came after `applied`, or says with `recovered: false` that it begins anew. Returns what is new. */
  recover(page: ThreadHistory): ThreadChange[] {
    if (!page.recovered || this.#applied === undefined) return this.#reload(page);
    const after = this.#applied;
    this.#recovery ??= { from: after, told: new Set() };
    this.#thread = page.thread;
    // Those that are streaming may lie beyond what a page that is not the last holds; the last one has them all.
    const messages = inOrder(page.has_more ? page.messages : [...page.messages, ...page.streaming], after);
    const changes = tell(messages, this.#recovery);
    for (const message of messages) this.merge(message);
    // Of a page that is not the last, only what it holds is known.
    this.#applied = Math.max(after, page.has_more ? (page.messages.at(-1)?.seq ?? 0) : page.head_seq);
    if (!page.has_more) this.#recovery = undefined;
    return changes;
  }

  /** A page before the {@link floor} is asked for: until it is there what it could be too old for is kept. */
  expectOlder(): void {
    this.#news = new Map();
  }

  /** Puts that page before the first message held; not where all began anew since it was asked for, or was let go of. */
  prepend(page: ThreadHistory): void {
    const news = this.#news;
    if (!news) return;
    this.#news = undefined;
    this.#floor = floorOf(page, this.#floor);
    for (const message of [...page.messages, ...page.streaming, ...news.values()]) this.merge(message);
  }

  /** None will come. */
  forgetOlder(): void {
    this.#news = undefined;
  }

  /** Lets go of all but the newest so many messages. */
  keepNewest(count: number): void {
    const released = this.messages.slice(0, Math.max(0, this.#byId.size - count));
    if (released.length === 0) return;
    for (const { id } of released) this.#byId.delete(id);
    this.#sorted = undefined;
    this.#floor = this.messages[0]?.position ?? (this.#applied ?? 0) + 1;
    this.#news = undefined;
  }

  #reload(page: ThreadHistory): ThreadChange[] {
    const before = this.#applied;
    const recovery = this.#recovery;
    this.clear();
    this.#thread = page.thread;
    this.#floor = floorOf(page, page.head_seq + 1);
    this.#applied = page.head_seq;
    for (const message of [...page.messages, ...page.streaming]) this.merge(message);
    // The first page is where one begins, not news; and a head that went back is another history.
    if (before === undefined || page.head_seq < before) return [];
    return tell(inOrder([...this.#byId.values()], before), recovery ?? { from: before, told: new Set() });
  }

  #endStream({ stream_id: id, ...end }: ServerPayload<'stream_end'>): void {
    const held = this.#byId.get(id);
    if (!held) {
      // A page that has it as it was before would be too old.
      this.#news = undefined;
      return;
    }
    const { seq, status, updated_at, error, metadata } = end;
    this.#put({
      ...held,
      seq,
      status,
      updated_at,
      ...(error !== undefined && { error }),
      ...(metadata !== undefined && { metadata }),
    });
  }

  #put(message: Message): void {
    this.#byId.set(message.id, message);
    this.#sorted = undefined;
  }
}

function inOrder(messages: readonly Message[], after: number): Message[] {
  return messages.filter(({ seq }) => seq > after).sort((a, b) => a.seq - b.seq);
}

/** Each message is new once: where it changes again before recovery has ended, it comes again. */
function tell(messages: readonly Message[], { from, told }: Recovery): ThreadChange[] {
  return messages.map((message) => {
    const isNew = message.position > from && !told.has(message.id);
    told.add(message.id);
    return { event: isNew ? 'thread_message' : 'message_updated', payload: message };
  });
}

/** The position from which on a page by position is complete. */
function floorOf(page: ThreadHistory, ifEmpty: number): number {
  return page.has_more ? (page.messages[0]?.position ?? ifEmpty) : 0;
}
