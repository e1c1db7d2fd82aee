import type { Message, Thread } from '@threadwire/protocol';
import type { ThreadwireError } from './errors.ts';
import { Listeners } from './listeners.ts';
import type { PendingMessage } from './outbox.ts';
import { ThreadLog } from './thread-log.ts';
import type { ThreadNews } from './thread-log.ts';

/** How a thread's subscription stands. */
export type ThreadStatus =
  /** Nobody asked for it. */
  | 'idle'
  /** Asked for, and nothing to show yet. */
  | 'loading'
  /** Everything that happens is here at once. */
  | 'live'
  /** What was seen is here; what happened since will follow. */
  | 'reconnecting'
  /** The server refused it: see the error. */
  | 'failed';

/** A thread as it is to be shown. Never changes; a change makes another one. */
export interface ThreadSnapshot {
  readonly status: ThreadStatus;
  readonly error: ThreadwireError | undefined;
  readonly thread: Thread | undefined;
  /** By position. */
  readonly messages: readonly Message[];
  /** This client's own messages that are not confirmed yet: they belong after all others. */
  readonly pending: readonly PendingMessage[];
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
}

/**
 * `waiting`: to be joined. `joining`: the server was asked. `recovering`: joined, and what was missed is being read.
 * `repairing`: live, but for text that was left out, which is being read.
 */
export type JoinPhase = 'idle' | 'waiting' | 'joining' | 'recovering' | 'live' | 'repairing' | 'failed';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: ThreadwireError) => void;
}

/** One thread in this client: who asked for it, how far its subscription is, and what is held of it. */
export class ThreadState {
  readonly id: string;
  readonly log = new ThreadLog();
  readonly #pending: () => PendingMessage[];
  readonly #listeners = new Listeners();
  readonly #waiters = new Set<Waiter>();
  #snapshot: ThreadSnapshot | undefined;
  #isTellingSoon = false;
  /** Subscriptions that somebody holds. */
  holders = 0;
  phase: JoinPhase = 'idle';
  error: ThreadwireError | undefined;
  /** Counts joins and leaves: an answer that belongs to an earlier one means nothing any more. */
  epoch = 0;
  /** Joins that failed in a row. */
  attempt = 0;
  cancelRetry: () => void = () => undefined;
  /** What came while recovery or a repair still reads what was before it. */
  buffer: ThreadNews[] = [];
  /** What the last repair was for: it gets none again. */
  repairedFor: ThreadNews | undefined;
  isLoadingOlder = false;

  constructor(id: string, pending: () => PendingMessage[]) {
    this.id = id;
    this.#pending = pending;
  }

  get snapshot(): ThreadSnapshot {
    this.#snapshot ??= {
      status: this.#status(),
      error: this.error,
      thread: this.log.thread,
      messages: this.log.messages,
      pending: this.#pending(),
      hasOlder: this.log.hasOlder,
      isLoadingOlder: this.isLoadingOlder,
    };
    return this.#snapshot;
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** The snapshot is no longer right: whoever asks from now on gets a new one. */
  invalidate(): void {
    this.#snapshot = undefined;
  }

  /** The snapshot is no longer right, and those who listen are told. */
  changed(): void {
    this.#isTellingSoon = false;
    this.invalidate();
    this.#listeners.notify();
  }

  /** As {@link changed}, of text: those who listen are told once of what comes at one moment. */
  grown(): void {
    this.invalidate();
    if (this.#isTellingSoon) return;
    this.#isTellingSoon = true;
    queueMicrotask(() => {
      if (this.#isTellingSoon) this.changed();
    });
  }

  /** Resolves when the thread is live; rejects when it is refused, or given up. */
  whenLive(): Promise<void> {
    if (this.phase === 'live' || this.phase === 'repairing') return Promise.resolve();
    if (this.phase === 'failed' && this.error) return Promise.reject(this.error);
    return new Promise((resolve, reject) => this.#waiters.add({ resolve, reject }));
  }

  settle(error?: ThreadwireError): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const { resolve, reject } of waiters) {
      if (error) reject(error);
      else resolve();
    }
  }

  #status(): ThreadStatus {
    if (this.phase === 'repairing') return 'live';
    if (this.phase === 'idle' || this.phase === 'live' || this.phase === 'failed') return this.phase;
    return this.log.applied === undefined ? 'loading' : 'reconnecting';
  }
}
