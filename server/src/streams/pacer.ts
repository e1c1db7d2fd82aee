export interface PacerPorts {
  /** (ms) Of a clock that nobody sets. */
  readonly now: () => number;
  /** Calls back after `delayMs`; injected by tests. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** A moment may be put off so far for the sake of what is due a little later. */
const slackMs = 25;

interface Moment {
  /** When the first of its callbacks is due. */
  readonly earliest: number;
  at: number;
  readonly callbacks: (() => void)[];
}

/**
 * Calls back later, many at one moment: what they write is then one commit, and one write for each reader. What has been
 * done together is due together again, so streams that run at the same time fall into step.
 */
export class Pacer {
  readonly #ports: PacerPorts;
  #moments: Moment[] = [];

  constructor(ports: PacerPorts) {
    this.#ports = ports;
  }

  /** Calls back after `delayMs`, or up to {@link slackMs} later. */
  after(delayMs: number, callback: () => void): void {
    const dueAt = this.#ports.now() + delayMs;
    const isNear = ({ earliest }: Moment): boolean => earliest <= dueAt && dueAt <= earliest + slackMs;
    const moment = this.#moments.find(isNear) ?? this.#add(dueAt);
    moment.at = Math.max(moment.at, dueAt);
    moment.callbacks.push(callback);
  }

  #add(at: number): Moment {
    const moment: Moment = { earliest: at, at, callbacks: [] };
    this.#moments.push(moment);
    this.#wait(moment);
    return moment;
  }

  #wait(moment: Moment): void {
    const waitMs = Math.max(0, moment.at - this.#ports.now());
    this.#ports.schedule(() => {
      if (moment.at > this.#ports.now()) {
        this.#wait(moment);
        return;
      }
      this.#moments = this.#moments.filter((other) => other !== moment);
      for (const call of moment.callbacks) call();
    }, waitMs);
  }
}
