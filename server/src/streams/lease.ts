/** Beside each text that is stored. */
const renewalsPerLease = 10;

/** How often a lease is written anew while its producer is here (ms). */
export function renewEveryMs(leaseMs: number): number {
  return leaseMs / renewalsPerLease;
}

/**
 * How long it is in the store meanwhile (ms): a producer has all of it also where the server is killed just before it would have
 * written it anew, which may be a round of the watch late.
 */
export function storedLeaseMs(leaseMs: number): number {
  // Whole, as all times in the store.
  return Math.ceil(leaseMs + 2 * renewEveryMs(leaseMs));
}
