import { setMaxListeners } from 'node:events';
import { RequestError } from './request-error.ts';

/** Whether the server takes on work, and how much of it is under way. */
export class Lifecycle {
  readonly #draining = new AbortController();
  #working = 0;
  #idle: (() => void)[] = [];

  constructor() {
    // Every body that is being streamed listens, which is no leak.
    setMaxListeners(0, this.#draining.signal);
  }

  get isDraining(): boolean {
    return this.#draining.signal.aborted;
  }

  /** Aborted when the server drains, with the error that whatever waits is answered with. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** From now on nothing new is begun. */
  startDraining(): void {
    this.#draining.abort(new RequestError('unavailable', 'The server is draining.', { retry_after_ms: 1000 }));
  }

  /** A request begins; the function returned says, once, that it was answered. */
  beginWork(): () => void {
    this.workBegins();
    let isOver = false;
    return () => {
      if (!isOver) this.workEnds();
      isOver = true;
    };
  }

  /** A request begins, for which {@link workEnds} will be called once. */
  workBegins(): void {
    this.#working++;
  }

  workEnds(): void {
    this.#working--;
    if (this.#working === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Resolves when nothing is under way. */
  async whenIdle(): Promise<void> {
    if (this.#working === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}
