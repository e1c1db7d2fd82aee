import type { ThreadHistory } from '@threadwire/protocol';
import { readersOf } from '../threads/access.ts';
import type { Actor } from '../threads/access.ts';
import { Budget } from './history.ts';
import { threadNotFound } from './rules.ts';
import { StoreUnavailable } from './thread-store.ts';
import type { HistoryRequest, HistoryResult, Revocation, ThreadStore } from './thread-store.ts';

/** How much is kept, counted in characters of JSON. */
const keptLength = 16 * 1024 * 1024;
/** After a write without an answer nothing is kept for so long: longer than it can be late. */
const distrustMs = 60_000;

/** Pages are read for everybody, and handed to those who may read them. */
const everybody: Actor = { id: '', agent: false, admin: true };

type ReadPage = Extract<HistoryResult, { ok: true }>;

/** A page that is asked for in this turn, is being read, or is kept. */
interface Page {
  readonly key: string;
  readonly request: HistoryRequest;
  readonly result: Promise<HistoryResult>;
  readonly settle: (result: HistoryResult | Promise<HistoryResult>) => void;
  /** Of what is kept. */
  length: number;
  mayRead: ReturnType<typeof readersOf> | undefined;
}

/**
 * A store that reads a page of history once for all who ask for it in the same turn of the event loop: when a server
 * comes back, everybody does, for the same threads. The embedded store is written to by this process alone, and through
 * here; so its pages are kept, as far as there is room, until their thread is written to.
 *
 * Whatever changes what a page shows has to go through a method here that lets go of the thread's pages when it has
 * ended, before anybody hears of it.
 */
export function shareReads(store: ThreadStore, now: () => number): ThreadStore {
  return new SharedReads(store, now);
}

class SharedReads implements ThreadStore {
  readonly kind: ThreadStore['kind'];
  readonly writesInOrder: boolean;
  readonly #store: ThreadStore;
  readonly #now: () => number;
  /** The least recently used first. */
  readonly #pages = new Map<string, Page>();
  readonly #ofThread = new Map<string, Set<Page>>();
  #length = 0;
  #keepsFrom: number;
  #atTurnEnd: (() => void)[] = [];

  constructor(store: ThreadStore, now: () => number) {
    this.kind = store.kind;
    this.writesInOrder = store.writesInOrder ?? false;
    this.#store = store;
    this.#now = now;
    this.#keepsFrom = store.kind === 'embedded' ? 0 : Number.POSITIVE_INFINITY;
  }

  write(ops: Parameters<ThreadStore['write']>[0]): ReturnType<ThreadStore['write']> {
    return this.#changing(new Set(ops.map((op) => op.threadId)), this.#store.write(ops));
  }

  createThread(request: Parameters<ThreadStore['createThread']>[0]): ReturnType<ThreadStore['createThread']> {
    return this.#changing([request.id], this.#store.createThread(request));
  }

  updateThread(request: Parameters<ThreadStore['updateThread']>[0]): ReturnType<ThreadStore['updateThread']> {
    return this.#changing([request.threadId], this.#store.updateThread(request));
  }

  threads(ids: readonly string[]): ReturnType<ThreadStore['threads']> {
    return this.#store.threads(ids);
  }

  listThreads(request: Parameters<ThreadStore['listThreads']>[0]): ReturnType<ThreadStore['listThreads']> {
    return this.#store.listThreads(request);
  }

  async histories(requests: readonly HistoryRequest[], totalBytes?: number): Promise<HistoryResult[]> {
    const missing: Page[] = [];
    const pages = requests.map((request) => this.#find(request) ?? this.#add(request, missing));
    if (missing.length > 0) this.#read(missing, totalBytes);
    const results = await Promise.all(pages.map(({ result }) => result));

    const budget = new Budget(totalBytes);
    const answers: HistoryResult[] = [];
    for (const [i, request] of requests.entries()) {
      budget.nextAnswer();
      answers.push(await this.#answer(request, pages[i]!, results[i]!, budget));
    }
    return answers;
  }

  changesAfter(...args: Parameters<ThreadStore['changesAfter']>): ReturnType<ThreadStore['changesAfter']> {
    return this.#store.changesAfter(...args);
  }

  findStream(id: string): ReturnType<ThreadStore['findStream']> {
    return this.#store.findStream(id);
  }

  abandonedStreams(...args: Parameters<ThreadStore['abandonedStreams']>): ReturnType<ThreadStore['abandonedStreams']> {
    return this.#store.abandonedStreams(...args);
  }

  appendAudit(...args: Parameters<ThreadStore['appendAudit']>): ReturnType<ThreadStore['appendAudit']> {
    return this.#store.appendAudit(...args);
  }

  audit(...args: Parameters<ThreadStore['audit']>): ReturnType<ThreadStore['audit']> {
    return this.#store.audit(...args);
  }

  revoke(revocation: Revocation): Promise<void> {
    return this.#store.revoke(revocation);
  }

  restore(userId: string): Promise<void> {
    return this.#store.restore(userId);
  }

  revocations(): Promise<Revocation[]> {
    return this.#store.revocations();
  }

  ping(): Promise<void> {
    return this.#store.ping();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #answer(request: HistoryRequest, page: Page, result: HistoryResult, budget: Budget): Promise<HistoryResult> {
    if (!result.ok) return result;
    page.mayRead ??= readersOf(result.history.thread);
    if (!page.mayRead(request.actor)) return threadNotFound(request.threadId);
    let read: HistoryResult = result;
    if (lacks(result, budget)) {
      [read] = (await this.#store.histories([request], budget.leftOfTotal)) as [HistoryResult];
    }
    return read.ok ? cut(read, budget) : read;
  }

  #find(request: HistoryRequest): Page | undefined {
    const page = this.#pages.get(keyOf(request));
    if (page && page.length > 0) {
      this.#pages.delete(page.key);
      this.#pages.set(page.key, page);
    }
    return page;
  }

  #add(request: HistoryRequest, missing: Page[]): Page {
    const { promise: result, resolve: settle } = withResolvers<HistoryResult>();
    const page: Page = { key: keyOf(request), request, result, settle, length: 0, mayRead: undefined };
    this.#pages.set(page.key, page);
    const pages = this.#ofThread.get(request.threadId);
    if (pages) pages.add(page);
    else this.#ofThread.set(request.threadId, new Set([page]));
    missing.push(page);
    return page;
  }

  /** Reads pages at the end of this turn: until then others may ask for them too. */
  #read(pages: readonly Page[], totalBytes: number | undefined): void {
    if (this.#atTurnEnd.length === 0) {
      setImmediate(() => {
        for (const read of this.#atTurnEnd.splice(0)) read();
      });
    }
    this.#atTurnEnd.push(() => {
      const requests = pages.map(({ request }) => ({ ...request, actor: everybody }));
      const results = this.#store.histories(requests, totalBytes);
      for (const [i, page] of pages.entries()) {
        // Of what is changed elsewhere only those hear who asked before the read began.
        if (!this.#keeps) this.#forget(page);
        page.settle(results.then((read) => read[i]!));
        page.result.then(
          (result) => this.#keep(page, result),
          () => this.#forget(page),
        );
      }
    });
  }

  get #keeps(): boolean {
    return this.#now() >= this.#keepsFrom;
  }

  #keep(page: Page, result: HistoryResult): void {
    // Its thread may have been written to meanwhile. The text of a stream grows without a seq.
    if (this.#pages.get(page.key) !== page) return;
    if (!result.ok || result.cutAt !== undefined || result.history.streaming.length > 0) {
      this.#forget(page);
      return;
    }
    page.length = result.bytes + JSON.stringify(result.history.thread).length;
    this.#length += page.length;
    for (const oldest of this.#pages.values()) {
      if (this.#length <= keptLength) break;
      if (oldest.length > 0) this.#forget(oldest);
    }
  }

  #forget(page: Page): void {
    if (this.#pages.get(page.key) !== page) return;
    this.#pages.delete(page.key);
    this.#length -= page.length;
    const { threadId } = page.request;
    const pages = this.#ofThread.get(threadId)!;
    pages.delete(page);
    if (pages.size === 0) this.#ofThread.delete(threadId);
  }

  /** Passes on what a change came to, after the pages that do not show it were let go of. */
  async #changing<T>(threadIds: Iterable<string>, change: Promise<T>): Promise<T> {
    try {
      return await change;
    } catch (error) {
      if (error instanceof StoreUnavailable && this.kind === 'embedded') {
        this.#keepsFrom = this.#now() + distrustMs;
        for (const page of this.#pages.values()) this.#forget(page);
      }
      throw error;
    } finally {
      for (const id of threadIds) for (const page of this.#ofThread.get(id) ?? []) this.#forget(page);
    }
  }
}

function keyOf({ threadId, afterSeq, beforePosition, limit }: HistoryRequest): string {
  return `${threadId} ${afterSeq ?? ''} ${beforePosition ?? ''} ${limit ?? ''}`;
}

/** Whether the page was cut for somebody who had less room left, or none even for a first message. */
function lacks({ cutAt, history }: ReadPage, budget: Budget): boolean {
  if (cutAt === undefined) return false;
  return budget.leftOfTotal > cutAt || (budget.taken === 0 && history.messages.length === 0);
}

/** The page, or as much of it as there is room for. */
function cut(page: ReadPage, budget: Budget): HistoryResult {
  if (budget.takeAnswer(page.bytes)) return page;
  const { messages, recovered } = page.history;
  const inOrder = recovered ? messages : messages.toReversed();
  const refused = inOrder.findIndex((message) => !budget.take(message));
  if (refused < 0) return page;
  const kept = inOrder.slice(0, refused);
  const history: ThreadHistory = {
    ...page.history,
    messages: recovered ? kept : kept.reverse(),
    has_more: true,
  };
  return { ok: true, history, bytes: budget.answerBytes, cutAt: budget.cutAt };
}

function withResolvers<T>() {
  let resolve!: (value: T | Promise<T>) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
