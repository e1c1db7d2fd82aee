interface Waiter {
  /** Takes what it waits for, if it is there. */
  readonly tryTake: () => boolean;
  readonly reject: (reason: Error) => void;
}

/** What arrived and was not taken yet, in order, for tests that take it one by one or wait until it comes. */
export class ArrivalQueue<T> {
  readonly #show: (item: T) => string;
  readonly #waiters = new Set<Waiter>();
  #items: T[] = [];
  #closed: string | undefined;

  /** `show` renders an item in the errors that say what came instead. */
  constructor(show: (item: T) => string) {
    this.#show = show;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  push(item: T): void {
    this.#items.push(item);
    for (const waiter of this.#waiters) {
      if (waiter.tryTake()) break;
    }
  }

  /** Nothing more will come: whoever waits, or waits later for what is not here, is told at once. */
  close(why: string): void {
    this.#closed ??= why;
    for (const waiter of this.#waiters) waiter.reject(this.#error(why));
  }

  /** Takes the first item that is accepted; the others stay. `what` names it where it does not come in time. */
  async take(what: string, accepts: (item: T) => boolean, timeoutMs: number): Promise<T> {
    const [taken] = await this.#wait(what, accepts, timeoutMs, (index) => this.#items.splice(index, 1));
    return taken!;
  }

  /** Takes everything up to the first item that is accepted, and gives what came before it. */
  async drainUntil(what: string, accepts: (item: T) => boolean, timeoutMs: number): Promise<T[]> {
    const taken = await this.#wait(what, accepts, timeoutMs, (index) => this.#items.splice(0, index + 1));
    return taken.slice(0, -1);
  }

  describe(): string {
    const last = this.#items.slice(-20).map((item) => this.#show(item).slice(0, 240));
    return last.length === 0 ? 'nothing is left untaken' : `untaken: ${last.join(' | ')}`;
  }

  #wait(what: string, accepts: (item: T) => boolean, timeoutMs: number, cut: (index: number) => T[]): Promise<T[]> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        tryTake: () => {
          const index = this.#items.findIndex(accepts);
          if (index === -1) return false;
          done();
          resolve(cut(index));
          return true;
        },
        reject: (reason) => {
          done();
          reject(new Error(`no ${what}: ${reason.message}`));
        },
      };
      const timer = setTimeout(() => waiter.reject(this.#error(`none within ${timeoutMs} ms`)), timeoutMs);
      if (waiter.tryTake()) return;
      if (this.#closed === undefined) this.#waiters.add(waiter);
      else waiter.reject(this.#error(this.#closed));
    });
  }

  #error(why: string): Error {
    return new Error(`${why}; ${this.describe()}`);
  }
}

/** A predicate's source, to say in an error what was waited for. */
export function describePredicate(predicate: ((item: never) => boolean) | undefined): string {
  return predicate ? ` with ${predicate.toString().replaceAll(/\s+/g, ' ').slice(0, 160)}` : '';
}
