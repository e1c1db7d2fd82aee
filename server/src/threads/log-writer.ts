import type { Logger } from '../logger.ts';
import { RequestError } from '../request-error.ts';
import { StoreUnavailable } from '../store/thread-store.ts';
import type { MessageWritten, ResultOf, ThreadStore, WriteOp, WriteResult } from '../store/thread-store.ts';
import { changeOf } from './durable-event.ts';
import type { Change } from './durable-event.ts';

export interface LogWriterPorts {
  readonly store: Pick<ThreadStore, 'write' | 'writesInOrder'>;
  readonly logger: Logger;
  /** Called for each change after it was committed, in order of seq, before its writer is answered. */
  readonly onCommit: (change: Change) => void;
  /** Called where it is unknown whether a write to the thread took effect. */
  readonly onUnknown: (threadId: string) => void;
  /** Called with the seq of a message that was stored already: whoever stored it may not have announced it. */
  readonly onRepeat?: (threadId: string, seq: number) => void;
  /** Called with what each op came to, in order, before anybody hears of it. */
  readonly onResult?: (op: WriteOp, result: WriteResult) => void;
  /** Called with how many ops the store was given together, and with what settles when it has. */
  readonly onBatch?: (ops: number, written: Promise<unknown>) => void;
}

/** One batch holds at most this many ops and about this many characters, so that none keeps the others waiting long. */
const maxBatchOps = 256;
const maxBatchLength = 1024 * 1024;
/** While a batch is under way, so many ops are worth a second one, so that the store need not wait for this thread. */
const minOpsAhead = 64;
const maxBatchesUnderWay = 2;
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
 * order, and then answered. While a batch is under way the next one gathers; it is sent after it when it is answered, or
 * before, where the store keeps the order and it is worth it.
 */
export class LogWriter {
  readonly #ports: LogWriterPorts;
  #queue: Entry[] = [];
  #queuedLength = 0;
  #isScheduled = false;
  #underWay = 0;
  #repeating = 0;

  constructor(ports: LogWriterPorts) {
    this.#ports = ports;
  }

  /**
   * Resolves when the change is durable and announced, or refused.
   * Rejects with StoreUnavailable where the outcome is unknown, and with `overloaded` where the queue is full.
   */
  write<Op extends WriteOp>(op: Op): Promise<ResultOf<Op>> {
    if (this.#queue.length >= maxQueuedOps || this.#queuedLength >= maxQueuedLength) {
      return Promise.reject(new RequestError('overloaded', 'Too many writes are waiting.', { retry_after_ms: 1000 }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ op, resolve: resolve as Entry['resolve'], reject });
      this.#queuedLength += lengthOf(op);
      if (this.#isScheduled || !this.#mayCommit()) return;
      this.#isScheduled = true;
      // What else arrives in this turn goes into the same batch.
      setImmediate(() => {
        this.#isScheduled = false;
        this.#commitQueue();
      });
    });
  }

  #commitQueue(): void {
    while (this.#queue.length > 0 && this.#mayCommit()) {
      this.#underWay += 1;
      void this.#commit(this.#takeBatch()).finally(() => {
        this.#underWay -= 1;
        this.#commitQueue();
      });
    }
  }

  #mayCommit(): boolean {
    if (this.#underWay === 0) return true;
    // What is repeated has lost its place: nothing more may overtake it.
    if (!this.#ports.store.writesInOrder || this.#repeating > 0) return false;
    return this.#underWay < maxBatchesUnderWay && this.#queue.length >= minOpsAhead;
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
    try {
      const written = this.#ports.store.write(batch.map((entry) => entry.op));
      this.#ports.onBatch?.(batch.length, written);
      const results = await written;
      batch.forEach((entry, i) => this.#settle(entry, results[i]!));
    } catch (error) {
      // Whatever of it took effect is not announced by anybody, not even where it is repeated below.
      for (const { op } of batch) this.#ports.onUnknown(op.threadId);
      if (!(error instanceof StoreUnavailable)) {
        this.#ports.logger.error({ err: error, ops: batch.length }, 'a batch failed');
        // One op that the store cannot digest must not take the others with it.
        if (batch.length > 1) {
          this.#repeating += 1;
          for (const entry of batch) await this.#commit([entry]);
          this.#repeating -= 1;
          return;
        }
      }
      for (const { reject } of batch) reject(error);
    }
  }

  #settle({ op, resolve }: Entry, result: WriteResult): void {
    try {
      this.#tell(op, result);
    } catch (error) {
      // It was committed all the same, with the rest of its batch: nothing of that is to be written again.
      this.#ports.logger.error({ err: error, op: op.kind }, 'what was committed could not be told');
      this.#ports.onUnknown(op.threadId);
    }
    resolve(result);
  }

  #tell(op: WriteOp, result: WriteResult): void {
    this.#ports.onResult?.(op, result);
    if (!result.ok || op.kind === 'stream_text') return;
    const written = result as MessageWritten;
    if (written.changed) this.#ports.onCommit(changeOf(op, written));
    else this.#ports.onRepeat?.(op.threadId, written.message.seq);
  }
}

function lengthOf(op: WriteOp): number {
  if (op.kind === 'stream_text') return op.text.length;
  return 'content' in op ? op.content.length : 0;
}
