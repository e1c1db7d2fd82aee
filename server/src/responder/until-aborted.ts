import { setImmediate as nextTurn } from 'node:timers/promises';

/** So many that came without a pause keep everybody else waiting. */
const maxInOneTurn = 100;

/**
 * The same pieces until the signal is aborted. Then it throws the signal's reason at once, whatever who makes the pieces
 * does about it: goes on, or never answers again.
 */
export async function* untilAborted<T>(pieces: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  const iterator = pieces[Symbol.asyncIterator]();
  let hasEnded = false;
  try {
    for (let count = 1; ; count += 1) {
      const { done, value } = await nextOf(iterator, signal);
      if (done) {
        hasEnded = true;
        return;
      }
      yield value;
      if (count % maxInOneTurn === 0) await nextTurn();
      signal.throwIfAborted();
    }
  } finally {
    // One that does not answer would not answer this either: nobody waits for it.
    if (!hasEnded) void leave(iterator);
  }
}

function nextOf<T>(iterator: AsyncIterator<T>, signal: AbortSignal): Promise<IteratorResult<T, unknown>> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    // As `for await` has it: a thenable will do, and so will what is no promise at all.
    Promise.resolve(iterator.next())
      .finally(() => signal.removeEventListener('abort', abort))
      .then(resolve, reject);
  });
}

async function leave(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // What it fails by now is of no interest to anybody.
  }
}
