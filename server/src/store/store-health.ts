import type { Logger } from '../logger.ts';
import type { ThreadStore } from './thread-store.ts';

const intervalMs = 1000;

/** Keeps an eye on the store, and tells when it goes away and when it is back. */
export class StoreHealth {
  readonly #store: Pick<ThreadStore, 'ping'>;
  readonly #logger: Logger;
  readonly #onChange: (isUp: boolean) => void;
  #isUp = true;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: Pick<ThreadStore, 'ping'>, logger: Logger, onChange: (isUp: boolean) => void) {
    this.#store = store;
    this.#logger = logger;
    this.#onChange = onChange;
    void this.#check();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #check(): Promise<void> {
    let error: unknown;
    const isUp = await this.#store.ping().then(
      () => true,
      (thrown: unknown) => {
        error = thrown;
        return false;
      },
    );
    if (this.#isStopped) return;
    if (isUp !== this.#isUp) {
      this.#isUp = isUp;
      if (isUp) this.#logger.info('the store is back');
      else this.#logger.error({ err: error }, 'the store is away');
      this.#onChange(isUp);
    }
    this.#timer = setTimeout(() => void this.#check(), intervalMs).unref();
  }
}
