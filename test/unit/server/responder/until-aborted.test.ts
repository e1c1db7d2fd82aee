import { describe, expect, test } from '@jest/globals';
import { untilAborted } from '../../../../server/src/responder/until-aborted.ts';
import { turn } from '../../../support/manual-clock.ts';

/** Pieces of which each comes at once; says how many were asked for, and whether they were left. */
function endless(onNext: (count: number) => void = () => undefined) {
  const state = { count: 0, isLeft: false };
  const pieces: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        onNext((state.count += 1));
        return { done: false, value: 'x' };
      },
      return: async () => {
        state.isLeft = true;
        throw new Error('left badly');
      },
    }),
  };
  return { pieces, state };
}

async function take(pieces: AsyncIterable<string>, most = Number.POSITIVE_INFINITY): Promise<string[]> {
  const taken: string[] = [];
  for await (const piece of pieces) if (taken.push(piece) === most) break;
  return taken;
}

const reason = new Error('no longer wanted');

describe('pieces', () => {
  test('come as they are, to their end', async () => {
    const pieces = async function* () {
      yield 'a';
      yield 'b';
    };
    expect(await take(untilAborted(pieces(), new AbortController().signal))).toEqual(['a', 'b']);
  });

  test('may come without a promise, as `for await` takes them', async () => {
    const results = [{ done: false, value: 'a' }, { done: true }];
    const pieces = { [Symbol.asyncIterator]: () => ({ next: () => results.shift() }) };
    const { signal } = new AbortController();
    expect(await take(untilAborted(pieces as unknown as AsyncIterable<string>, signal))).toEqual(['a']);
  });

  test('fail as they do', async () => {
    const failing = async function* () {
      yield 'a';
      throw new Error('broken');
    };
    await expect(take(untilAborted(failing(), new AbortController().signal))).rejects.toThrow('broken');
  });

  test('are left by who has enough of them', async () => {
    const { pieces, state } = endless();
    expect(await take(untilAborted(pieces, new AbortController().signal), 2)).toHaveLength(2);
    expect(state.isLeft).toBe(true);
  });

  test('that never pause let others have their turns', async () => {
    const controller = new AbortController();
    const { pieces } = endless();
    setImmediate(() => controller.abort(reason));
    await expect(take(untilAborted(pieces, controller.signal))).rejects.toBe(reason);
  });

  test('end at the abort where the next one never comes, and its maker will not be left', async () => {
    const controller = new AbortController();
    const stuck = async function* () {
      yield 'a';
      await new Promise<never>(() => undefined);
    };
    const failure = take(untilAborted(stuck(), controller.signal)).catch((error: unknown) => error);
    await turn();
    controller.abort(reason);
    expect(await failure).toBe(reason);
  });

  test('are not asked for after the abort', async () => {
    const controller = new AbortController();
    const { pieces, state } = endless((count) => count === 3 && controller.abort(reason));
    await expect(take(untilAborted(pieces, controller.signal))).rejects.toBe(reason);
    expect(state).toEqual({ count: 3, isLeft: true });
  });
});
