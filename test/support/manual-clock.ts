interface Task {
  readonly at: number;
  readonly callback: () => void;
}

/** Ends the turn of the event loop: whatever was only waiting for promises has gone as far as it can. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** A clock that stands still until it is told to go on, for code whose `now` and `schedule` are injected. */
export class ManualClock {
  #now: number;
  #tasks: Task[] = [];

  constructor(now = Date.parse('2026-01-15T09:30:00.000Z')) {
    this.#now = now;
  }

  readonly now = (): number => this.#now;

  readonly schedule = (callback: () => void, delayMs: number): void => {
    this.#tasks.push({ at: this.#now + delayMs, callback });
  };

  /** In how many ms each scheduled callback is due, the next one first. */
  get pending(): number[] {
    return this.#tasks.map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Lets time pass: calls back what is due, at its moment and in order, with a turn for what follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    // What is under way may still schedule something.
    await turn();
    for (;;) {
      const [next] = this.#tasks.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#tasks.splice(this.#tasks.indexOf(next), 1);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await turn();
    }
    this.#now = end;
  }
}
