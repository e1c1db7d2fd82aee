import type { Message } from '@threadwire/protocol';

/** Messages by id and, as one array, by position. One that changes, as growing text does all the time, is not sorted again. */
export class MessageList {
  readonly #byId = new Map<string, Message>();
  /** Undefined where it has to be sorted again. */
  #sorted: readonly Message[] | undefined;
  /** The ids of those that are no longer as they are in `#sorted`. */
  readonly #changed = new Set<string>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Message | undefined {
    return this.#byId.get(id);
  }

  /** The same array until something changes. */
  get sorted(): readonly Message[] {
    if (!this.#sorted) {
      this.#sorted = [...this.#byId.values()].sort((a, b) => a.position - b.position);
    } else if (this.#changed.size > 0) {
      const sorted = [...this.#sorted];
      // What changes is nearly always near the end.
      for (const id of this.#changed) sorted[sorted.findLastIndex((held) => held.id === id)] = this.#byId.get(id)!;
      this.#sorted = sorted;
    }
    this.#changed.clear();
    return this.#sorted;
  }

  put(message: Message): void {
    if (this.#byId.get(message.id)?.position === message.position) this.#changed.add(message.id);
    else this.#sorted = undefined;
    this.#byId.set(message.id, message);
  }

  delete(id: string): void {
    this.#byId.delete(id);
    this.#sorted = undefined;
  }

  clear(): void {
    this.#byId.clear();
    this.#sorted = undefined;
  }
}
