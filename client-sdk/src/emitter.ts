import { Listeners } from './listeners.ts';

/** Handlers by type of event. */
export class Emitter<Events extends object> {
  /** By type `E`: `Listeners<Events[E]>`. */
  readonly #handlers = new Map<keyof Events, unknown>();

  /** Returns a function that removes the handler again. */
  on<E extends keyof Events>(type: E, handler: (value: Events[E]) => void): () => void {
    const handlers = this.#of(type) ?? new Listeners<Events[E]>();
    this.#handlers.set(type, handlers);
    return handlers.add(handler);
  }

  emit<E extends keyof Events>(type: E, value: Events[E]): void {
    this.#of(type)?.notify(value);
  }

  #of<E extends keyof Events>(type: E): Listeners<Events[E]> | undefined {
    return this.#handlers.get(type) as Listeners<Events[E]> | undefined;
  }
}
