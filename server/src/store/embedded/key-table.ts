const firstCapacity = 1024;

/**
 * Messages by thread and hash: a hash table without objects, since it is asked and added to with every message. Several
 * may stand under one hash.
 */
export class KeyTable {
  #threads = new Float64Array(firstCapacity);
  #hashes = new Float64Array(firstCapacity);
  #messages = new Float64Array(firstCapacity);
  /** Places in the arrays above, plus one; 0 where a slot is free. Half of them are, at least. */
  #slots = new Int32Array(2 * firstCapacity);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(thread: number, hash: number, message: number): void {
    if (this.#size === this.#threads.length) this.#grow();
    const place = this.#size++;
    this.#threads[place] = thread;
    this.#hashes[place] = hash;
    this.#messages[place] = message;
    this.#slots[this.#freeSlot(thread, hash)] = place + 1;
  }

  /** Takes back all but the first so many. */
  truncate(size: number): void {
    // Backwards: each was put behind those that were there before it.
    while (this.#size > size) {
      const place = --this.#size;
      let slot = this.#slotOf(this.#threads[place]!, this.#hashes[place]!);
      while (this.#slots[slot] !== place + 1) slot = this.#after(slot);
      this.#slots[slot] = 0;
    }
  }

  *find(thread: number, hash: number): Generator<number> {
    for (let slot = this.#slotOf(thread, hash); this.#slots[slot] !== 0; slot = this.#after(slot)) {
      const place = this.#slots[slot]! - 1;
      if (this.#hashes[place] === hash && this.#threads[place] === thread) yield this.#messages[place]!;
    }
  }

  /** All, by thread and hash; each thread is sorted when its turn comes. */
  *sorted(): Generator<readonly [thread: number, hash: number, message: number]> {
    const byThread = new Map<number, number[]>();
    for (let place = 0; place < this.#size; place++) {
      const thread = this.#threads[place]!;
      const places = byThread.get(thread);
      if (places) places.push(place);
      else byThread.set(thread, [place]);
    }
    for (const thread of [...byThread.keys()].sort((a, b) => a - b)) {
      const places = byThread.get(thread)!.sort((a, b) => this.#hashes[a]! - this.#hashes[b]!);
      for (const place of places) yield [thread, this.#hashes[place]!, this.#messages[place]!];
    }
  }

  #slotOf(thread: number, hash: number): number {
    return (Math.imul(thread, 0x9e3779b1) ^ hash) & (this.#slots.length - 1);
  }

  #after(slot: number): number {
    return (slot + 1) & (this.#slots.length - 1);
  }

  #freeSlot(thread: number, hash: number): number {
    let slot = this.#slotOf(thread, hash);
    while (this.#slots[slot] !== 0) slot = this.#after(slot);
    return slot;
  }

  #grow(): void {
    const capacity = 2 * this.#threads.length;
    const enlarge = (array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const larger = new Float64Array(capacity);
      larger.set(array);
      return larger;
    };
    this.#threads = enlarge(this.#threads);
    this.#hashes = enlarge(this.#hashes);
    this.#messages = enlarge(this.#messages);
    this.#slots = new Int32Array(2 * capacity);
    for (let place = 0; place < this.#size; place++) {
      this.#slots[this.#freeSlot(this.#threads[place]!, this.#hashes[place]!)] = place + 1;
    }
  }
}
