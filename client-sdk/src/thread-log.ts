import type { Message, ServerPayload, Thread, ThreadHistory } from '@threadwire/protocol';
import { MessageList } from './message-list.ts';
import { ToldText } from './told-text.ts';
import type { StreamChunk } from './told-text.ts';

/** A durable change of a thread, as handlers get it: live, or as recovery found it. */
export type ThreadChange =
  | { readonly event: 'thread_message' | 'message_updated' | 'stream_start'; readonly payload: Message }
  | { readonly event: 'stream_end'; readonly payload: ServerPayload<'stream_end'> };

/** Whatever handlers are told of a thread: its changes, and text as it grows. */
export type ThreadNews = ThreadChange | { readonly event: 'stream_chunk'; readonly payload: StreamChunk };

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
  readonly #messages = new MessageList();
  #told = new ToldText();
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
    return this.#messages.sorted;
  }

  get(id: string): Message | undefined {
    return this.#messages.get(id);
  }

  /** Forgets everything. */
  clear(): void {
    this.#messages.clear();
    this.#told = new ToldText();
    this.#thread = undefined;
    this.#applied = undefined;
    this.#recovery = undefined;
    this.#floor = 0;
    this.#news = undefined;
  }

  /** Holds a message as an answer brought it: seen, but out of turn. Of one that streams the longer text is the newer one. */
  merge(message: Message): void {
    if (this.#applied === undefined) return;
    const held = this.#messages.get(message.id) ?? this.#news?.get(message.id);
    if (held && !isNewer(message, held)) return;
    // Nothing is held that lies before the first page: it would look like a gap.
    if (message.position >= this.#floor) this.#messages.put(message);
    else this.#news?.set(message.id, message);
  }

  /** Whether text is missing before this event: it has to be read first. */
  isAhead(news: ThreadNews): boolean {
    if (news.event !== 'stream_chunk' && news.event !== 'stream_end') return false;
    const held = this.#messages.get(news.payload.stream_id);
    if (held?.status !== 'streaming') return false;
    if (news.event === 'stream_chunk') return news.payload.offset > held.content.length;
    return news.payload.seq > (this.#applied ?? 0) && news.payload.length > held.content.length;
  }

  /** Takes an event in its turn. Returns what is new in it: nothing where all of it was seen before. */
  apply(news: ThreadNews): ThreadNews[] {
    if (news.event === 'stream_chunk') return asNews(this.#grow(news.payload));
    const { seq } = news.payload;
    if (this.#applied === undefined || seq <= this.#applied) return [];
    this.#applied = seq;
    const rest = news.event === 'stream_end' ? this.#endStream(news.payload) : this.#take(news.payload);
    return [...asNews(rest), news];
  }

  /** Takes a page of what came after `applied`, or says with `recovered: false` that it begins anew. Returns what is new. */
  recover(page: ThreadHistory): ThreadNews[] {
    if (!page.recovered || this.#applied === undefined) return this.#reload(page);
    const after = this.#applied;
    this.#recovery ??= { from: after, told: new Set() };
    const recovery = this.#recovery;
    this.#thread = page.thread;
    // What only grew has no new seq: no other part of a page tells of it.
    const grown = page.streaming.filter(({ seq }) => seq <= after).flatMap((message) => this.#growTo(message));
    // Of a page that is not the last, only what it holds is known; what is streaming may lie beyond that.
    const until = page.has_more ? (page.messages.at(-1)?.seq ?? after) : Math.max(after, page.head_seq);
    const streaming = page.streaming.filter(({ seq }) => seq <= until);
    const messages = inOrder([...page.messages, ...streaming], after);
    const changes = messages.flatMap((message) => [...asNews(this.#take(message)), tell(message, recovery)]);
    this.#applied = until;
    if (!page.has_more) this.#recovery = undefined;
    return [...asNews(grown), ...changes];
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
    for (const message of [...page.messages, ...page.streaming, ...news.values()]) {
      // Of what is above `applied` handlers are told in its turn.
      const isOld = !this.#messages.get(message.id) && message.seq <= (this.#applied ?? 0);
      this.merge(message);
      if (isOld) this.#told.know(message);
    }
  }

  /** None will come. */
  forgetOlder(): void {
    this.#news = undefined;
  }

  /** Lets go of all but the newest so many messages. */
  keepNewest(count: number): void {
    const released = this.messages.slice(0, Math.max(0, this.#messages.size - count));
    if (released.length === 0) return;
    for (const { id } of released) {
      this.#messages.delete(id);
      this.#told.forget(id);
    }
    this.#floor = this.messages[0]?.position ?? (this.#applied ?? 0) + 1;
    this.#news = undefined;
  }

  #reload(page: ThreadHistory): ThreadNews[] {
    const before = this.#applied;
    const recovery = this.#recovery ?? { from: before ?? 0, told: new Set<string>() };
    const all = [...page.messages, ...page.streaming];
    const rest = new Map(
      all.map((message) => [message.id, this.#told.tellRest(message, this.#messages.get(message.id))]),
    );
    this.clear();
    this.#thread = page.thread;
    this.#floor = floorOf(page, page.head_seq + 1);
    this.#applied = page.head_seq;
    for (const message of all) this.#take(message);
    // The first page is where one begins, not news; and a head that went back is another history.
    if (before === undefined || page.head_seq < before) return [];
    return inOrder(this.messages, 0).flatMap((message) => {
      const chunks = asNews(rest.get(message.id)!);
      return message.seq > before ? [...chunks, tell(message, recovery)] : chunks;
    });
  }

  /** Holds a message as its event or a page tells of it. Returns the text that has to be told before it. */
  #take(message: Message): StreamChunk[] {
    const rest = this.#told.tellRest(message, this.#messages.get(message.id));
    this.merge(message);
    if (this.#messages.get(message.id)) this.#told.know(message);
    return rest;
  }

  #grow(chunk: StreamChunk): StreamChunk[] {
    let held = this.#messages.get(chunk.stream_id);
    if (!held) return [];
    if (held.status === 'streaming') {
      const known = held.content.length - chunk.offset;
      // A repair did not bring what lies before it.
      if (known < 0) return [];
      if (known < chunk.delta.length) {
        held = { ...held, content: held.content + chunk.delta.slice(known) };
        this.#messages.put(held);
      }
    }
    return this.#told.tellChunk(chunk, held);
  }

  #growTo(message: Message): StreamChunk[] {
    if (!this.#messages.get(message.id)) return [];
    this.merge(message);
    const held = this.#messages.get(message.id)!;
    // An answer may have brought its end already, whose event is still to come.
    return held.seq === message.seq ? this.#told.tell(held) : [];
  }

  #endStream({ stream_id: id, length, ...end }: ServerPayload<'stream_end'>): StreamChunk[] {
    const held = this.#messages.get(id);
    if (!held) {
      // A page that has it as it was before would be too old.
      this.#news = undefined;
      return [];
    }
    const { seq, status, updated_at, error, metadata } = end;
    if (held.seq < seq) {
      this.#messages.put({
        ...held,
        seq,
        status,
        updated_at,
        ...(error !== undefined && { error }),
        ...(metadata !== undefined && { metadata }),
      });
    }
    // Where an answer brought a later change first, this text is not held any more.
    const rest = held.seq > seq ? [] : this.#told.tell(held, Math.min(length, held.content.length));
    this.#told.forget(id);
    return rest;
  }
}

function isNewer(message: Message, held: Message): boolean {
  if (message.seq !== held.seq) return message.seq > held.seq;
  return held.status === 'streaming' && message.content.length > held.content.length;
}

function asNews(chunks: readonly StreamChunk[]): ThreadNews[] {
  return chunks.map((payload) => ({ event: 'stream_chunk', payload }));
}

function inOrder(messages: readonly Message[], after: number): Message[] {
  return messages.filter(({ seq }) => seq > after).sort((a, b) => a.seq - b.seq);
}

/** Each message is new once: where it changes again before recovery has ended, it comes again. */
function tell(message: Message, { from, told }: Recovery): ThreadChange {
  const isNew = message.position > from && !told.has(message.id);
  told.add(message.id);
  return { event: isNew ? 'thread_message' : 'message_updated', payload: message };
}

/** The position from which on a page by position is complete. */
function floorOf(page: ThreadHistory, ifEmpty: number): number {
  return page.has_more ? (page.messages[0]?.position ?? ifEmpty) : 0;
}
