import { describe, expect, test } from '@jest/globals';
import { ThreadCache } from '../../../server/src/store/embedded/thread-cache.ts';
import type { CachedThread } from '../../../server/src/store/embedded/thread-cache.ts';

function thread(id: string, members: readonly string[] = []): CachedThread {
  return { key: 1, id, members: [...members], created_by: 'ann', headSeq: 0, updatedAt: 0 };
}

const kept = (cache: ThreadCache, ...ids: string[]): string[] => ids.filter((id) => cache.get(id) !== undefined);

describe('the cache of threads', () => {
  test('lets go of those that were not used for the longest time, once it is full', () => {
    const cache = new ThreadCache(3);
    for (const id of ['a', 'b', 'c']) cache.set(thread(id));
    cache.get('a');
    cache.set(thread('d'));
    expect(kept(cache, 'a', 'b', 'c', 'd')).toEqual(['a', 'c', 'd']);
  });

  test('counts a thread as one and its members', () => {
    const cache = new ThreadCache(5);
    for (const id of ['a', 'b']) cache.set(thread(id));
    cache.set(thread('c', ['ann', 'bob', 'eve']));
    expect(kept(cache, 'a', 'b', 'c')).toEqual(['b', 'c']);
  });

  test('counts a thread that is set again or deleted once', () => {
    const cache = new ThreadCache(3);
    for (let i = 0; i < 5; i += 1) cache.set(thread('a', ['ann']));
    cache.set(thread('b'));
    expect(kept(cache, 'a', 'b')).toEqual(['a', 'b']);
    cache.delete('a');
    cache.delete('a');
    for (const id of ['c', 'd']) cache.set(thread(id));
    expect(kept(cache, 'b', 'c', 'd')).toEqual(['b', 'c', 'd']);
    cache.clear();
    expect(kept(cache, 'b', 'c', 'd')).toEqual([]);
  });
});
