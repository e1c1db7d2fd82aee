import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { PasswordAnswer, PasswordQuestion } from './password-worker.ts';

/** Compares passwords with hashes in a thread of the lowest priority, one at a time. */
export class PasswordCheck {
  #worker: Worker | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** Rejects where it cannot be found out. */
  isRight(question: PasswordQuestion): Promise<boolean> {
    const check = (): Promise<boolean> => this.#ask(question);
    const checked = this.#last.then(check, check);
    this.#last = checked;
    return checked;
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  async #ask(question: PasswordQuestion): Promise<boolean> {
    const worker = (this.#worker ??= this.#start());
    worker.postMessage(question);
    const over = new AbortController();
    try {
      const [answer] = (await Promise.race([
        once(worker, 'message', over),
        once(worker, 'exit', over).then(() => [null]),
      ])) as [PasswordAnswer];
      if (answer === null) throw new Error('the password could not be compared');
      return answer;
    } finally {
      over.abort();
    }
  }

  #start(): Worker {
    // By the package's own name: also where this file is run from source, the worker is the built one.
    const file = createRequire(import.meta.url).resolve('@threadwire/server/password-worker');
    const worker = new Worker(file, { name: 'passwords' });
    worker.unref();
    // Whoever waits for an answer hears of it too.
    worker.on('error', () => undefined);
    worker.once('exit', () => (this.#worker = undefined));
    return worker;
  }
}
