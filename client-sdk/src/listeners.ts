/** Functions to call with each value. One that throws harms neither the others nor the client: its error is thrown outside. */
export class Listeners<T = void> {
  readonly #listeners = new Set<(value: T) => void>();

  /** Returns a function that removes the listener again. */
  add(listener: (value: T) => void): () => void {
    // A function of its own, so that the same one given twice is called twice.
    const own = (value: T): void => listener(value);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  notify(value: T): void {
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
