import type { Message, ThreadHistory } from '@threadwire/protocol';
import type { Logger } from '../logger.ts';
import { messageChange } from './durable-event.ts';
import type { Announcement, Change, TextChange } from './durable-event.ts';

/** What the announcer needs of the outside. */
export interface AnnouncerPorts {
  readonly publish: (announcement: Announcement) => void;
  readonly changesAfter: (
    threadId: string,
    seq: number,
    limit: number,
  ) => Promise<{ messages: Message[]; headSeq: number }>;
  readonly logger: Logger;
  /** Calls back after `delayMs`; injected by tests. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** How long a change waits for those before it until the store is asked for them. */
const gapWaitMs = 50;
/** The first pause after the store could not be asked; it doubles up to the longest. */
const firstRetryMs = 100;
const longestRetryMs = 2000;
const healPageLimit = 200;
/** Changes, and as many pieces of text, kept while a change before them is missing; the store has them all. */
const maxWaiting = 1000;

/** Collects the changes of one thread from the moment it is opened until its owner has joined the thread. */
export interface Tap {
  readonly threadId: string;
  /** Members of the thread changed since the tap was opened: access must be checked again. */
  accessChanged: boolean;
}

class OpenTap implements Tap {
  readonly threadId: string;
  readonly announced: Announcement[] = [];
  /** Everything after this seq is in `announced`; undefined until the thread's first seq is known. */
  coveredFrom: number | undefined;
  accessChanged = false;

  constructor(threadId: string, coveredFrom: number | undefined) {
    this.threadId = threadId;
    this.coveredFrom = coveredFrom;
  }
}

/** A thread that somebody on this node listens to. */
interface ThreadLog {
  /** The last seq announced; undefined until the first joiner has read the thread. */
  last: number | undefined;
  /** Changes above `last + 1`, by seq. */
  readonly waiting: Map<number, Change>;
  /** Text of messages above `last`. */
  waitingText: TextChange[];
  readonly taps: Set<OpenTap>;
  /** The store is being asked, or soon will be. */
  healing: boolean;
  /** The highest seq known to exist. */
  known: number;
  /** A write may have taken effect that nobody announces: the store must be asked. */
  suspected: boolean;
}

/**
 * Announces the changes of each thread in the order of their seq, whatever order they arrive in, and fills what is
 * missing from the store. So whoever is in a thread's room sees every change above the head they joined at, in order.
 */
export class Announcer {
  readonly #ports: AnnouncerPorts;
  readonly #logs = new Map<string, ThreadLog>();

  constructor(ports: AnnouncerPorts) {
    this.#ports = ports;
  }

  /** A change was committed, here or elsewhere. */
  announce(change: Change): void {
    const log = this.#logs.get(change.threadId);
    if (!log) return;
    log.known = Math.max(log.known, change.seq);
    if (log.last === undefined) {
      for (const tap of log.taps) tap.announced.push(change);
    } else if (change.seq === log.last + 1) {
      this.#deliver(log, change);
      this.#deliverWaiting(log);
    } else if (change.seq > log.last) {
      if (log.waiting.size < maxWaiting) log.waiting.set(change.seq, change);
      this.#healLater(change.threadId, log, gapWaitMs);
    }
  }

  /** Text of a streamed message was stored: it goes out as soon as the start of the message has. */
  announceText(text: TextChange): void {
    const log = this.#logs.get(text.threadId);
    if (!log) return;
    if (log.last === undefined) {
      for (const tap of log.taps) tap.announced.push(text);
    } else if (text.position <= log.last) {
      this.#send(log, text);
    } else if (log.waitingText.length < maxWaiting) {
      log.waitingText.push(text);
    }
  }

  /** The thread is known to have reached this seq; what does not arrive by itself is fetched. */
  observe(threadId: string, headSeq: number): void {
    const log = this.#logs.get(threadId);
    if (log?.last === undefined || headSeq <= log.last) return;
    log.known = Math.max(log.known, headSeq);
    this.#healLater(threadId, log, gapWaitMs);
  }

  /** A write to the thread ended without an answer: it may have taken effect. */
  suspect(threadId: string): void {
    const log = this.#logs.get(threadId);
    if (!log) return;
    log.suspected = true;
    if (log.last !== undefined) this.#healLater(threadId, log, gapWaitMs);
  }

  /** Starts to collect the thread's changes. To be opened before the thread is read, and closed in the end. */
  tap(threadId: string): Tap {
    let log = this.#logs.get(threadId);
    if (!log) {
      log = {
        last: undefined,
        waiting: new Map(),
        waitingText: [],
        taps: new Set(),
        healing: false,
        known: 0,
        suspected: false,
      };
      this.#logs.set(threadId, log);
    }
    const tap = new OpenTap(threadId, log.last);
    log.taps.add(tap);
    return tap;
  }

  /**
   * Whether the tap holds every change above the head that was read while it was open. If not, read again: another
   * joiner had read further by then.
   */
  covers(tap: Tap, headSeq: number): boolean {
    const { log, open } = this.#find(tap);
    if (log.last === undefined) this.#begin(tap.threadId, log, headSeq);
    return open.coveredFrom !== undefined && open.coveredFrom <= headSeq;
  }

  /**
   * Closes the tap and returns what it holds beyond this history, in the order in which it was announced: the changes
   * above its head, and the text that its streams lack.
   */
  close(tap: Tap, { head_seq: headSeq, streaming }: Pick<ThreadHistory, 'head_seq' | 'streaming'>): Announcement[] {
    const { log, open } = this.#find(tap);
    log.taps.delete(open);
    const lengths = new Map(streaming.map(({ id, content }) => [id, content.length]));
    return open.announced.filter((announced) => {
      if (announced.event !== 'stream_chunk') return announced.seq > headSeq;
      const { stream_id: id, offset, delta } = announced.payload;
      // Of a stream up to the head that is not among them the history has the end.
      const held = lengths.get(id) ?? (announced.position <= headSeq ? Number.POSITIVE_INFINITY : 0);
      return offset + delta.length > held;
    });
  }

  /** Closes a tap that comes to nothing. */
  drop(tap: Tap): void {
    const { log, open } = this.#find(tap);
    log.taps.delete(open);
  }

  /** Everybody has left the thread. */
  forget(threadId: string): void {
    if (this.#logs.get(threadId)?.taps.size === 0) this.#logs.delete(threadId);
  }

  /** The members of a thread changed: joins under way must check access again. */
  accessChanged(threadId: string): void {
    for (const tap of this.#logs.get(threadId)?.taps ?? []) tap.accessChanged = true;
  }

  /** How many threads are kept: those that are listened to, and those that are being joined. */
  get size(): number {
    return this.#logs.size;
  }

  /** The threads that are listened to, with the last seq announced. */
  heads(): Map<string, number> {
    const heads = new Map<string, number>();
    for (const [threadId, { last }] of this.#logs) if (last !== undefined) heads.set(threadId, last);
    return heads;
  }

  #find(tap: Tap): { log: ThreadLog; open: OpenTap } {
    const log = this.#logs.get(tap.threadId);
    if (!log || !(tap instanceof OpenTap) || !log.taps.has(tap)) throw new Error('the tap is closed');
    return { log, open: tap };
  }

  /** The first joiner has read the thread up to here: from now on changes are announced in order. */
  #begin(threadId: string, log: ThreadLog, headSeq: number): void {
    log.last = headSeq;
    const early = new Map<number, Change>();
    const text = new Set<TextChange>();
    for (const tap of log.taps) {
      tap.coveredFrom = headSeq;
      for (const announced of tap.announced.splice(0)) {
        if (announced.event === 'stream_chunk') text.add(announced);
        else early.set(announced.seq, announced);
      }
    }
    // The text first: that of a message which is announced now waits for it, and comes before its end.
    for (const one of text) this.announceText(one);
    for (const seq of [...early.keys()].sort((a, b) => a - b)) this.announce(early.get(seq)!);
    this.observe(threadId, log.known);
    if (log.suspected) this.#healLater(threadId, log, gapWaitMs);
  }

  #deliver(log: ThreadLog, change: Change): void {
    log.last = change.seq;
    this.#send(log, change);
    if (log.waitingText.length > 0) this.#sendWaitingText(log);
  }

  #send(log: ThreadLog, announcement: Announcement): void {
    for (const tap of log.taps) tap.announced.push(announcement);
    this.#ports.publish(announcement);
  }

  #sendWaitingText(log: ThreadLog): void {
    const { waitingText, last } = log;
    log.waitingText = waitingText.filter(({ position }) => position > last!);
    for (const text of waitingText) if (text.position <= last!) this.#send(log, text);
  }

  #deliverWaiting(log: ThreadLog): void {
    for (;;) {
      const next = log.waiting.get(log.last! + 1);
      if (!next) return;
      log.waiting.delete(next.seq);
      this.#deliver(log, next);
    }
  }

  #healLater(threadId: string, log: ThreadLog, delayMs: number): void {
    if (log.healing) return;
    log.healing = true;
    this.#ports.schedule(() => {
      if (this.#needsStore(threadId, log)) void this.#heal(threadId, log, delayMs);
      else log.healing = false;
    }, delayMs);
  }

  /** Whether the thread is still listened to, and something of it is, or may be, missing. */
  #needsStore(threadId: string, log: ThreadLog): boolean {
    return this.#logs.get(threadId) === log && (log.suspected || log.known > log.last!);
  }

  async #heal(threadId: string, log: ThreadLog, waitedMs: number): Promise<void> {
    const { suspected } = log;
    let delayMs = gapWaitMs;
    // What is suspected from now on may be too late for this read.
    log.suspected = false;
    try {
      await this.#fillFromStore(threadId, log);
    } catch (error) {
      this.#ports.logger.warn({ err: error, thread_id: threadId }, 'missing changes could not be read, trying again');
      log.suspected ||= suspected;
      delayMs = Math.min(longestRetryMs, Math.max(firstRetryMs, waitedMs * 2));
    }
    log.healing = false;
    if (this.#needsStore(threadId, log)) this.#healLater(threadId, log, delayMs);
  }

  async #fillFromStore(threadId: string, log: ThreadLog): Promise<void> {
    const from = log.last!;
    for (let after = from; ;) {
      const knownBefore = log.known;
      const { messages, headSeq } = await this.#ports.changesAfter(threadId, after, healPageLimit);
      // Everybody left meanwhile; whoever came since began anew.
      if (this.#logs.get(threadId) !== log) return;
      for (const message of messages) {
        after = message.seq;
        // It may have arrived by itself meanwhile.
        if (message.seq <= log.last!) continue;
        const isNew = message.position > from;
        this.#deliver(log, messageChange(isNew ? 'thread_message' : 'message_updated', message));
      }
      const isAll = messages.length < healPageLimit;
      // A seq that is missing up to here was superseded by a higher one of the same message.
      if (isAll && headSeq > log.last!) log.last = headSeq;
      this.#sendWaitingText(log);
      for (const seq of log.waiting.keys()) if (seq <= log.last!) log.waiting.delete(seq);
      this.#deliverWaiting(log);
      if (isAll) {
        // What the answer lacks does not exist, unless it became known after the question.
        if (log.known === knownBefore) log.known = Math.max(log.last!, ...log.waiting.keys());
        return;
      }
    }
  }
}
