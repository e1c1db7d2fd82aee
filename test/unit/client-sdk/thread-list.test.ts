import { describe, expect, test } from '@jest/globals';
import type { Thread } from '@threadwire/protocol';
import { closedError } from '../../../client-sdk/src/errors.ts';
import { Requests } from '../../../client-sdk/src/requests.ts';
import { ThreadList } from '../../../client-sdk/src/thread-list.ts';
import { turn } from '../../support/manual-clock.ts';
import { SdkClock } from '../../support/sdk-clock.ts';
import { FakeConnection, threadOf } from '../../support/sdk-fake-connection.ts';

function setUp({ isConnected = true } = {}) {
  const connection = new FakeConnection();
  if (isConnected) connection.connect();
  const clock = new SdkClock();
  const requests = new Requests(connection, clock, { baseMs: 500, maxMs: 20_000 });
  const list = new ThreadList(connection, requests);
  const shown = () => list.getSnapshot().threads.map(({ id, title }) => id + title);
  const status = () => list.getSnapshot().status;
  const answer = async (threads: Thread[], next_cursor?: string) => {
    const request = connection.take('list_threads');
    request.ok({ threads, ...(next_cursor !== undefined && { next_cursor }) });
    await turn();
    return request.payload;
  };
  const watched = async () => {
    connection.take('watch_threads').ok({});
    await turn();
  };
  const reconnect = () => {
    connection.connect();
    list.connected();
    requests.connected();
  };
  const lose = () => {
    connection.lose();
    list.lost();
    requests.lost();
  };
  return { connection, clock, requests, list, shown, status, answer, watched, reconnect, lose };
}

/** Thread `id`, last active so many minutes after the hour. */
function active(id: string, minute: number, title = ''): Thread {
  return threadOf(id, { title, updated_at: `2026-01-15T09:${String(minute).padStart(2, '0')}:00.000Z` });
}

describe('the list', () => {
  test('watches first, then lists, newest activity first', async () => {
    const { connection, list, shown, status, answer, watched } = setUp();
    expect(list.getSnapshot()).toMatchObject({ status: 'idle', threads: [], hasMore: false });
    list.watch();
    expect([status(), connection.events]).toEqual(['loading', ['watch_threads']]);
    await watched();
    expect(await answer([active('a', 1), active('b', 3), active('c', 2)])).toEqual({ limit: 50 });
    expect([status(), shown()]).toEqual(['live', ['b', 'c', 'a']]);
  });

  test('is idle, and asks for nothing, unless somebody watches', async () => {
    const { connection, list, shown, lose, reconnect } = setUp();
    list.updated([active('a', 1)], []);
    list.merge(active('b', 1));
    lose();
    reconnect();
    expect([list.getSnapshot().status, shown(), connection.sent]).toEqual(['idle', [], []]);
  });

  test('is the same snapshot until something changes, and says so when it does', async () => {
    const { list, answer, watched } = setUp();
    list.watch();
    await watched();
    await answer([active('a', 1)]);
    let changes = 0;
    const stop = list.onChange(() => (changes += 1));
    const before = list.getSnapshot();
    expect(list.getSnapshot()).toBe(before);
    list.updated([active('a', 2)], []);
    expect(changes).toBe(1);
    expect(list.getSnapshot()).not.toBe(before);
    expect(before.threads[0]!.updated_at).toContain('09:01');
    stop();
    list.updated([], ['a']);
    expect(changes).toBe(1);
  });

  test('is asked for once, however many watch, and let go of with the last of them', async () => {
    const { connection, list, status, answer, watched } = setUp();
    const stops = [list.watch(), list.watch()];
    await watched();
    await answer([active('a', 1)]);
    stops[0]!();
    stops[0]!();
    await turn();
    expect([status(), connection.untaken]).toEqual(['live', []]);
    // From one view to another: let go of for a moment.
    stops[1]!();
    const stop = list.watch();
    await turn();
    expect([status(), connection.untaken]).toEqual(['live', []]);
    stop();
    await turn();
    connection.take('unwatch_threads');
    expect([status(), connection.untaken]).toEqual(['idle', []]);
  });
});

describe('what is said while the pages are read', () => {
  test('wins over them', async () => {
    const { list, shown, answer, watched } = setUp();
    list.watch();
    await watched();
    list.updated([active('a', 9, ' new'), active('d', 8)], ['b']);
    list.updated([active('c', 7)], []);
    list.updated([], ['c']);
    list.updated([active('b', 6, ' again')], []);
    list.updated([], ['e']);
    await answer([active('a', 1), active('b', 1), active('c', 1), active('e', 1)]);
    expect(shown()).toEqual(['a new', 'd', 'b again']);
  });

  test('wins over a further page too', async () => {
    const { list, shown, answer, watched } = setUp();
    list.watch();
    await watched();
    await answer([active('a', 5)], 'c1');
    const loading = list.loadMore();
    expect(list.getSnapshot().isLoadingMore).toBe(true);
    list.updated([active('b', 9, ' new')], ['c']);
    await answer([active('b', 4), active('c', 3), active('d', 2)]);
    await loading;
    expect(shown()).toEqual(['b new', 'a', 'd']);
    expect(list.getSnapshot()).toMatchObject({ hasMore: false, isLoadingMore: false });
  });
});

describe('further pages', () => {
  test('are read one after the other, to the end', async () => {
    const { connection, list, shown, answer, watched } = setUp();
    list.watch();
    await watched();
    await answer([active('a', 5)], 'c1');
    expect(list.getSnapshot().hasMore).toBe(true);
    const first = list.loadMore();
    await list.loadMore();
    expect(await answer([active('b', 4)], 'c2')).toEqual({ cursor: 'c1', limit: 50 });
    await first;
    const second = list.loadMore();
    expect(await answer([active('c', 3)])).toEqual({ cursor: 'c2', limit: 50 });
    await second;
    await list.loadMore();
    expect([shown(), connection.untaken]).toEqual([['a', 'b', 'c'], []]);
  });

  test('that are refused say so, and can be asked for again', async () => {
    const { connection, list, answer, watched } = setUp();
    list.watch();
    await watched();
    await answer([active('a', 5)], 'c1');
    const refused = list.loadMore();
    connection.take('list_threads').refuse({ code: 'invalid_payload' });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_payload' });
    expect(list.getSnapshot()).toMatchObject({ status: 'live', isLoadingMore: false, hasMore: true });
  });
});

describe('after a break', () => {
  test('what is here stays until as much has been read anew', async () => {
    const { connection, list, shown, status, answer, watched, lose, reconnect } = setUp();
    list.watch();
    await watched();
    await answer([active('a', 5), active('b', 4)], 'c1');
    const more = list.loadMore();
    await answer([active('c', 3)], 'c2');
    await more;
    lose();
    expect([status(), shown()]).toEqual(['reconnecting', ['a', 'b', 'c']]);
    await list.loadMore();
    expect(connection.untaken).toEqual([]);
    reconnect();
    await watched();
    await answer([active('d', 9), active('a', 5)], 'c1');
    expect([status(), shown()]).toEqual(['reconnecting', ['a', 'b', 'c']]);
    await answer([active('b', 4)], 'c2');
    expect([status(), shown(), list.getSnapshot().hasMore]).toEqual(['live', ['d', 'a', 'b'], true]);
  });

  test('in the middle of loading, only what the new connection says counts', async () => {
    const { connection, list, shown, status, lose, reconnect } = setUp();
    list.watch();
    connection.take('watch_threads').ok({});
    await turn();
    const old = connection.take('list_threads');
    lose();
    expect(status()).toBe('loading');
    reconnect();
    old.ok({ threads: [active('old', 1)] });
    for (let i = 0; i < 5; i += 1) {
      for (const request of connection.untaken.map(({ event }) => connection.take(event))) {
        if (request.event === 'watch_threads') request.ok({});
        else request.ok({ threads: [active('new', 1)] });
      }
      await turn();
    }
    expect([status(), shown()]).toEqual(['live', ['new']]);
  });

  test('let go of while it was loading stays let go of', async () => {
    const { connection, list, shown, status, answer, watched } = setUp();
    const stop = list.watch();
    await watched();
    stop();
    await turn();
    await answer([active('a', 1)]);
    connection.take('unwatch_threads');
    expect([status(), shown(), connection.untaken]).toEqual(['idle', [], []]);
  });

  test('is watched again only where somebody still does', async () => {
    const { connection, list, answer, watched, lose, reconnect } = setUp();
    const stop = list.watch();
    await watched();
    await answer([]);
    lose();
    stop();
    await turn();
    reconnect();
    expect(connection.untaken).toEqual([]);
  });
});

describe('a list that cannot be had', () => {
  test('for now is asked for until it can', async () => {
    const { clock, connection, list, status, answer } = setUp();
    list.watch();
    for (let passed = 0; passed < 25_000; passed += 1000) {
      while (connection.untaken.length > 0)
        connection.take('watch_threads').refuse({ code: 'unavailable', retry_after_ms: 900 });
      await clock.advance(1000);
    }
    expect(status()).toBe('loading');
    connection.take('watch_threads').ok({});
    await turn();
    await answer([active('a', 1)]);
    expect(status()).toBe('live');
  });

  test('for good says why, and asks again where it is told to', async () => {
    const { connection, list, status, answer } = setUp();
    list.retry();
    list.watch();
    list.retry();
    connection.take('watch_threads').refuse({ code: 'forbidden' });
    await turn();
    expect(list.getSnapshot()).toMatchObject({ status: 'failed', error: { code: 'forbidden' } });
    list.retry();
    expect(list.getSnapshot()).toMatchObject({ status: 'loading', error: undefined });
    connection.take('watch_threads').ok({});
    await turn();
    await answer([active('a', 1)]);
    expect(status()).toBe('live');
  });

  test('because the client is closed says so, also to who watches later', async () => {
    const { connection, requests, list, status } = setUp();
    const stop = list.watch();
    connection.close();
    list.closed(closedError('closed'));
    requests.closed(closedError('closed'));
    await turn();
    expect(list.getSnapshot()).toMatchObject({ status: 'failed', error: { code: 'closed' } });
    stop();
    await turn();
    expect(status()).toBe('idle');
    list.watch();
    expect(list.getSnapshot()).toMatchObject({ status: 'failed', error: { code: 'closed' } });
  });
});
