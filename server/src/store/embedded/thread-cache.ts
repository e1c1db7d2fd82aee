import type { ThreadAccess } from '../../threads/access.ts';

/** What the writer needs to know of a thread. `headSeq` and `updatedAt` are counted on in place. */
export interface CachedThread extends ThreadAccess {
  readonly key: number;
  readonly id: string;
  headSeq: number;
  updatedAt: number;
}

/** Threads written to lately. Bounded by weight: a thread weighs one and its members. */
export class ThreadCache {
  readonly #threads = new Map<string, CachedThread>();
  readonly #maxWeight: number;
  #weight = 0;

  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight;
  }

  get(id: string): CachedThread | undefined {
    const thread = this.#threads.get(id);
    if (thread) {
      // A Map keeps the order of insertion: the least recently used comes first.
      this.#threads.delete(id);
      this.#threads.set(id, thread);
    }
    return thread;
  }

  set(thread: CachedThread): void {
    this.delete(thread.id);
    this.#threads.set(thread.id, thread);
    this.#weight += weight(thread);
    for (const oldest of this.#threads.values()) {
      if (this.#weight <= this.#maxWeight) break;
      this.delete(oldest.id);
    }
  }

  delete(id: string): void {
    const thread = this.#threads.get(id);
    if (!thread) return;
    this.#threads.delete(id);
    this.#weight -= weight(thread);
  }

  clear(): void {
    this.#threads.clear();
    this.#weight = 0;
  }
}

function weight(thread: CachedThread): number {
  return 1 + thread.members.length;
}
