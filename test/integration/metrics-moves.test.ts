import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import { ConnectRefused, connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import { scrape } from '../support/scrape.ts';
import { UpgradeRefused, connectWire } from '../support/wire-client.ts';
import { jwtAuth, newGate, newThread, tokenFor } from './helpers.ts';

/** The store, with something before each of its writes. */
function writingAfter(store: ThreadStore, before: (ops: Parameters<ThreadStore['write']>[0]) => Promise<void>) {
  return storeWith(store, {
    write: async (ops) => {
      await before(ops);
      return store.write(ops);
    },
  });
}

describe('sends', () => {
  test('are timed to their ok answers, however they come; a repeat is a duplicate; a refused one is neither', async () => {
    await using app = await startApp();
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    const message = { thread_id, content: 'x', message_id: 'm-1' };
    const post = (body: object) =>
      httpRequest(`${app.url}/api/threads/${thread_id}/messages`, {
        method: 'POST',
        body,
        headers: { 'X-Threadwire-User': 'ada' },
      });
    await ada.call('send_message', message);
    expect((await scrape(app)).value('threadwire_duplicates_total')).toBe(0);
    expect(await ada.call('send_message', message)).toMatchObject({ duplicate: true });
    expect((await post({ content: 'x', message_id: 'm-1' })).status).toBe(200);
    expect((await post({ content: 'y' })).status).toBe(201);
    expect(await ada.request('send_message', { thread_id, content: '' })).toMatchObject({ ok: false });
    expect((await post({ content: '' })).status).toBe(400);

    const { value } = await scrape(app);
    expect(value('threadwire_duplicates_total')).toBe(2);
    expect(value('threadwire_durable_events_total{event="thread_message"}')).toBe(2);
    expect(value('threadwire_send_to_ack_seconds_count')).toBe(4);
    expect(value('threadwire_send_to_ack_seconds_bucket{le="+Inf"}')).toBe(4);
    expect(value('threadwire_send_to_ack_seconds_sum')).toBeGreaterThan(0);
  });

  test('that wait for the store take as long as they wait, and those that wait together are one batch', async () => {
    const gate = newGate();
    await using app = await startApp({ wrapStore: (store) => writingAfter(store, () => gate.pass()) });
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    const first = ada.call('send_message', { thread_id, content: 'x' });
    await gate.reached;
    const others = [1, 2, 3].map((i) => ada.call('send_message', { thread_id, content: `${i}` }));
    // Answered when they have come: they were sent before it.
    await ada.call('ping', {});
    expect((await scrape(app)).value('threadwire_commit_seconds_count')).toBe(0);
    const from = performance.now();
    while (performance.now() - from < 30);
    gate.open();
    await Promise.all([first, ...others]);

    const { value } = await scrape(app);
    expect(value('threadwire_write_batch_ops_bucket{le="1"}')).toBe(1);
    expect(value('threadwire_write_batch_ops_bucket{le="4"}')).toBe(2);
    expect(value('threadwire_write_batch_ops_sum')).toBe(4);
    expect(value('threadwire_commit_seconds_count')).toBe(2);
    expect(value('threadwire_commit_seconds_sum')).toBeGreaterThan(0.03);
    expect(value('threadwire_commit_seconds_bucket{le="0.025"}')).toBeLessThanOrEqual(1);
    expect(value('threadwire_send_to_ack_seconds_sum')).toBeGreaterThan(4 * 0.03);
    expect(value('threadwire_send_to_ack_seconds_bucket{le="0.025"}')).toBe(0);
  });

  test('that the store does not take are failed commits and refused, and no commits', async () => {
    let isAway = false;
    await using app = await startApp({
      wrapStore: (store) =>
        writingAfter(store, async () => {
          if (isAway) throw new StoreUnavailable('the store is away');
        }),
    });
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    isAway = true;
    const answer = await ada.request('send_message', { thread_id, content: 'x' });
    expect(answer).toMatchObject({ error: { code: 'unavailable' } });

    const { value } = await scrape(app);
    expect(value('threadwire_commit_failures_total')).toBe(1);
    expect(value('threadwire_commit_seconds_count')).toBe(0);
    expect(value('threadwire_send_to_ack_seconds_count')).toBe(0);
    expect(value('threadwire_refusals_total{code="unavailable"}')).toBe(1);
  });
});

test('deliveries count each event once for each connection that is in the thread; bytes go up with them', async () => {
  await using app = await startApp();
  await using ada = await connectClient(app.url, { user: 'ada' });
  const { id: thread_id } = await newThread(ada);
  await using bo = await connectClient(app.url, { user: 'bo' });
  await using cy = await connectClient(app.url, { user: 'cy' });
  await using dee = await connectClient(app.url, { user: 'dee' });
  for (const client of [bo, cy, dee]) await client.call('subscribe_thread', { thread_id });
  const before = await scrape(app);
  expect(before.value('threadwire_subscriptions')).toBe(3);
  expect(before.value('threadwire_deliveries_total')).toBe(0);

  const content = 'x'.repeat(1000);
  await ada.call('send_message', { thread_id, content });
  for (const client of [bo, cy, dee]) await client.next('thread_message');
  await dee.call('unsubscribe_thread', { thread_id });
  const { message } = await ada.call('stream_start', { thread_id });
  await ada.call('stream_chunk', { stream_id: message.id, offset: 0, delta: 'x' });
  for (const client of [bo, cy]) await client.next('stream_chunk');

  const { value } = await scrape(app);
  expect(value('threadwire_subscriptions')).toBe(2);
  expect(value('threadwire_deliveries_total')).toBe(3 + 2 + 2);
  const grown = (sample: string) => value(sample) - before.value(sample);
  expect(grown('threadwire_received_bytes_total')).toBeGreaterThan(content.length);
  expect(grown('threadwire_received_bytes_total')).toBeLessThan(2 * content.length);
  // Three readers, and the answer.
  expect(grown('threadwire_sent_bytes_total')).toBeGreaterThan(4 * content.length);
  expect(grown('threadwire_sent_bytes_total')).toBeLessThan(8 * content.length);
});

describe('subscriptions', () => {
  test('are counted by whether what was missed was sent', async () => {
    await using app = await startApp();
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    await ada.call('send_message', { thread_id, content: 'x' });
    await ada.call('subscribe_thread', { thread_id });
    await ada.call('subscribe_thread', { thread_id, after_seq: 0 });
    await ada.call('subscribe_thread', { thread_id, after_seq: 1 });
    expect(await ada.call('subscribe_thread', { thread_id, after_seq: 7 })).toMatchObject({ recovered: false });
    // Paging is none.
    await ada.call('fetch_history', { thread_id, after_seq: 0 });
    await ada.request('subscribe_thread', { thread_id: 'none', after_seq: 1 });
    const { threads } = await ada.call('subscribe_threads', {
      threads: [{ thread_id, after_seq: 0 }, { thread_id: 'none' }],
    });
    expect(threads.map(({ ok }) => ok)).toEqual([true, false]);

    const { value } = await scrape(app);
    expect(value('threadwire_recoveries_total{outcome="not_asked"}')).toBe(1);
    expect(value('threadwire_recoveries_total{outcome="recovered"}')).toBe(3);
    expect(value('threadwire_recoveries_total{outcome="not_recovered"}')).toBe(1);
    expect(value('threadwire_recoveries_total{outcome="refused"}')).toBe(2);
    expect(value('threadwire_refusals_total{code="thread_not_found"}')).toBe(2);
  });

  test('above the limit are refused', async () => {
    await using app = await startApp({ maxSubscriptions: 1 });
    await using ada = await connectClient(app.url, { user: 'ada' });
    const [one, two] = [await newThread(ada), await newThread(ada)];
    await ada.call('subscribe_threads', { threads: [{ thread_id: one.id }, { thread_id: two.id }] });
    const { value } = await scrape(app);
    expect(value('threadwire_subscriptions')).toBe(1);
    expect(value('threadwire_recoveries_total{outcome="refused"}')).toBe(1);
    expect(value('threadwire_refusals_total{code="too_many_subscriptions"}')).toBe(1);
  });
});

describe('streams', () => {
  test('are counted by their state, by how they end, and by what became of those begun once more', async () => {
    const gate = newGate();
    await using app = await startApp({
      wrapStore: (store) =>
        writingAfter(store, async (ops) => {
          if (ops.some(({ kind }) => kind === 'stream_end')) await gate.pass();
        }),
    });
    await using reader = await connectClient(app.url, { user: 'bo' });
    const { id: thread_id } = await newThread(reader);
    const start = { thread_id, message_id: 'reply' };
    const states = async () => {
      const { value } = await scrape(app);
      return ['active', 'waiting', 'ending'].map((state) => value(`threadwire_streams{state="${state}"}`));
    };
    expect(await states()).toEqual([0, 0, 0]);

    await using first = await connectClient(app.url, { user: 'ada' });
    await first.call('stream_start', start);
    expect(await states()).toEqual([1, 0, 0]);
    first.socket.disconnect();
    await eventually('the stream waits', async () => (await states())[1] === 1);
    expect(await states()).toEqual([0, 1, 0]);

    await using second = await connectClient(app.url, { user: 'ada' });
    const { message, resumed } = await second.call('stream_start', start);
    expect(resumed).toBe(true);
    expect(await states()).toEqual([1, 0, 0]);
    const ended = second.call('stream_end', { stream_id: message.id, offset: 0, status: 'failed' });
    await gate.reached;
    expect(await states()).toEqual([0, 0, 1]);
    gate.open();
    await ended;
    expect(await states()).toEqual([0, 0, 0]);
    await second.call('stream_start', start);

    const { value } = await scrape(app);
    expect(value('threadwire_durable_events_total{event="stream_start"}')).toBe(1);
    expect(value('threadwire_durable_events_total{event="stream_end"}')).toBe(1);
    expect(value('threadwire_streams_ended_total{status="failed"}')).toBe(1);
    expect(value('threadwire_streams_ended_total{status="complete"}')).toBe(0);
    expect(value('threadwire_stream_recoveries_total{outcome="resumed"}')).toBe(1);
    expect(value('threadwire_stream_recoveries_total{outcome="ended"}')).toBe(1);
    expect(value('threadwire_duplicates_total')).toBe(0);
  });

  test('whose producers do not come back are interrupted', async () => {
    await using app = await startApp({ streamLeaseMs: 100 });
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    await ada.call('stream_start', { thread_id });
    ada.socket.disconnect();
    await eventually('the stream is interrupted', async () => {
      return (await scrape(app)).value('threadwire_streams_ended_total{status="interrupted"}') === 1;
    });
  });

  test('that come as bodies and break off are no fault of the server’s, and no refusals', async () => {
    await using app = await startApp();
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    await ada.call('subscribe_thread', { thread_id });
    const body = request(`${app.url}/api/threads/${thread_id}/stream`, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain' },
    });
    body.on('error', () => undefined);
    body.write('so far');
    await ada.next('stream_chunk');
    body.destroy();
    await eventually('the stream waits', async () => {
      return (await scrape(app)).value('threadwire_streams{state="waiting"}') === 1;
    });

    const { text, value } = await scrape(app);
    expect(value('threadwire_refusals_total{code="internal"}')).toBe(0);
    expect(value('threadwire_refusals_total{code="invalid_payload"}')).toBe(0);
    expect(text).not.toContain('event="http stream_body"');
    expect(app.logs.filter(({ level }) => level >= 40)).toEqual([]);
    expect(app.logs).toContainEqual(expect.objectContaining({ msg: 'request broke off', event: 'stream_body' }));
  });
});

describe('refusals', () => {
  test('are counted at handshakes, at CONNECT, and of what is no HTTP at all', async () => {
    await using app = await startApp();
    await expect(connectWire(app.url, { path: '/elsewhere' })).rejects.toThrow(UpgradeRefused);
    await expect(connectClient(app.url, { auth: { user: 7 } })).rejects.toThrow(ConnectRefused);
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    socket.resume();
    socket.end('nonsense\r\n\r\n');
    await new Promise((resolve) => socket.once('close', resolve));

    const { value } = await scrape(app);
    expect(value('threadwire_requests_total{event="handshake",outcome="unknown_event"}')).toBe(1);
    expect(value('threadwire_requests_total{event="connect",outcome="invalid_payload"}')).toBe(1);
    expect(value('threadwire_requests_total{event="http unknown",outcome="invalid_payload"}')).toBe(1);
    expect(value('threadwire_refusals_total{code="unknown_event"}')).toBe(1);
    expect(value('threadwire_refusals_total{code="invalid_payload"}')).toBe(2);
  });

  test('are counted where nobody asked: when a token runs out, and when a member is removed', async () => {
    let now = Date.now();
    await using app = await startApp({ auth: jwtAuth, now: () => now });
    await using ada = await connectClient(app.url, { token: await tokenFor('ada') });
    await using bo = await connectClient(app.url, { token: await tokenFor('bo') });
    const { id: thread_id } = await newThread(ada, { members: ['bo'] });
    await bo.call('subscribe_thread', { thread_id });
    await ada.call('update_thread', { thread_id, members: ['cy'] });
    expect(await bo.next('error')).toMatchObject({ code: 'forbidden', thread_id });
    expect((await scrape(app)).value('threadwire_refusals_total{code="forbidden"}')).toBe(1);
    now += 7_200_000;
    await Promise.all([ada.disconnected(), bo.disconnected()]);

    const { value } = await scrape(app);
    expect(value('threadwire_refusals_total{code="token_expired"}')).toBe(2);
    expect(value('threadwire_refusals_total{code="forbidden"}')).toBe(1);
    expect(value('threadwire_connections')).toBe(0);
  });

  test('of streamed text are counted, too, by its short way', async () => {
    await using app = await startApp();
    await using ada = await connectClient(app.url, { user: 'ada' });
    const { id: thread_id } = await newThread(ada);
    const { message } = await ada.call('stream_start', { thread_id });
    await ada.call('stream_chunk', { stream_id: message.id, offset: 0, delta: 'so far' });
    expect(await ada.request('stream_chunk', { stream_id: message.id, offset: 9, delta: '!' })).toMatchObject({
      error: { code: 'stream_conflict' },
    });
    const { value } = await scrape(app);
    expect(value('threadwire_requests_total{event="stream_chunk",outcome="ok"}')).toBe(1);
    expect(value('threadwire_requests_total{event="stream_chunk",outcome="stream_conflict"}')).toBe(1);
    expect(value('threadwire_refusals_total{code="stream_conflict"}')).toBe(1);
  });
});

test('bytes that a reader does not take are counted while they wait, and it itself when it is closed', async () => {
  await using app = await startApp({ ratePerSecond: 0 });
  await using ada = await connectClient(app.url, { user: 'ada' });
  const { id: thread_id } = await newThread(ada);
  await using stuck = await connectWire(app.url, { auth: { user: 'stuck' } });
  await stuck.request('subscribe_thread', { thread_id });
  expect((await scrape(app)).value('threadwire_buffered_bytes')).toBe(0);
  stuck.socket.pause();
  const content = 'x'.repeat(60_000);
  let most = 0;
  // What the system's own buffers take is many megabytes.
  for (let sent = 0; sent < 2000; sent += 1) {
    await ada.call('send_message', { thread_id, content });
    const { value } = await scrape(app);
    most = Math.max(most, value('threadwire_buffered_bytes'));
    if (value('threadwire_slow_consumers_total') > 0) break;
  }
  expect(most).toBeGreaterThan(500_000);
  const { value } = await scrape(app);
  expect(value('threadwire_slow_consumers_total')).toBe(1);
  await eventually('its connection is gone', async () => {
    return (await scrape(app)).value('threadwire_connections') === 1;
  });
  expect((await scrape(app)).value('threadwire_buffered_bytes')).toBe(0);
}, 60_000);

test('the event loop’s delays are seen when it was held up, and nobody who reads them takes them from others', async () => {
  await using app = await startApp();
  const long = async () => {
    const { value } = await scrape(app);
    return value('threadwire_loop_delay_seconds_count') - value('threadwire_loop_delay_seconds_bucket{le="0.25"}');
  };
  const before = await long();
  const from = performance.now();
  while (performance.now() - from < 400);
  const after = await long();
  expect(after).toBeGreaterThan(before);
  expect(await long()).toBeGreaterThanOrEqual(after);
  expect((await scrape(app)).value('threadwire_loop_delay_seconds_sum')).toBeGreaterThan(0.3);
});
