import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';

/** At the latest so long before the token runs out. */
const earlyMs = 60_000;
/** At least so long between two tokens, whatever this machine's clock says. */
const apartMs = 10_000;
/** The longest delay that timers take. */
const longestMs = 2 ** 31 - 1;

/** Sees to it that the connection's token is replaced before it runs out. */
export class TokenRenewal {
  readonly #connection: Pick<Connection, 'emit' | 'state'>;
  readonly #clock: Clock;
  readonly #token: () => Promise<string | undefined>;
  #cancelTimer: () => void = () => undefined;
  /** Counts what makes a renewal under way worthless. */
  #epoch = 0;

  constructor(connection: Pick<Connection, 'emit' | 'state'>, clock: Clock, token: () => Promise<string | undefined>) {
    this.#connection = connection;
    this.#clock = clock;
    this.#token = token;
  }

  /** The token runs out then, as ISO 8601; undefined: never. */
  schedule(expiresAt: string | undefined): void {
    this.cancel();
    if (expiresAt === undefined) return;
    const leftMs = Date.parse(expiresAt) - this.#clock.now();
    // Of a short life a tenth is kept, so that it is not renewed all the time.
    this.#later(leftMs - Math.min(earlyMs, leftMs / 10));
  }

  /** Gets the token anew, now. */
  renew(): void {
    this.cancel();
    const epoch = this.#epoch;
    this.#token().then(
      (token) => {
        if (epoch !== this.#epoch || token === undefined || this.#connection.state.phase !== 'connected') return;
        this.#connection.emit('reauth', { token }, (answer) => {
          if (epoch !== this.#epoch) return;
          if (answer.ok) this.schedule(answer.data.expires_at);
          else this.#later(apartMs);
        });
      },
      () => {
        if (epoch === this.#epoch) this.#later(apartMs);
      },
    );
  }

  cancel(): void {
    this.#epoch += 1;
    this.#cancelTimer();
  }

  #later(delayMs: number): void {
    this.#cancelTimer = this.#clock.after(Math.min(longestMs, Math.max(apartMs, delayMs)), () => this.renew());
  }
}
