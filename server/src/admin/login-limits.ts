import { isIPv6 } from 'node:net';
import { TokenBucket } from '../connection/token-bucket.ts';
import { plainAddress } from '../http/plain-address.ts';

/** So many wrong logins from one address lock it out. */
const maxFailures = 5;
/** For so long, and so long they are remembered. */
const lockoutMs = 15 * 60 * 1000;
/** Logins of all addresses together that have not logged in before: each costs a core 80 ms. */
const strangersPerSecond = 0.1;
const strangersBurst = 10;
const maxAddresses = 10_000;

interface Address {
  failures: number;
  failedAt: number;
  /** Somebody has logged in from there. */
  isKnown: boolean;
  isChecking: boolean;
}

/**
 * Says which logins are looked at: guesses must cost no hash, and a flood of them from many addresses must not lock the
 * operator out, who comes from one that is known.
 */
export class LoginLimits {
  readonly #now: () => number;
  readonly #strangers: TokenBucket;
  /** The least recently used first. */
  readonly #addresses = new Map<string, Address>();

  /** `now` in ms. */
  constructor(now: () => number) {
    this.#now = now;
    this.#strangers = new TokenBucket(strangersPerSecond, strangersBurst, now());
  }

  /** How many ms a login from there has to wait: 0 where it may begin. */
  waitFor(ip: string): number {
    const now = this.#now();
    const address = this.#addresses.get(networkOf(ip));
    if (address) {
      const { failures, failedAt, isChecking, isKnown } = address;
      if (failures >= maxFailures && now - failedAt < lockoutMs) return failedAt + lockoutMs - now;
      if (isChecking) return 1000;
      if (isKnown) return 0;
    }
    return this.#strangers.waitFor(1, now);
  }

  /** Begins a login, and returns 0; or how many ms to wait. What was begun ends by {@link ended}. */
  begin(ip: string): number {
    const now = this.#now();
    const key = networkOf(ip);
    const waitMs = this.waitFor(ip);
    // A stranger is not kept unless looked at: or else a flood from many addresses would drive out those that are known.
    if (waitMs > 0 && !this.#addresses.has(key)) return waitMs;
    const address = this.#touch(key);
    if (waitMs > 0) return waitMs;
    if (now - address.failedAt >= lockoutMs) address.failures = 0;
    if (!address.isKnown) this.#strangers.take(1, now);
    address.isChecking = true;
    return 0;
  }

  /** How a login ended; undefined where that was not found out. Returns whether the address is locked out from now on. */
  ended(ip: string, isRight: boolean | undefined): boolean {
    const address = this.#touch(networkOf(ip));
    address.isChecking = false;
    if (isRight) {
      address.isKnown = true;
      address.failures = 0;
    } else if (isRight === false) {
      address.failures += 1;
      address.failedAt = this.#now();
    }
    return address.failures >= maxFailures;
  }

  #touch(key: string): Address {
    const address = this.#addresses.get(key) ?? {
      failures: 0,
      failedAt: Number.NEGATIVE_INFINITY,
      isKnown: false,
      isChecking: false,
    };
    this.#addresses.delete(key);
    this.#addresses.set(key, address);
    if (this.#addresses.size > maxAddresses) {
      const [oldest] = this.#addresses.keys();
      this.#addresses.delete(oldest!);
    }
    return address;
  }
}

/** Of IPv6 a customer has a network of 64 bits: it counts as one address. */
function networkOf(ip: string): string {
  const plain = plainAddress(ip).replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === '' ? [] : tail.split(':');
  const zeros = plain.includes('::') ? Array<string>(8 - groups.length - rest.length).fill('0') : [];
  return [...groups, ...zeros, ...rest]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, '').toLowerCase())
    .join(':');
}
