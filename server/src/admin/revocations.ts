import type { Authenticator } from '../connection/authenticate.ts';
import type { Logger } from '../logger.ts';
import { RequestError } from '../request-error.ts';
import type { Revocation, ThreadStore } from '../store/thread-store.ts';

export interface RevocationsPorts {
  readonly store: Pick<ThreadStore, 'kind' | 'revoke' | 'restore' | 'revocations'>;
  /** Called with users who have been revoked, here or elsewhere. */
  readonly onRevoked: (userIds: readonly string[]) => void;
  readonly logger: Logger;
  /** Calls back after `delayMs`. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** Where another process may serve the same database, what it revoked is known here after so long. */
const readEveryMs = 5000;

/** The users whom operators keep out, whatever they come with. */
export class Revocations {
  readonly #ports: RevocationsPorts;
  #byUser: ReadonlyMap<string, Revocation> = new Map();
  #isStopped = false;
  /** Counts changes made here: what was read before one of them is old. */
  #changes = 0;

  constructor(ports: RevocationsPorts) {
    this.#ports = ports;
  }

  /** Reads them, and goes on reading where others may change them. */
  async start(): Promise<void> {
    await this.#read();
    if (this.#ports.store.kind === 'mongodb') this.#readLater();
  }

  stop(): void {
    this.#isStopped = true;
  }

  has(userId: string): boolean {
    return this.#byUser.has(userId);
  }

  /** By user. */
  get all(): Revocation[] {
    return [...this.#byUser.values()].sort((a, b) => (a.userId < b.userId ? -1 : 1));
  }

  /** Keeps a user out from when this resolves on. */
  async revoke(revocation: Revocation): Promise<void> {
    await this.#ports.store.revoke(revocation);
    this.#changes += 1;
    this.#byUser = new Map(this.#byUser).set(revocation.userId, revocation);
  }

  /** Lets a user in again. */
  async restore(userId: string): Promise<void> {
    await this.#ports.store.restore(userId);
    this.#changes += 1;
    const byUser = new Map(this.#byUser);
    byUser.delete(userId);
    this.#byUser = byUser;
  }

  /** An authenticator that refuses them with `forbidden`. */
  guard(authenticator: Authenticator): Authenticator {
    return {
      anonymous: authenticator.anonymous,
      identify: async (auth) => {
        const identity = await authenticator.identify(auth);
        refuseRevoked(this, identity.actor.id);
        return identity;
      },
    };
  }

  async #read(): Promise<void> {
    const changes = this.#changes;
    const all = await this.#ports.store.revocations();
    if (changes !== this.#changes) return;
    const before = this.#byUser;
    this.#byUser = new Map(all.map((revocation) => [revocation.userId, revocation]));
    const added = all.map(({ userId }) => userId).filter((userId) => !before.has(userId));
    if (added.length > 0) this.#ports.onRevoked(added);
  }

  #readLater(): void {
    this.#ports.schedule(() => {
      if (this.#isStopped) return;
      void this.#read()
        // The store's health is watched elsewhere; what is known holds until it is back.
        .catch((error: unknown) => this.#ports.logger.debug({ err: error }, 'the revocations were not read'))
        .finally(() => this.#readLater());
    }, readEveryMs);
  }
}

/** Whoever was let in may have been revoked since: throws then. */
export function refuseRevoked(revocations: Pick<Revocations, 'has'>, userId: string): void {
  if (revocations.has(userId)) throw revoked();
}

/** What a revoked user is told. */
export function revoked(): RequestError {
  return new RequestError('forbidden', 'An operator has revoked this user.', { fatal: true });
}
