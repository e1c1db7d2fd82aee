import type { AppendOp, StreamTextOp, WriteOp } from '../thread-store.ts';
import { AppendRun } from './append-run.ts';
import type { Entry } from './append-run.ts';
import { appendTexts } from './append-text.ts';
import { changeMessage } from './change-message.ts';
import { Retries } from './retries.ts';
import { startStream } from './start-stream.ts';
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
    const context = this.#context;
    const retries = new Retries(this.#random);
    let appends: Entry<AppendOp>[] = [];
    let texts: Entry<StreamTextOp>[] = [];
    // What goes together ends where an op of another kind comes.
    const finish = async (): Promise<void> => {
      const [run, ofStreams] = [appends, texts];
      appends = [];
      texts = [];
      if (run.length > 0) await new AppendRun(context, retries, run).run();
      if (ofStreams.length > 0) await appendTexts(context, ofStreams, retries);
    };
    for (const entry of entries) {
      const { op } = entry;
      if (op.kind === 'append') {
        if (texts.length > 0 || appends.length === maxRun) await finish();
        appends.push(entry as Entry<AppendOp>);
      } else if (op.kind === 'stream_text') {
        if (appends.length > 0) await finish();
        texts.push(entry as Entry<StreamTextOp>);
      } else {
        await finish();
        entry.result =
          op.kind === 'stream_start'
            ? await startStream(context, op, retries)
            : await changeMessage(context, op, retries);
      }
    }
    await finish();
  }
}
