import { limits } from '@threadwire/protocol';
import type { Thread } from '@threadwire/protocol';
import type { Connection } from '../connection/connection.ts';
import type { Logger } from '../logger.ts';
import type { ThreadStore } from '../store/thread-store.ts';
import { mayRead } from './access.ts';
import { withinBytes } from './within-bytes.ts';

export interface ThreadWatchPorts {
  readonly store: Pick<ThreadStore, 'threads'>;
  readonly logger: Logger;
  readonly now: () => number;
  /** Calls back after `delayMs`; injected by tests. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** A watcher is told at most this often. */
const intervalMs = 1000;
/** One event names at most so many threads, in at most `limits.maxHistoryBytes`; the others follow a second later. */
const maxThreadsPerRound = 500;

/** Tells those who watch the thread list what changed in it: `threads_updated`, at most once a second. */
export class ThreadWatch {
  readonly #ports: ThreadWatchPorts;
  readonly #watchers = new Set<Connection>();
  /** Threads that changed since the last round, each as it was before where its members may have changed. */
  #changed = new Map<string, Thread | undefined>();
  #isScheduled = false;
  #lastRoundAt = Number.NEGATIVE_INFINITY;

  constructor(ports: ThreadWatchPorts) {
    this.#ports = ports;
  }

  add(connection: Connection): void {
    if (!connection.isClosed) this.#watchers.add(connection);
  }

  remove(connection: Connection): void {
    this.#watchers.delete(connection);
  }

  /** A thread was created, or updated from what it was `before`. */
  changed(thread: Thread, before?: Thread): void {
    if (this.#watchers.size === 0) return;
    this.#changed.set(thread.id, this.#changed.get(thread.id) ?? before);
    this.#scheduleRound();
  }

  /** A message of the thread changed. */
  active(threadId: string): void {
    if (this.#watchers.size === 0) return;
    if (!this.#changed.has(threadId)) this.#changed.set(threadId, undefined);
    this.#scheduleRound();
  }

  #scheduleRound(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const delayMs = Math.max(0, this.#lastRoundAt + intervalMs - this.#ports.now());
    this.#ports.schedule(() => void this.#round(), delayMs);
  }

  #putBack(id: string, before: Thread | undefined): void {
    this.#changed.set(id, before ?? this.#changed.get(id));
  }

  async #round(): Promise<void> {
    if (this.#watchers.size === 0) {
      // Nobody is left to be told; a store that is away is not asked for ever.
      this.#changed.clear();
      this.#isScheduled = false;
      return;
    }
    const changed = new Map([...this.#changed].slice(0, maxThreadsPerRound));
    for (const id of changed.keys()) this.#changed.delete(id);
    try {
      const threads = await this.#ports.store.threads([...changed.keys()]);
      const told = withinBytes(threads, limits.maxHistoryBytes);
      for (const thread of threads.slice(told.length)) this.#putBack(thread.id, changed.get(thread.id));
      for (const watcher of this.#watchers) tell(watcher, told, changed);
    } catch (error) {
      this.#ports.logger.warn({ err: error }, 'changed threads could not be read, trying again');
      for (const [id, before] of changed) this.#putBack(id, before);
    }
    this.#lastRoundAt = this.#ports.now();
    this.#isScheduled = false;
    if (this.#changed.size > 0) this.#scheduleRound();
  }
}

function tell(watcher: Connection, threads: readonly Thread[], before: ReadonlyMap<string, Thread | undefined>): void {
  const shown: Thread[] = [];
  const removed: string[] = [];
  for (const thread of threads) {
    if (mayRead(thread, watcher.actor)) {
      shown.push(thread);
    } else {
      const earlier = before.get(thread.id);
      if (earlier && mayRead(earlier, watcher.actor)) removed.push(thread.id);
    }
  }
  if (shown.length > 0 || removed.length > 0) watcher.emit('threads_updated', { threads: shown, removed });
}
