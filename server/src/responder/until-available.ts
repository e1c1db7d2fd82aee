import { setTimeout as delay } from 'node:timers/promises';
import { toRequestError } from '../request-error.ts';

const retryMs = 500;
const maxRetryMs = 10_000;

/**
 * What a request comes to, which is made again, each time a little later, for as long as it fails by what may pass: the
 * store is away, or there is too much to do. Rejects with any other failure, and when the signal is aborted.
 */
export async function untilAvailable<T>(request: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await request();
    } catch (error) {
      const { code } = toRequestError(error);
      const mayPass = code === 'unavailable' || code === 'overloaded' || code === 'too_many_streams';
      if (!mayPass || signal.aborted) throw error;
      await delay(Math.min(maxRetryMs, retryMs * attempt), undefined, { signal });
    }
  }
}
