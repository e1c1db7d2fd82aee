import { limits, utf8Bytes } from '@threadwire/protocol';
import type { Message, Thread, ThreadHistory } from '@threadwire/protocol';
import { mayRead } from '../threads/access.ts';
import { threadNotFound } from './rules.ts';
import type { HistoryRequest, HistoryResult, Refusal } from './thread-store.ts';

/** How many messages to read, and how many bytes of JSON are enough. */
export interface PageBounds {
  readonly limit: number;
  /** A reader may stop once it holds two messages or more, streaming ones aside, with contents above this; it need not. */
  readonly enoughBytes: number;
}

/**
 * What a page of history is made from. Readers need no snapshot: `thread` is read first, and a message read later may
 * be newer than its `head_seq`, but none that the page covers may be missing from it unless it changed meanwhile.
 */
export interface HistoryReader {
  /** With exact `head_seq` and `updated_at`. */
  thread(id: string): Thread | undefined | Promise<Thread | undefined>;
  /** How many messages have a seq above this one; counting stops at `max`. */
  countAfter(threadId: string, seq: number, max: number): number | Promise<number>;
  /** Those above this seq, by seq. */
  afterSeq(threadId: string, seq: number, bounds: PageBounds): Message[] | Promise<Message[]>;
  /** Those before this position, newest first. */
  beforePosition(threadId: string, position: number | undefined, bounds: PageBounds): Message[] | Promise<Message[]>;
  /** Every message whose status is `streaming`, with its text so far. */
  streaming(threadId: string): Message[] | Promise<Message[]>;
}

/** What was read for a request, before it is cut to what the answer may hold. */
interface Page {
  readonly thread: Thread;
  readonly read: readonly Message[];
  readonly streaming: Map<string, Message>;
  readonly recovered: boolean;
  readonly limit: number;
}

/** Reads what one page is made from, or refuses. */
async function readPage(reader: HistoryReader, request: HistoryRequest, enoughBytes: number): Promise<Page | Refusal> {
  const { threadId, afterSeq } = request;
  const thread = await reader.thread(threadId);
  if (!thread || !mayRead(thread, request.actor)) return threadNotFound(threadId);
  const streaming = new Map<string, Message>();
  for (const message of await reader.streaming(threadId)) streaming.set(message.id, message);

  let recovered = false;
  if (afterSeq !== undefined && afterSeq <= thread.head_seq) {
    const max = limits.maxRecoverableChanges + 1;
    recovered = (await reader.countAfter(threadId, afterSeq, max)) < max;
  }
  const limit = request.limit ?? (recovered ? limits.maxHistoryPage : limits.defaultHistoryPage);
  // One more than asked for tells whether there are more; streaming ones do not count.
  const bounds: PageBounds = {
    limit: limit + 1 + limits.maxStreamsPerThread,
    enoughBytes,
  };
  const read = recovered
    ? await reader.afterSeq(threadId, afterSeq!, bounds)
    : await reader.beforePosition(threadId, request.beforePosition, bounds);
  return { thread, read, streaming, recovered, limit };
}

/** Shapes one page as the contract says; with {@link readPage} the one place that knows its rules. */
function shapePage({ thread, read, streaming, recovered, limit }: Page, budget: Budget): HistoryResult {
  const messages: Message[] = [];
  let hasMore = false;
  for (const message of read) {
    if (message.status === 'streaming') {
      streaming.set(message.id, message);
    } else if (messages.length === limit || !budget.take(message)) {
      hasMore = true;
      break;
    } else {
      messages.push(message);
      streaming.delete(message.id);
    }
  }
  if (!recovered) messages.reverse();
  const history: ThreadHistory = {
    thread,
    messages,
    streaming: [...streaming.values()],
    head_seq: thread.head_seq,
    recovered,
    has_more: hasMore,
  };
  const { answerBytes: bytes, cutAt } = budget;
  return cutAt === undefined ? { ok: true, history, bytes } : { ok: true, history, bytes, cutAt };
}

/**
 * Counts the JSON bytes of messages: at most so many per answer (but one message), and so many in all answers. What was
 * taken says all that it knows between two answers, so another one can go on from there.
 */
export class Budget {
  #answer = 0;
  #answerIsEmpty = true;
  readonly #total: number;
  #taken: number;
  #takenBefore = 0;
  #cutAt: number | undefined;

  constructor(total = Number.POSITIVE_INFINITY, taken = 0) {
    this.#total = total;
    this.#taken = taken;
  }

  get taken(): number {
    return this.#taken;
  }

  get leftOfTotal(): number {
    return Math.max(0, this.#total - this.#taken);
  }

  /** What was taken for this answer. */
  get answerBytes(): number {
    return this.#taken - this.#takenBefore;
  }

  /** How much was left for this answer where the total refused a message of it. */
  get cutAt(): number | undefined {
    return this.#cutAt;
  }

  /** What the next answer may hold at most. */
  get left(): number {
    return Math.max(0, Math.min(limits.maxHistoryBytes, this.#total - this.#taken));
  }

  nextAnswer(): void {
    this.#takenBefore = this.#taken;
    this.#cutAt = undefined;
    this.#answer = limits.maxHistoryBytes;
    this.#answerIsEmpty = true;
  }

  /** Takes a whole answer of this size, if there is room. */
  takeAnswer(bytes: number): boolean {
    if (bytes > this.#total - this.#taken) return false;
    this.#taken += bytes;
    return true;
  }

  take(message: Message): boolean {
    // With the brackets around the messages, or the comma before this one.
    const bytes = utf8Bytes(JSON.stringify(message)) + (this.#answerIsEmpty ? 2 : 1);
    if (bytes > this.#answer && !this.#answerIsEmpty) return false;
    if (bytes > this.#total - this.#taken && this.#taken > 0) {
      this.#cutAt = Math.max(0, this.#total - this.#takenBefore);
      return false;
    }
    this.#answer -= bytes;
    this.#taken += bytes;
    this.#answerIsEmpty = false;
    return true;
  }
}

/**
 * Reads pages within a shared budget of JSON bytes, which they take from in order: one call for several requests, or
 * several calls with one budget, come to the same. At most `ahead` pages are read at a time: more than one where reading
 * waits for a network.
 */
export async function readHistories(
  reader: HistoryReader,
  requests: readonly HistoryRequest[],
  budget = new Budget(),
  ahead = 1,
): Promise<HistoryResult[]> {
  const results: HistoryResult[] = [];
  const pages: Promise<Page | Refusal>[] = [];
  let next = 0;
  while (results.length < requests.length) {
    while (pages.length < ahead && next < requests.length) {
      const page = readPage(reader, requests[next++]!, budget.left);
      // If an earlier one fails, nobody waits for this one.
      page.catch(() => undefined);
      pages.push(page);
    }
    const page = await pages.shift()!;
    budget.nextAnswer();
    results.push('ok' in page ? page : shapePage(page, budget));
  }
  return results;
}
