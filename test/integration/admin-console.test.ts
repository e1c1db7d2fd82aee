import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import type { ConsolePayload } from '../../server/src/admin/console/console-protocol.ts';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import { embeddedBackEnd } from '../support/embedded-back-end.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { openConsole, operator } from '../support/operator.ts';
import { upTo } from '../support/store-ops.ts';
import { connectWire } from '../support/wire-client.ts';

describe('the overview', () => {
  test('says which node it is, and how it does', async () => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    const { nodes, sample_every_ms } = await console.get('overview');
    const [{ samples, ...node }] = nodes as [(typeof nodes)[number]];
    expect([nodes.length, node]).toMatchObject([
      1,
      { pid: process.pid, node_version: process.version, store: 'embedded', is_draining: false, is_store_up: true },
    ]);
    expect([samples.length, sample_every_ms]).toEqual([1, 5000]);
    expect(samples[0]).toMatchObject({ connections: 0, streams: 0, messages: 0, errors: 0, is_store_up: true });
    expect(await console.get('overview', { after: samples[0]!.at })).toMatchObject({ nodes: [{ samples: [] }] });
  });
});

describe('threads', () => {
  test('are listed by their last activity, with who is in them', async () => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    await using ada = await connectClient(app.url, { user: 'ada' });
    await using bob = await connectClient(app.url, { user: 'bob' });
    for (const id of ['quiet', 'busy']) await ada.call('create_thread', { id, title: `The ${id} one` });
    for (const client of [ada, bob]) await client.call('subscribe_thread', { thread_id: 'busy' });
    for (const n of upTo(3)) await ada.call('send_message', { thread_id: 'busy', content: `secret ${n}` });
    const { message } = await bob.call('stream_start', { thread_id: 'busy' });
    const { threads } = await console.get('threads');
    expect(threads).toMatchObject([
      { id: 'busy', title: 'The busy one', head_seq: 4, subscribers: 2, changes_per_minute: 4, streams: 1 },
      { id: 'quiet', subscribers: 0, changes_per_minute: 0, streams: 0 },
    ]);
    expect((await console.get('threads', { search: 'QUIET o' })).threads.map(({ id }) => id)).toEqual(['quiet']);
    expect((await console.get('threads', { search: 'quiet' })).threads).toHaveLength(1);
    expect(await console.get('threads', { search: 'none' })).toEqual({
      threads: [],
      found: 0,
      searched: 2,
      has_more: false,
    });
    const one = await console.get('thread', { thread_id: 'busy' });
    expect(one).toMatchObject({
      thread: { id: 'busy', created_by: 'ada', members: [] },
      subscribers: [
        { user_id: 'ada', connections: 1 },
        { user_id: 'bob', connections: 1 },
      ],
      streams: [{ id: message.id, user_id: 'bob', state: 'streaming' }],
    });
    expect(JSON.stringify([threads, one])).not.toContain('secret');
    expect(await console.ask('thread', { thread_id: 'missing' })).toMatchObject({
      error: { code: 'thread_not_found' },
    });
  });
});

test('threads that are searched for are counted beyond those that are listed, and it is said where was looked', async () => {
  await using app = await startApp({ operator, ratePerSecond: 0 });
  using console = await openConsole(app);
  await using ada = await connectClient(app.url, { user: 'ada' });
  const create = (n: number) => ada.call('create_thread', { id: `t${n}`, title: n % 2 === 0 ? 'Even' : 'Odd' });
  await Promise.all(upTo(250).map(create));
  const said = async (search: string, limit: number): Promise<unknown[]> => {
    const { threads, found, searched, has_more: hasMore } = await console.get('threads', { search, limit });
    return [threads.length, found, searched, hasMore];
  };
  expect(await said('even', 50)).toEqual([50, 125, 250, false]);
  expect(await said('even', 200)).toEqual([125, 125, 250, false]);
  // Nothing was searched for: those that are listed are enough.
  expect(await said('', 120)).toEqual([120, 120, 120, true]);
  expect(await said('', 250)).toEqual([250, 250, 250, false]);
  await Promise.all(upTo(800).map((n) => create(n + 250)));
  expect(await said('even', 100)).toEqual([100, 500, 1000, true]);
  // One that is named is found, however long it has been quiet.
  expect(await said('t1', 500)).toEqual([expect.any(Number), expect.any(Number), 1000, true]);
  expect((await console.get('threads', { search: 't1', limit: 500 })).threads.map(({ id }) => id)).toContain('t1');
});

describe('the tail of a thread', () => {
  test('goes on where it was left, without bodies until the operator asks for them, which is noted', async () => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    await using ada = await connectClient(app.url, { user: 'ada' });
    await ada.call('create_thread', { id: 't' });
    await ada.call('create_thread', { id: 'other' });
    for (const n of upTo(60)) await ada.call('send_message', { thread_id: 't', content: `secret ${n}` });
    await ada.call('send_message', { thread_id: 'other', content: 'secret too' });

    const first = await console.get('tail', { thread_id: 't' });
    expect([first.head_seq, first.has_bodies, first.lines.length]).toEqual([60, false, 50]);
    expect(first.lines.at(-1)).toMatchObject({
      seq: 60,
      user_id: 'ada',
      role: 'user',
      status: 'complete',
      length: 9,
      content: null,
    });
    expect(JSON.stringify(first)).not.toContain('secret');
    expect((await console.get('tail', { thread_id: 't', after_seq: 60 })).lines).toEqual([]);

    await console.get('read_bodies', { thread_id: 't', view: '1' });
    await ada.call('send_message', { thread_id: 't', content: 'one more' });
    const next = await console.get('tail', { thread_id: 't', view: '1', after_seq: 60 });
    expect(next).toMatchObject({ head_seq: 61, has_bodies: true, lines: [{ seq: 61, content: 'one more' }] });
    // In no other thread, in no later view of this one, and on no other connection.
    expect(await console.get('tail', { thread_id: 'other', view: '1' })).toMatchObject({ lines: [{ content: null }] });
    for (const view of ['2', undefined]) {
      const later = await console.get('tail', { thread_id: 't', ...(view !== undefined && { view }), after_seq: 60 });
      expect(later).toMatchObject({ has_bodies: false, lines: [{ content: null }] });
    }
    using another = await openConsole(app);
    const elsewhere = await another.get('tail', { thread_id: 't', view: '1', after_seq: 60 });
    expect(elsewhere).toMatchObject({ lines: [{ content: null }] });
    expect(await console.ask('read_bodies', { thread_id: 'none', view: '3' })).toMatchObject({
      error: { code: 'thread_not_found' },
    });
    const { entries } = await console.get('audit');
    expect(entries.filter(({ action }) => action === 'read_bodies')).toMatchObject([
      { target: 'none', outcome: 'refused' },
      { target: 't', outcome: 'ok' },
    ]);
    // More than is shown at a time comes by and by.
    const page = await console.get('tail', { thread_id: 't', after_seq: 0 });
    expect([page.head_seq, page.lines.length]).toEqual([50, 50]);
    expect(await console.ask('tail', { thread_id: 'none' })).toMatchObject({ error: { code: 'thread_not_found' } });
  });

  test('has what is being written as far as it is, with its text where the operator asked for it', async () => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    await using bot = await connectClient(app.url, { user: 'bot' });
    for (const id of ['t', 'other']) await bot.call('create_thread', { id });
    const { message } = await bot.call('stream_start', { thread_id: 't' });
    await bot.call('stream_start', { thread_id: 'other' });
    const first = await console.get('tail', { thread_id: 't' });
    expect(first.lines).toMatchObject([{ id: message.id, status: 'streaming', length: 0 }]);
    await bot.call('stream_chunk', { stream_id: message.id, offset: 0, delta: 'secret' });
    const unseen = await console.get('tail', { thread_id: 't', after_seq: 1 });
    expect([unseen.lines, unseen.growing]).toEqual([[], [{ id: message.id, length: 6, beginning: null }]]);
    await console.get('read_bodies', { thread_id: 't', view: '1' });
    const seen = await console.get('tail', { thread_id: 't', view: '1', after_seq: 1 });
    expect(seen.growing).toEqual([{ id: message.id, length: 6, beginning: 'secret' }]);
    await bot.call('stream_end', { stream_id: message.id, offset: 6, status: 'complete' });
    const ended = await console.get('tail', { thread_id: 't', view: '1', after_seq: 1 });
    expect(ended).toMatchObject({ lines: [{ seq: 2, status: 'complete', length: 6 }], growing: [] });
  });
});

describe('streams', () => {
  test('are there while they run, with their pace, and for a while after; an operator may cancel one', async () => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    await using bot = await connectClient(app.url, { user: 'bot' });
    await bot.call('create_thread', { id: 't' });
    const { message } = await bot.call('stream_start', { thread_id: 't' });
    const before = await console.get('streams');
    expect(before.running).toMatchObject([
      { id: message.id, thread_id: 't', user_id: 'bot', length: 0, first_text_ms: null, last_text_ms: null },
    ]);
    await bot.call('stream_chunk', { stream_id: message.id, offset: 0, delta: 'some text' });
    const [running] = (await console.get('streams')).running;
    expect(running).toMatchObject({ length: 9, state: 'streaming' });
    expect(running!.first_text_ms).toBeGreaterThanOrEqual(0);
    expect(running!.last_text_ms).toBeGreaterThanOrEqual(0);
    expect(running!.units_per_second).toBeGreaterThan(0);

    expect(await console.get('cancel_stream', { stream_id: message.id, reason: 'Enough.' })).toEqual({
      status: 'cancelled',
    });
    expect((await bot.next('stream_cancel')).reason).toBe('Enough.');
    expect((await console.get('audit', { limit: 1 })).entries).toMatchObject([{ detail: 'of bot in t: Enough.' }]);
    const after = await console.get('streams');
    expect(after.running).toEqual([]);
    expect(after.ended).toMatchObject([{ id: message.id, state: 'cancelled', length: 9 }]);
    expect(await console.ask('cancel_stream', { stream_id: 'none' })).toMatchObject({
      error: { code: 'stream_not_found' },
    });

    // One that had ended by itself stays so, and the log does not say otherwise.
    const { message: done } = await bot.call('stream_start', { thread_id: 't' });
    await bot.call('stream_end', { stream_id: done.id, offset: 0, status: 'failed' });
    expect(await console.get('cancel_stream', { stream_id: done.id, reason: 'Late.' })).toEqual({ status: 'failed' });
    expect((await console.get('audit', { limit: 1 })).entries).toMatchObject([
      { outcome: 'ok', detail: 'of bot in t, failed before: Late.' },
    ]);
  });

  test('that a server left behind are there as interrupted once the next one has ended them', async () => {
    await using own = await embeddedBackEnd.open();
    const streamLeaseMs = 100;
    let left: Message;
    {
      await using app = await startApp({ operator, store: own.store, streamLeaseMs });
      await using bot = await connectClient(app.url, { user: 'bot' });
      await bot.call('create_thread', { id: 't' });
      ({ message: left } = await bot.call('stream_start', { thread_id: 't' }));
      await bot.call('stream_chunk', { stream_id: left.id, offset: 0, delta: 'half a sen' });
    }
    await using app = await startApp({ operator, store: await own.reopen(), streamLeaseMs });
    using console = await openConsole(app);
    await eventually('it has ended', async () => (await console.get('streams')).ended.length > 0);
    const { running, ended } = await console.get('streams');
    expect([running, ended]).toEqual([
      [],
      [
        {
          id: left.id,
          thread_id: 't',
          user_id: 'bot',
          state: 'interrupted',
          length: 10,
          age_ms: expect.any(Number),
          first_text_ms: null,
          last_text_ms: null,
          units_per_second: null,
          ended_at: expect.any(String),
        },
      ],
    ]);
  });
});

describe('connections', () => {
  test('are found and ordered, and hold no token, header or body', async () => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    const clients = await Promise.all(
      upTo(5).map((n) =>
        connectClient(app.url, { auth: { user: `user-${n}`, client: { name: 'probe', version: `1.${n}` } } }),
      ),
    );
    await clients[2]!.call('create_thread', { id: 't' });
    await clients[2]!.call('subscribe_thread', { thread_id: 't' });
    const all = await console.get('connections', { order: 'user', descending: false });
    expect([all.total, all.found]).toEqual([5, 5]);
    expect(all.connections.map(({ user_id }) => user_id)).toEqual(upTo(5).map((n) => `user-${n}`));
    expect(all.connections[2]).toMatchObject({
      client: 'probe 1.3',
      address: '127.0.0.1',
      transport: 'websocket',
      subscriptions: 1,
      is_slow: false,
    });
    expect(await console.get('connection', { client_id: all.connections[2]!.client_id })).toMatchObject({
      connection: { user_id: 'user-3' },
      threads: ['t'],
    });
    expect(await console.ask('connection', { client_id: 'none' })).toMatchObject({ ok: false });
    const found = await console.get('connections', { search: 'USER-4' });
    expect([found.total, found.found, found.connections[0]!.user_id]).toEqual([5, 1, 'user-4']);
    const page = await console.get('connections', { order: 'user', descending: true, offset: 1, limit: 2 });
    expect(page.connections.map(({ user_id }) => user_id)).toEqual(['user-4', 'user-3']);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });

  test('that do not keep up come first by their pace, with what they have not taken; what is not known comes last', async () => {
    await using app = await startApp({ operator, ratePerSecond: 0 });
    using console = await openConsole(app);
    await using ada = await connectClient(app.url, { auth: { user: 'ada', client: { name: 'a', version: '1' } } });
    await using bob = await connectClient(app.url, { auth: { user: 'bob', client: { name: 'b', version: '1' } } });
    const users = async (payload: Partial<ConsolePayload<'connections'>>): Promise<string[]> =>
      (await console.get('connections', payload)).connections.map(({ user_id }) => user_id);
    await ada.call('create_thread', { id: 't' });
    await using stuck = await connectWire(app.url, { auth: { user: 'stuck' } });
    await stuck.request('subscribe_thread', { thread_id: 't' });
    stuck.socket.pause();
    const content = 'x'.repeat(60_000);
    await eventually('it is slow', async () => {
      await bob.call('send_message', { thread_id: 't', content });
      const [first] = (await console.get('connections', { order: 'slow', descending: true })).connections;
      if (!first?.is_slow) return false;
      expect(first.user_id).toBe('stuck');
      expect(first.buffered_bytes).toBeGreaterThan(content.length);
      return true;
    });
    expect((await users({ order: 'slow', descending: false })).at(-1)).toBe('stuck');
    expect(await users({ order: 'client', descending: false })).toEqual(['ada', 'bob', 'stuck']);
    expect(await users({ order: 'client', descending: true })).toEqual(['bob', 'ada', 'stuck']);
    expect(await users({ order: 'round_trip', descending: true })).toHaveLength(3);
    const { connections } = await console.get('connections', { search: 'bob' });
    expect(await users({ search: connections[0]!.socket_id })).toEqual(['bob']);
  });

  test('an operator may end one, or all of a user, who are told why and do not come back by themselves', async () => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    await using one = await connectClient(app.url, { user: 'ada' });
    await using two = await connectClient(app.url, { user: 'ada' });
    await using other = await connectClient(app.url, { user: 'bob' });
    const [line] = (await console.get('connections', { search: 'ada' })).connections;
    expect(await console.get('disconnect', { client_id: line!.client_id })).toEqual({ connections: 1 });
    expect(await console.ask('disconnect', { client_id: line!.client_id })).toMatchObject({ ok: false });
    expect(await console.get('disconnect_user', { user_id: 'ada' })).toEqual({ connections: 1 });
    // Of what is not there any more nobody could find out later whose it was.
    const { entries } = await console.get('audit');
    expect(entries.map(({ action, outcome, detail }) => [action, outcome, detail])).toEqual([
      ['disconnect_user', 'ok', '1 connection'],
      ['disconnect', 'refused', 'invalid_payload'],
      ['disconnect', 'ok', 'of ada at 127.0.0.1'],
      ['login', 'ok', expect.any(String)],
    ]);
    for (const client of [one, two]) {
      expect(await client.next('error')).toMatchObject({ code: 'forbidden', fatal: true });
      await client.disconnected();
    }
    expect(await other.call('ping', {})).toHaveProperty('server_time');
    expect(await console.get('connections')).toMatchObject({ total: 1 });
  });
});

describe('a user whom an operator revokes', () => {
  test('is ended, with all streams, and kept out until restored, also after a start of the server', async () => {
    await using own = await embeddedBackEnd.open();
    {
      await using app = await startApp({ operator, store: own.store });
      using console = await openConsole(app);
      await using ada = await connectClient(app.url, { user: 'ada' });
      await using bob = await connectClient(app.url, { user: 'bob' });
      await ada.call('create_thread', { id: 't' });
      await bob.call('subscribe_thread', { thread_id: 't' });
      const { message } = await ada.call('stream_start', { thread_id: 't' });
      expect(await console.get('revoke_user', { user_id: 'ada', reason: 'Spam.' })).toEqual({ connections: 1 });
      expect(await ada.next('error')).toMatchObject({ code: 'forbidden', fatal: true });
      await ada.disconnected();
      expect(await bob.next('stream_end')).toMatchObject({ stream_id: message.id, status: 'cancelled' });
      await expect(connectClient(app.url, { user: 'ada' })).rejects.toMatchObject({ data: { code: 'forbidden' } });
      const answer = await fetch(`${app.url}/api/threads`, { headers: { 'X-Threadwire-User': 'ada' } });
      expect(answer.status).toBe(403);
      expect(await console.get('revoked')).toMatchObject({
        users: [{ user_id: 'ada', operator: 'admin', reason: 'Spam.' }],
      });
    }
    await using app = await startApp({ operator, store: await own.reopen() });
    using console = await openConsole(app);
    await expect(connectClient(app.url, { user: 'ada' })).rejects.toMatchObject({ data: { code: 'forbidden' } });
    expect(await console.get('restore_user', { user_id: 'ada' })).toEqual({});
    expect(await console.get('revoked')).toEqual({ users: [] });
    await using ada = await connectClient(app.url, { user: 'ada' });
    expect(await ada.call('ping', {})).toHaveProperty('server_time');
    const { entries } = await console.get('audit');
    expect(entries.map(({ action }) => action)).toEqual(['restore_user', 'login', 'revoke_user', 'login']);
  });
});

test('errors are counted by their codes, and the last ones are there', async () => {
  await using app = await startApp({ operator });
  using console = await openConsole(app);
  await using ada = await connectClient(app.url, { user: 'ada' });
  await ada.request('fetch_history', { thread_id: 'none' });
  await ada.request('send_message', { thread_id: 'none', content: '' });
  await fetch(`${app.url}/api/threads/none`);
  const { counts, recent } = await console.get('errors');
  expect(counts).toMatchObject({ invalid_payload: 1 });
  expect(counts.thread_not_found).toBe(2);
  expect(recent.map(({ code, request, user_id }) => [code, request, user_id])).toEqual([
    ['thread_not_found', expect.stringMatching(/^http /), null],
    ['invalid_payload', 'send_message', 'ada'],
    ['thread_not_found', 'fetch_history', 'ada'],
  ]);
});

test('everybody is told what an operator announces', async () => {
  await using app = await startApp({ operator });
  using console = await openConsole(app);
  await using ada = await connectClient(app.url, { user: 'ada' });
  for (const status of ['maintenance', 'degraded', 'ok'] as const) {
    expect(await console.get('announce', { status, message: 'Maintenance at noon.' })).toEqual({ connections: 1 });
    expect(await ada.next('system_status')).toEqual({ status, message: 'Maintenance at noon.' });
  }
  // Whoever drains says so: it is no announcement.
  expect(await console.ask('announce', { status: 'draining' })).toMatchObject({ error: { code: 'invalid_payload' } });
});

test('a node is drained when an operator asks for it', async () => {
  let asked = 0;
  await using app = await startApp({ operator, onDrainAsked: () => (asked += 1) });
  using console = await openConsole(app);
  expect(await console.get('drain')).toEqual({});
  expect(asked).toBe(1);
});

test('each action is in the log, with what it was done to; what is only looked at is not', async () => {
  await using app = await startApp({ operator });
  using console = await openConsole(app);
  for (const view of ['overview', 'threads', 'streams', 'connections', 'errors'] as const) await console.get(view);
  const announced = 'x'.repeat(500);
  await console.get('announce', { status: 'degraded', message: announced });
  await console.get('revoke_user', { user_id: 'nobody', reason: 'Spam.' });
  await console.ask('cancel_stream', { stream_id: 'none', reason: 'It is in the way.' });
  await console.ask('disconnect', { client_id: 7 });
  await eventually('it is stored', async () => (await app.store.audit(10)).length === 4);
  const { entries } = await console.get('audit', { limit: 3 });
  expect(entries).toMatchObject([
    {
      operator: 'admin',
      address: '127.0.0.1',
      action: 'cancel_stream',
      target: 'none',
      outcome: 'refused',
      detail: 'stream_not_found',
    },
    { action: 'revoke_user', target: 'nobody', outcome: 'ok', detail: '0 connections: Spam.' },
    { action: 'announce', target: 'degraded', outcome: 'ok', detail: `0 connections: ${announced}`.slice(0, 500) },
  ]);
  expect((await console.get('audit', { before: entries[2]!.id })).entries).toMatchObject([{ action: 'login' }]);
});

test('operators get in while the store is away, and see that it is', async () => {
  let isAway = false;
  const check = (): void => {
    if (isAway) throw new StoreUnavailable('the store is away');
  };
  await using app = await startApp({
    operator,
    wrapStore: (store) =>
      storeWith(store, {
        ping: async () => check(),
        appendAudit: async (entries) => {
          check();
          await store.appendAudit(entries);
        },
        audit: async (...args) => {
          check();
          return store.audit(...args);
        },
      }),
  });
  isAway = true;
  await eventually('that is noticed', async () => (await fetch(`${app.url}/readyz`)).status === 503);
  await expect(connectClient(app.url, { user: 'ada' })).rejects.toMatchObject({ status: 503 });
  using console = await openConsole(app);
  // At once: no sample was taken since.
  const [node] = (await console.get('overview')).nodes;
  expect([node!.is_store_up, node!.samples.at(-1)!.is_store_up]).toEqual([false, true]);
  expect(await console.get('connections')).toMatchObject({ total: 0 });
  expect(await console.ask('audit')).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  // What they do meanwhile is in the log once it is back.
  expect(await console.get('announce', { status: 'degraded' })).toEqual({ connections: 0 });
  isAway = false;
  await eventually('it is stored', async () => (await app.store.audit(10)).length === 2);
  expect((await console.get('audit')).entries.map(({ action }) => action)).toEqual(['announce', 'login']);
});

describe('what is wrong', () => {
  test.each([
    ['nothing', []],
    ['an unknown request', ['fly', {}]],
    ['a name of an object', ['constructor', {}]],
    ['no name', [7, {}]],
    ['an unknown field', ['overview', { extra: 1 }]],
    ['too much', ['overview', {}, {}]],
    ['no object', ['threads', 'all']],
  ])('%s is refused, and nothing else happens', async (_what, args) => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    const answer: unknown = await console.socket.timeout(5000).emitWithAck('console', ...args);
    expect(answer).toMatchObject({
      ok: false,
      error: { code: expect.stringMatching(/^(unknown_event|invalid_payload)$/) },
    });
    expect(await console.get('errors')).toBeDefined();
  });

  test('a deep array is refused too', async () => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    const { engine } = console.socket.io;
    const answered = new Promise<string>((resolve) =>
      engine.on('message', (packet: string) => packet.startsWith('3/admin,77') && resolve(packet)),
    );
    engine.write(`2/admin,77["console","threads",${'['.repeat(9000)}${']'.repeat(9000)}]`);
    expect(await answered).toContain('invalid_payload');
    expect(await console.get('errors')).toBeDefined();
  });

  test('requests without an ack, and a flood of them, harm nobody', async () => {
    await using app = await startApp({ operator });
    using console = await openConsole(app);
    console.socket.emit('console');
    console.socket.emit('console', 'overview', {});
    const answers = await Promise.all(upTo(150).map(() => console.ask('streams')));
    expect(answers.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(90);
    expect(answers.at(-1)).toMatchObject({ error: { code: 'rate_limited' } });
    await using ada = await connectClient(app.url, { user: 'ada' });
    expect(await ada.call('ping', {})).toHaveProperty('server_time');
  });
});
