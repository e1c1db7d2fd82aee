import { createHash, randomBytes } from 'node:crypto';

/** Nobody stays logged in for longer. */
export const sessionMs = 12 * 60 * 60 * 1000;
const maxSessions = 100;

/** An operator who has logged in. */
export interface OperatorSession {
  /** Names it in the audit log; opens nothing. */
  readonly id: string;
  readonly username: string;
  /** From where the login came. */
  readonly address: string;
  /** (ms) */
  readonly startedAt: number;
  readonly expiresAt: number;
}

/**
 * Who is logged in. Sessions are in memory, by a hash of what their cookie holds: a start of the server ends them all, and what
 * is in memory, or in a dump of it, logs nobody in.
 */
export class Sessions {
  readonly #now: () => number;
  readonly #byHash = new Map<string, OperatorSession>();
  readonly #onEnd: (session: OperatorSession) => void;

  /** `onEnd` is called where a session ends before its time. */
  constructor(now: () => number, onEnd: (session: OperatorSession) => void) {
    this.#now = now;
    this.#onEnd = onEnd;
  }

  /** Logs an operator in; the token is for the cookie, and nowhere else. */
  start(username: string, address: string): { readonly token: string; readonly session: OperatorSession } {
    const token = randomBytes(32).toString('base64url');
    const startedAt = this.#now();
    const id = randomBytes(6).toString('hex');
    const session = { id, username, address, startedAt, expiresAt: startedAt + sessionMs };
    for (const [hash, { expiresAt }] of this.#byHash) if (expiresAt <= startedAt) this.#byHash.delete(hash);
    const [oldest] = this.#byHash;
    if (oldest && this.#byHash.size >= maxSessions) this.#end(...oldest);
    this.#byHash.set(hashOf(token), session);
    return { token, session };
  }

  /** The session of a cookie, if it holds. */
  find(token: string | undefined): OperatorSession | undefined {
    const session = token === undefined ? undefined : this.#byHash.get(hashOf(token));
    return session && this.holds(session) ? session : undefined;
  }

  /** Whether a session has neither been ended nor run out. */
  holds(session: OperatorSession): boolean {
    if (session.expiresAt <= this.#now()) return false;
    for (const held of this.#byHash.values()) if (held === session) return true;
    return false;
  }

  /** Logs out. */
  end(token: string): void {
    const hash = hashOf(token);
    const session = this.#byHash.get(hash);
    if (session) this.#end(hash, session);
  }

  #end(hash: string, session: OperatorSession): void {
    this.#byHash.delete(hash);
    this.#onEnd(session);
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
