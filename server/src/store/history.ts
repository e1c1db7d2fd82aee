import { limits, utf8Bytes } from '@threadwire/protocol';
import type { Message, Thread, ThreadHistory } from '@threadwire/protocol';
import { mayRead } from '../threads/access.ts';
import { threadNotFound } from './rules.ts';
import type { HistoryRequest, HistoryResult } from './thread-store.ts';

/** How many messages to read, and how many bytes of JSON are enough. */
export interface PageBounds {
  readonly limit: number;
  /** A reader may stop once the contents that it holds, streaming ones aside, are above this; it need not. */
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

/** Reads one page as the contract shapes it; the one place that knows its rules. */
async function readHistory(reader: HistoryReader, request: HistoryRequest, budget: Budget): Promise<HistoryResult> {
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
    enoughBytes: limits.maxHistoryBytes,
  };
  const read = recovered
    ? await reader.afterSeq(threadId, afterSeq!, bounds)
    : await reader.beforePosition(threadId, request.beforePosition, bounds);

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
  return { ok: true, history };
}

/** Counts the JSON bytes of messages: at most so many per answer (but one message), and so many in all answers. */
class Budget {
  #answer = 0;
  #answerIsEmpty = true;
  #total: number;
  #allEmpty = true;

  constructor(total: number) {
    this.#total = total;
  }

  nextAnswer(): void {
    this.#answer = limits.maxHistoryBytes;
    this.#answerIsEmpty = true;
  }

  take(message: Message): boolean {
    const bytes = utf8Bytes(JSON.stringify(message));
    if (bytes > this.#answer && !this.#answerIsEmpty) return false;
    if (bytes > this.#total && !this.#allEmpty) return false;
    this.#answer -= bytes;
    this.#total -= bytes;
    this.#answerIsEmpty = false;
    this.#allEmpty = false;
    return true;
  }
}

/** Reads pages one after the other within a shared budget of JSON bytes. */
export async function readHistories(
  reader: HistoryReader,
  requests: readonly HistoryRequest[],
  totalBytes: number = Number.POSITIVE_INFINITY,
): Promise<HistoryResult[]> {
  const budget = new Budget(totalBytes);
  const results: HistoryResult[] = [];
  for (const request of requests) {
    budget.nextAnswer();
    results.push(await readHistory(reader, request, budget));
  }
  return results;
}
