/** Runs tasks that share a key one after the other, in the order of their arrival; others run side by side. */
export class KeyedQueue {
  /** Made by the first task: most queues are idle. */
  #tails: Map<string, Promise<void>> | undefined;

  /**
   * Waits for the keys, which stay taken until `release` is called. Never rejects.
   * Where all keys are free it resolves at the next microtask.
   */
  async acquire(keys: readonly string[]): Promise<() => void> {
    const tails = (this.#tails ??= new Map<string, Promise<void>>());
    const earlier = keys.map((key) => tails.get(key)).filter((tail) => tail !== undefined);
    let open!: () => void;
    const tail = new Promise<void>((resolve) => {
      open = resolve;
    });
    for (const key of keys) tails.set(key, tail);
    await Promise.all(earlier);
    return () => {
      for (const key of keys) if (tails.get(key) === tail) tails.delete(key);
      if (tails.size === 0 && this.#tails === tails) this.#tails = undefined;
      open();
    };
  }

  /** Settles when whoever has the key now, or waits for it, has released it; undefined where it is free. */
  released(key: string): Promise<void> | undefined {
    return this.#tails?.get(key);
  }
}
