import type { Request } from 'express';
import type { Identity } from '../connection/authenticate.ts';
import { TokenBucket, burstSeconds } from '../connection/token-bucket.ts';
import { RequestError } from '../request-error.ts';

const forgetMs = 60_000;

/**
 * Limits HTTP requests like the events of a connection: per user where a token says who it is, else per TCP connection,
 * since in anonymous mode anybody may call himself anything.
 */
export class RequestLimits {
  readonly #perSecond: number;
  readonly #now: () => number;
  readonly #byUser = new Map<string, { bucket: TokenBucket; usedAt: number }>();
  readonly #bySocket = new WeakMap<object, TokenBucket>();
  #sweptAt = 0;

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** @throws {RequestError} `rate_limited` */
  admit(request: Request, { user, expiresAt }: Identity): void {
    const now = this.#now();
    const bucket = expiresAt === undefined ? this.#ofSocket(request.socket, now) : this.#ofUser(user.id, now);
    const waitMs = bucket.take(1, now);
    if (waitMs > 0) throw new RequestError('rate_limited', 'Too many requests.', { retry_after_ms: waitMs });
  }

  #ofSocket(socket: object, now: number): TokenBucket {
    const bucket = this.#bySocket.get(socket) ?? this.#newBucket(now);
    this.#bySocket.set(socket, bucket);
    return bucket;
  }

  #ofUser(id: string, now: number): TokenBucket {
    this.#sweep(now);
    const entry = this.#byUser.get(id) ?? { bucket: this.#newBucket(now), usedAt: now };
    entry.usedAt = now;
    this.#byUser.set(id, entry);
    return entry.bucket;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < forgetMs) return;
    this.#sweptAt = now;
    for (const [id, { usedAt }] of this.#byUser) if (now - usedAt > forgetMs) this.#byUser.delete(id);
  }

  #newBucket(now: number): TokenBucket {
    return new TokenBucket(this.#perSecond, this.#perSecond * burstSeconds, now);
  }
}
