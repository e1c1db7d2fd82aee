import type { Thread } from '@threadwire/protocol';
import type { Logger } from '../logger.ts';
import type { ThreadStore } from '../store/thread-store.ts';
import type { Announcer } from './announcer.ts';

export interface HeadPollPorts {
  readonly store: Pick<ThreadStore, 'threads'>;
  readonly announcer: Pick<Announcer, 'heads' | 'observe'>;
  /** Called with a thread whose members are not those that the poll found before. */
  readonly onMembersChanged: (thread: Thread) => void;
  readonly logger: Logger;
  readonly now: () => number;
  /** Calls back after `delayMs`; injected by tests. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

const intervalMs = 2000;
/** How long the store is asked after a write whose outcome is unknown: longer than a write can be late. */
const alertMs = 60_000;
const maxThreadsPerRead = 500;

/**
 * Asks the store what became of the threads that somebody on this node listens to: who may read them, and how far they
 * are. So a change gets here that nobody told of: by another process on the same database, or by a write that timed out
 * and took effect later.
 */
export class HeadPoll {
  readonly #ports: HeadPollPorts;
  #pollUntil = Number.NEGATIVE_INFINITY;
  #isScheduled = false;
  /** Of the threads listened to, the members that were found last. */
  #members = new Map<string, string>();

  constructor(ports: HeadPollPorts) {
    this.#ports = ports;
  }

  /** From now on, for good: others write to the store too. */
  start(): void {
    this.#pollUntil = Number.POSITIVE_INFINITY;
    this.#scheduleRound();
  }

  /** For a while: a write ended without an answer. */
  alert(): void {
    this.#pollUntil = Math.max(this.#pollUntil, this.#ports.now() + alertMs);
    this.#scheduleRound();
  }

  stop(): void {
    this.#pollUntil = Number.NEGATIVE_INFINITY;
  }

  #scheduleRound(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#ports.schedule(() => void this.#round(), intervalMs);
  }

  async #round(): Promise<void> {
    if (this.#ports.now() <= this.#pollUntil) {
      await this.#poll().catch((error: unknown) => {
        this.#ports.logger.warn({ err: error }, 'the heads of threads could not be read, trying again');
      });
    }
    this.#isScheduled = false;
    if (this.#ports.now() <= this.#pollUntil) this.#scheduleRound();
    else this.#members.clear();
  }

  async #poll(): Promise<void> {
    const ids = [...this.#ports.announcer.heads().keys()];
    const known = this.#members;
    this.#members = new Map();
    for (const id of ids) {
      const members = known.get(id);
      if (members !== undefined) this.#members.set(id, members);
    }
    for (let i = 0; i < ids.length; i += maxThreadsPerRead) {
      for (const thread of await this.#ports.store.threads(ids.slice(i, i + maxThreadsPerRead))) this.#take(thread);
    }
  }

  #take(thread: Thread): void {
    const members = thread.members.join(' ');
    if (this.#members.get(thread.id) !== members) {
      this.#members.set(thread.id, members);
      this.#ports.onMembersChanged(thread);
    }
    this.#ports.announcer.observe(thread.id, thread.head_seq);
  }
}
