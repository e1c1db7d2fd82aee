import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 20;

/** Asks again and again until the answer is true; rejects, saying what it waited for, where it is not in time. */
export async function eventually(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs: number = 5000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(pollMs);
  }
}

/** What the promise resolves to; rejects, saying what it waited for, where it does not in time. */
export async function within<T>(what: string, promise: Promise<T>, timeoutMs: number = 5000): Promise<T> {
  const giveUp = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: giveUp.signal }).then(() => {
    throw new Error(`not within ${timeoutMs} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    giveUp.abort();
    late.catch(() => undefined);
  }
}
