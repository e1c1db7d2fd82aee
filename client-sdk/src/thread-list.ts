import type { Thread } from '@threadwire/protocol';
import type { Connection } from './connection.ts';
import { closedError } from './errors.ts';
import type { ThreadwireError } from './errors.ts';
import { Listeners } from './listeners.ts';
import type { Requests } from './requests.ts';

/** The threads the user may read, as far as they were asked for. Never changes; a change makes another one. */
export interface ThreadListSnapshot {
  /** `idle`: nobody watches. `reconnecting`: what is here may be old. */
  readonly status: 'idle' | 'loading' | 'live' | 'reconnecting' | 'failed';
  readonly error: ThreadwireError | undefined;
  /** Newest activity first. */
  readonly threads: readonly Thread[];
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
}

/** What was said while pages were read, which is newer than they are. */
interface News {
  readonly threads: Map<string, Thread>;
  readonly removed: Set<string>;
}

const pageSize = 50;

/** A live list of threads: pages of `list_threads`, kept up to date by `threads_updated`. */
export class ThreadList {
  readonly #connection: Pick<Connection, 'emit' | 'state'>;
  readonly #requests: Pick<Requests, 'call'>;
  readonly #listeners = new Listeners();
  readonly #byId = new Map<string, Thread>();
  #holders = 0;
  #status: ThreadListSnapshot['status'] = 'idle';
  #error: ThreadwireError | undefined;
  #nextCursor: string | undefined;
  #isLoadingMore = false;
  #news: News | undefined;
  /** Counts what makes an answer under way worthless. */
  #epoch = 0;
  #snapshot: ThreadListSnapshot | undefined;

  constructor(connection: Pick<Connection, 'emit' | 'state'>, requests: Pick<Requests, 'call'>) {
    this.#connection = connection;
    this.#requests = requests;
  }

  /** Follows the list until the function returned is called. May be called as often as there are parts that need it. */
  watch(): () => void {
    this.#holders += 1;
    // Unless the last one let go of it in this turn.
    if (this.#status === 'idle') this.#start();
    let isHeld = true;
    return () => {
      if (isHeld) this.#holders -= 1;
      isHeld = false;
      queueMicrotask(() => {
        if (this.#holders === 0) this.#stop();
      });
    };
  }

  /** The list as it is now: the same object until something changes. */
  getSnapshot(): ThreadListSnapshot {
    this.#snapshot ??= {
      status: this.#status,
      error: this.#error,
      threads: [...this.#byId.values()].sort(newestFirst),
      hasMore: this.#nextCursor !== undefined,
      isLoadingMore: this.#isLoadingMore,
    };
    return this.#snapshot;
  }

  /** Calls back after each change of the snapshot; returns a function that ends it. */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Adds the next page, where there is one. @throws {ThreadwireError} */
  async loadMore(): Promise<void> {
    if (this.#isLoadingMore || this.#nextCursor === undefined || this.#status !== 'live') return;
    const epoch = this.#epoch;
    const news = this.#expectNews();
    this.#isLoadingMore = true;
    this.#changed();
    try {
      const page = await this.#requests.call('list_threads', { cursor: this.#nextCursor, limit: pageSize });
      if (epoch === this.#epoch) this.#add(page.threads, page.next_cursor, news);
    } finally {
      this.#isLoadingMore = false;
      this.#changed();
    }
  }

  /** Asks for the list again, where it `failed`. */
  retry(): void {
    if (this.#status === 'failed' && this.#holders > 0) this.#start();
  }

  /** A thread as an answer or a history brought it. */
  merge(thread: Thread): void {
    this.updated([thread], []);
  }

  /** What `threads_updated` says. */
  updated(threads: readonly Thread[], removed: readonly string[]): void {
    if (this.#status === 'idle') return;
    for (const thread of threads) {
      this.#byId.set(thread.id, thread);
      this.#news?.threads.set(thread.id, thread);
      this.#news?.removed.delete(thread.id);
    }
    for (const id of removed) {
      this.#byId.delete(id);
      this.#news?.threads.delete(id);
      this.#news?.removed.add(id);
    }
    this.#changed();
  }

  connected(): void {
    if (this.#holders > 0) this.#start();
  }

  lost(): void {
    if (this.#status === 'live') this.#status = 'reconnecting';
    this.#epoch += 1;
    this.#changed();
  }

  closed(error: ThreadwireError): void {
    if (this.#status === 'idle') return;
    this.#status = 'failed';
    this.#error = error;
    this.#changed();
  }

  /** Watches first and lists then, so that nothing falls between; the pages that were held are read again. */
  #start(): void {
    if (this.#status !== 'reconnecting') this.#status = 'loading';
    this.#error = undefined;
    this.#changed();
    const { phase } = this.#connection.state;
    if (phase === 'closed') this.closed(closedError('The client is closed.'));
    if (phase !== 'connected') return;
    const epoch = ++this.#epoch;
    const held = this.#byId.size;
    void this.#load(epoch, held);
  }

  async #load(epoch: number, atLeast: number): Promise<void> {
    const news = this.#expectNews();
    try {
      await this.#requests.call('watch_threads', {});
      const found: Thread[] = [];
      let cursor: string | undefined;
      do {
        const page = await this.#requests.call('list_threads', {
          limit: pageSize,
          ...(cursor !== undefined && { cursor }),
        });
        if (epoch !== this.#epoch) return;
        found.push(...page.threads);
        cursor = page.next_cursor;
      } while (cursor !== undefined && found.length < atLeast);
      this.#byId.clear();
      this.#status = 'live';
      this.#add(found, cursor, news);
    } catch (error) {
      if (epoch !== this.#epoch) return;
      const refusal = error as ThreadwireError;
      if (refusal.retry === 'later') {
        // The request has waited as long as it may: it begins again.
        await this.#load(epoch, atLeast);
        return;
      }
      this.#status = 'failed';
      this.#error = refusal;
      this.#changed();
    }
  }

  #expectNews(): News {
    this.#news = { threads: new Map(), removed: new Set() };
    return this.#news;
  }

  #add(page: readonly Thread[], nextCursor: string | undefined, news: News): void {
    const threads = [...page.filter(({ id }) => !news.removed.has(id)), ...news.threads.values()];
    for (const thread of threads) this.#byId.set(thread.id, thread);
    this.#news = undefined;
    this.#nextCursor = nextCursor;
    this.#changed();
  }

  #stop(): void {
    if (this.#status === 'idle') return;
    this.#status = 'idle';
    this.#epoch += 1;
    this.#byId.clear();
    this.#nextCursor = undefined;
    this.#changed();
    if (this.#connection.state.phase === 'connected') this.#connection.emit('unwatch_threads', {}, () => undefined);
  }

  #changed(): void {
    this.#snapshot = undefined;
    this.#listeners.notify();
  }
}

function newestFirst(a: Thread, b: Thread): number {
  if (a.updated_at !== b.updated_at) return a.updated_at < b.updated_at ? 1 : -1;
  return a.id < b.id ? 1 : -1;
}
