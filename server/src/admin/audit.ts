import type { Logger } from '../logger.ts';
import { StoreUnavailable } from '../store/thread-store.ts';
import type { AuditEntry, ThreadStore } from '../store/thread-store.ts';

export interface AuditPorts {
  readonly store: Pick<ThreadStore, 'appendAudit' | 'audit'>;
  readonly logger: Logger;
  readonly newId: () => string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Calls back after `delayMs`. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

export type AuditRecord = Omit<AuditEntry, 'id' | 'at'>;

const retryMs = 1000;
/** What waits for a store that is away. Beyond it the newest are only in the server's own log. */
const maxWaiting = 10_000;
const maxAtOnce = 500;
/** UTF-16 units: as much as an announcement may have. */
const maxTextLength = 500;

/**
 * What operators did, in the store and in the server's log. While the store is away entries wait here: whoever is up at night
 * because of that must not be kept from acting.
 */
export class Audit {
  readonly #ports: AuditPorts;
  readonly #waiting: AuditEntry[] = [];
  #isRetrying = false;
  #flushing: Promise<void> | undefined;

  constructor(ports: AuditPorts) {
    this.#ports = ports;
  }

  /** Notes what was done, or tried. */
  record({ operator, address, action, target, outcome, detail }: AuditRecord): void {
    const { newId, now, logger } = this.#ports;
    const entry: AuditEntry = {
      id: newId(),
      at: now(),
      operator: shortened(operator),
      address: shortened(address),
      action,
      target: shortened(target),
      outcome,
      detail: shortened(detail),
    };
    logger.info({ audit: entry }, 'an operator acted');
    if (this.#waiting.length < maxWaiting) this.#waiting.push(entry);
    else logger.error({ audit: entry }, 'too much waits for the store: this is kept in no other place');
    void this.flush();
  }

  /** The newest first: those before the entry with this id, or all. */
  async latest(limit: number, before?: string): Promise<AuditEntry[]> {
    await this.flush();
    return await this.#ports.store.audit(limit, before);
  }

  /** Resolves when everything is stored, or the store has turned out to be away. Never rejects. */
  flush(): Promise<void> {
    return (this.#flushing ??= this.#flush());
  }

  async #flush(): Promise<void> {
    // What is noted in this turn is stored together.
    await Promise.resolve();
    do await this.#storeAll();
    while (this.#waiting.length > 0 && !this.#isRetrying);
    // In the same step as that was looked at: what is noted from now on has a turn of its own.
    this.#flushing = undefined;
  }

  async #storeAll(): Promise<void> {
    const { store, logger, schedule } = this.#ports;
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, maxAtOnce);
      try {
        await store.appendAudit(some);
        this.#waiting.splice(0, some.length);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) logger.error({ err: error }, 'the audit log was not written');
        if (!this.#isRetrying) {
          this.#isRetrying = true;
          schedule(() => {
            this.#isRetrying = false;
            void this.flush();
          }, retryMs);
        }
        return;
      }
    }
  }
}

/** Names come from whoever tries to log in. */
function shortened(text: string): string {
  return text.slice(0, maxTextLength).replaceAll('\0', '').toWellFormed();
}
