import type { Logger } from '../logger.ts';
import { RequestError } from '../request-error.ts';
import { StoreUnavailable } from '../store/thread-store.ts';
import type { ThreadStore, WriteOp, WriteResult } from '../store/thread-store.ts';
import { messageChange } from './durable-event.ts';
import type { Change } from './durable-event.ts';

export interface LogWriterPorts {
  readonly store: Pick<ThreadStore, 'write'>;
  readonly logger: Logger;
  /** Called for each change after it was committed, in order of seq, before its writer is answered. */
  readonly onCommit: (change: Change) => void;
  /** Called where it is unknown whether a write to the thread took effect. */
  readonly onUnknown: (threadId: string) => void;
  /** Called with the seq of a message that was stored already: whoever stored it may not have announced it. */
  readonly onRepeat?: (threadId: string, seq: number) => void;
  readonly onBatch?: (ops: number) => void;
}

/** One batch holds at most this many ops and about this many characters, so that none keeps the others waiting long. */
const maxBatchOps = 256;
const maxBatchLength = 1024 * 1024;
/** Above this the server takes on no more. */
const maxQueuedOps = 50_000;
const maxQueuedLength = 128 * 1024 * 1024;

interface Entry {
  readonly op: WriteOp;
  readonly resolve: (result: WriteResult) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The one way by which threads change on this node: a queue whose waiting ops are committed together, announced in
 * order, and then answered. One batch is under way at a time; the next one gathers meanwhile.
 */
export class LogWriter {
  readonly #ports: LogWriterPorts;
  #queue: Entry[] = [];
  #queuedLength = 0;
  #isRunning = false;

  constructor(ports: LogWriterPorts) {
    this.#ports = ports;
  }

  /**
   * Resolves when the change is durable and announced, or refused.
   * Rejects with StoreUnavailable where the outcome is unknown, and with `overloaded` where the queue is full.
   */
  write(op: WriteOp): Promise<WriteResult> {
    if (this.#queue.length >= maxQueuedOps || this.#queuedLength >= maxQueuedLength) {
      return Promise.reject(new RequestError('overloaded', 'Too many writes are waiting.', { retry_after_ms: 1000 }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ op, resolve, reject });
      this.#queuedLength += lengthOf(op);
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // What else arrives in this turn goes into the same batch.
    await new Promise(setImmediate);
    while (this.#queue.length > 0) await this.#commit(this.#takeBatch());
    this.#isRunning = false;
  }

  #takeBatch(): Entry[] {
    let length = 0;
    let count = 0;
    while (count < this.#queue.length && count < maxBatchOps && length < maxBatchLength) {
      length += lengthOf(this.#queue[count++]!.op);
    }
    this.#queuedLength -= length;
    return this.#queue.splice(0, count);
  }

  async #commit(batch: readonly Entry[]): Promise<void> {
    this.#ports.onBatch?.(batch.length);
    try {
      const results = await this.#ports.store.write(batch.map((entry) => entry.op));
      for (const [i, entry] of batch.entries()) this.#settle(entry, results[i]!);
    } catch (error) {
      // Whatever of it took effect is not announced by anybody, not even where it is repeated below.
      for (const { op } of batch) this.#ports.onUnknown(op.threadId);
      if (!(error instanceof StoreUnavailable)) {
        this.#ports.logger.error({ err: error, ops: batch.length }, 'a batch failed');
        // One op that the store cannot digest must not take the others with it.
        if (batch.length > 1) {
          for (const entry of batch) await this.#commit([entry]);
          return;
        }
      }
      for (const { reject } of batch) reject(error);
    }
  }

  #settle({ op, resolve }: Entry, result: WriteResult): void {
    if (result.ok && result.changed) {
      this.#ports.onCommit(messageChange(op.kind === 'append' ? 'thread_message' : 'message_updated', result.message));
    } else if (result.ok) {
      this.#ports.onRepeat?.(op.threadId, result.message.seq);
    }
    resolve(result);
  }
}

function lengthOf(op: WriteOp): number {
  return op.kind === 'delete' ? 0 : op.content.length;
}
