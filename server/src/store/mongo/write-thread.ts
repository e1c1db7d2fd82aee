import type { AppendOp, WriteOp } from '../thread-store.ts';
import { AppendRun } from './append-run.ts';
import type { Entry } from './append-run.ts';
import { changeMessage } from './change-message.ts';
import { Retries } from './retries.ts';
import type { WriteContext } from './write-context.ts';

/** Documents in one insert. */
const maxRun = 500;

interface Turn {
  readonly entries: readonly Entry<WriteOp>[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes to threads, one at a time in each: those of one process would only get into each other's way. What comes
 * for a thread meanwhile goes together next.
 */
export class ThreadWriter {
  readonly #context: WriteContext;
  readonly #random: () => number;
  readonly #waiting = new Map<string, Turn[]>();

  constructor(context: WriteContext, random: () => number) {
    this.#context = context;
    this.#random = random;
  }

  /** Applies ops of one thread in order. Resolves when every entry has its result. */
  write(threadId: string, entries: readonly Entry<WriteOp>[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn: Turn = { entries, resolve, reject };
      const waiting = this.#waiting.get(threadId);
      if (waiting) {
        waiting.push(turn);
      } else {
        this.#waiting.set(threadId, [turn]);
        void this.#drain(threadId);
      }
    });
  }

  async #drain(threadId: string): Promise<void> {
    const waiting = this.#waiting.get(threadId)!;
    while (waiting.length > 0) {
      const turns = waiting.splice(0);
      let failure: { error: unknown } | undefined;
      try {
        await this.#apply(turns.flatMap(({ entries }) => entries));
      } catch (error) {
        failure = { error };
      }
      for (const { entries, resolve, reject } of turns) {
        if (failure && !entries.every(({ result }) => result)) reject(failure.error);
        else resolve();
      }
    }
    this.#waiting.delete(threadId);
  }

  async #apply(entries: readonly Entry<WriteOp>[]): Promise<void> {
    const retries = new Retries(this.#random);
    let run: Entry<AppendOp>[] = [];
    const finishRun = async (): Promise<void> => {
      const appends = run;
      run = [];
      if (appends.length > 0) await new AppendRun(this.#context, retries, appends).run();
    };
    for (const entry of entries) {
      const { op } = entry;
      if (op.kind === 'append') {
        run.push(entry as Entry<AppendOp>);
        if (run.length === maxRun) await finishRun();
      } else {
        await finishRun();
        entry.result = await changeMessage(this.#context, op, retries);
      }
    }
    await finishRun();
  }
}
