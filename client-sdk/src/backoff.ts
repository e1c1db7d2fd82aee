export interface BackoffOptions {
  /** The longest first pause. */
  readonly baseMs: number;
  /** The longest pause of all. */
  readonly maxMs: number;
}

/**
 * The pause before an attempt, the first being 0: anywhere from nothing to a limit that doubles each time. The whole
 * range is used (full jitter), so that clients that were cut off together do not come back together.
 */
export function backoffMs(attempt: number, { baseMs, maxMs }: BackoffOptions, random: () => number): number {
  return Math.floor(random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30)));
}
