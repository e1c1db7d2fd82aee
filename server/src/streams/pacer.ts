export interface PacerPorts {
  /** (ms) */
  readonly now: () => number;
  /** Calls back after `delayMs`; injected by tests. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** Moments are this far apart, so that what is due at about the same time is done together. */
const gridMs = 10;

/** Calls back later, many at one moment: what they write is then one commit. */
export class Pacer {
  readonly #ports: PacerPorts;
  readonly #moments = new Map<number, (() => void)[]>();

  constructor(ports: PacerPorts) {
    this.#ports = ports;
  }

  /** Calls back after `delayMs`, or up to {@link gridMs} later. */
  after(delayMs: number, callback: () => void): void {
    const now = this.#ports.now();
    const moment = Math.ceil((now + delayMs) / gridMs) * gridMs;
    const waiting = this.#moments.get(moment);
    if (waiting) {
      waiting.push(callback);
      return;
    }
    const callbacks = [callback];
    this.#moments.set(moment, callbacks);
    this.#ports.schedule(() => {
      this.#moments.delete(moment);
      for (const call of callbacks) call();
    }, moment - now);
  }
}
