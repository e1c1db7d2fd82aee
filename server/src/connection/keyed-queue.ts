/** Runs tasks that share a key one after the other, in the order of their arrival; others run side by side. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();

  /**
   * Waits for the keys, which stay taken until `release` is called. Never rejects.
   * Where all keys are free it resolves at the next microtask.
   */
  async acquire(keys: readonly string[]): Promise<() => void> {
    const earlier = keys.map((key) => this.#tails.get(key)).filter((tail) => tail !== undefined);
    let open!: () => void;
    const tail = new Promise<void>((resolve) => {
      open = resolve;
    });
    for (const key of keys) this.#tails.set(key, tail);
    await Promise.all(earlier);
    return () => {
      for (const key of keys) if (this.#tails.get(key) === tail) this.#tails.delete(key);
      open();
    };
  }
}
