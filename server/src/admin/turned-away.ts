import type { Audit } from './audit.ts';

export interface TurnedAwayPorts {
  readonly audit: Audit;
  /** Calls back after `delayMs`. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

const noteEveryMs = 60_000;

/**
 * Notes logins that were not looked at in the log of what operators do. A flood makes many of them: they are counted, and
 * noted together, once a minute.
 */
export class TurnedAway {
  readonly #ports: TurnedAwayPorts;
  #count = 0;
  #lastAddress = '';

  constructor(ports: TurnedAwayPorts) {
    this.#ports = ports;
  }

  /** A login from there was turned away. */
  add(address: string): void {
    if (this.#count === 0) this.#ports.schedule(() => this.note(), noteEveryMs);
    this.#count += 1;
    this.#lastAddress = address;
  }

  /** Notes what has come since the last time. */
  note(): void {
    if (this.#count === 0) return;
    const detail =
      this.#count === 1
        ? 'turned away: too many logins'
        : `${this.#count} turned away within a minute, the last one from this address`;
    const address = this.#lastAddress;
    this.#ports.audit.record({ operator: '', address, action: 'login', target: '', outcome: 'refused', detail });
    this.#count = 0;
  }
}
