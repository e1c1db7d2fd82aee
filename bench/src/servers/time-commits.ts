import type { ThreadStore } from '../../../server/dist/store/thread-store.js';

/** The store, with a clock at its `write()`. */
export function timeCommits(store: ThreadStore): { store: ThreadStore; takeCommitsMs: () => number[] } {
  let commitsMs: number[] = [];
  const timed: ThreadStore['write'] = async (ops) => {
    const begunAt = performance.now();
    const results = await store.write(ops);
    commitsMs.push(performance.now() - begunAt);
    return results;
  };
  return {
    store: new Proxy(store, {
      get(target, name) {
        if (name === 'write') return timed;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    }),
    takeCommitsMs: () => {
      const taken = commitsMs;
      commitsMs = [];
      return taken;
    },
  };
}
