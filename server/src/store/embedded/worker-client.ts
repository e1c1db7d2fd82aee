import type { Worker } from 'node:worker_threads';
import { StoreUnavailable } from '../thread-store.ts';
import type { Failure } from './failure.ts';
import type { WorkerAnswer, WorkerReply, WorkerRequest } from './worker-protocol.ts';

/** Opening may have to read a long log. */
const startTimeoutMs = 60_000;
const minRestartDelayMs = 50;
const maxRestartDelayMs = 5_000;

interface Pending {
  readonly resolve: (json: string) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Calls the methods of a worker, in order. Restarts it, later and later, when it exits or its connection is not to be
 * trusted any more; until it is back calls reject with {@link StoreUnavailable}, and so do those that were under way.
 */
export class WorkerClient<Methods extends { [M in keyof Methods]: (...args: never[]) => unknown }> {
  readonly #spawn: () => Worker;
  readonly #timeoutMs: number;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  /** The worker that was started last, until it exits. */
  #spawned: Worker | undefined;
  /** The worker that takes calls. */
  #worker: Worker | undefined;
  #absence = 'the store has not been opened';
  #closing = false;
  #restartDelayMs = minRestartDelayMs;
  #restartTimer: NodeJS.Timeout | undefined;

  constructor(spawn: () => Worker, timeoutMs: number) {
    this.#spawn = spawn;
    this.#timeoutMs = timeoutMs;
  }

  /** Starts the worker; rejects with its reason where it cannot open the database. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const worker = this.#spawn();
      this.#spawned = worker;
      let started = false;
      let exitReason: string | undefined;
      const timer = setTimeout(() => {
        exitReason = `it did not open within ${startTimeoutMs} ms`;
        void worker.terminate();
      }, startTimeoutMs);
      worker.on('message', (reply: WorkerReply) => {
        if (reply === 'ready') {
          clearTimeout(timer);
          started = true;
          this.#worker = worker;
          resolve();
        } else if ('id' in reply) {
          this.#settle(worker, reply);
        } else {
          exitReason = reply.message;
        }
      });
      worker.on('error', (error) => {
        exitReason ??= error.message;
      });
      worker.on('exit', () => {
        clearTimeout(timer);
        exitReason ??= 'its worker exited';
        this.#spawned = undefined;
        if (this.#worker === worker) this.#lose(exitReason);
        if (started) this.#restart();
        else reject(new Error(exitReason));
      });
    });
  }

  /** Calls a method in the worker; rejects with {@link StoreUnavailable} at the latest after the time limit. */
  call<M extends keyof Methods & string>(
    method: M,
    ...args: Parameters<Methods[M]>
  ): Promise<Awaited<ReturnType<Methods[M]>>> {
    return this.#request(method, args).then((json) => JSON.parse(json) as Awaited<ReturnType<Methods[M]>>);
  }

  /** Takes no more calls, lets those under way finish, and ends the worker. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restartTimer);
    const worker = this.#spawned;
    if (!worker) return;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    try {
      await this.#request('close', []);
      this.#worker = undefined;
    } catch {
      // Everything that was answered is in the log; the next start moves it into the database file.
      await worker.terminate();
    }
    await exited;
  }

  #request(method: string, args: readonly unknown[]): Promise<string> {
    const worker = this.#worker;
    if (!worker) return Promise.reject(new StoreUnavailable(this.#absence));
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      worker.postMessage({ id, method, args } satisfies WorkerRequest);
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new StoreUnavailable(`the store did not answer within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs);
      this.#pending.set(id, { resolve, reject, timer });
    });
  }

  #settle(worker: Worker, reply: WorkerAnswer): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    clearTimeout(pending?.timer);
    if ('json' in reply) {
      this.#restartDelayMs = minRestartDelayMs;
      pending?.resolve(reply.json);
      return;
    }
    pending?.reject(toError(reply.failure));
    // After a failed sync nobody knows what the connection's pages hold, and libsql lets go of a file only with its
    // thread. So the worker ends by itself, and its exit brings a new one.
    if (reply.failure.kind === 'broken' && this.#worker === worker) this.#lose(reply.failure.message);
  }

  #lose(reason: string): void {
    this.#worker = undefined;
    this.#absence = `the store is being opened again: ${reason}`;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new StoreUnavailable(this.#absence));
    }
    this.#pending.clear();
  }

  /** Only once the last worker is gone: two writers would not know of each other's changes. */
  #restart(): void {
    if (this.#closing) return;
    this.#restartTimer = setTimeout(() => {
      this.start().catch((error: unknown) => {
        this.#absence = `the store cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
        this.#restart();
      });
    }, this.#restartDelayMs);
    this.#restartDelayMs = Math.min(2 * this.#restartDelayMs, maxRestartDelayMs);
  }
}

function toError({ kind, message }: Failure): Error {
  return kind === 'bug' ? new Error(message) : new StoreUnavailable(message);
}
