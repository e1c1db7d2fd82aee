import { describe, expect, test } from '@jest/globals';
import { clientEvents, httpRoutes, serverEventNames } from '@threadwire/protocol';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import { scrape } from '../support/scrape.ts';

/** An app whose store goes away and comes back as the test says. */
async function startWithStoreThatCanBeAway() {
  const store = { isAway: false };
  const app = await startApp({
    wrapStore: (real) =>
      storeWith(real, {
        ping: async () => {
          if (store.isAway) throw new StoreUnavailable('the store is away');
          return real.ping();
        },
      }),
  });
  return { app, store, [Symbol.asyncDispose]: async () => app[Symbol.asyncDispose]() };
}

describe('/metrics', () => {
  test('without METRICS_TOKEN is for loopback, and not for whoever comes through a proxy', async () => {
    await using app = await startApp();
    expect((await httpRequest(`${app.url}/metrics`)).status).toBe(200);
    for (const header of ['X-Forwarded-For', 'Forwarded']) {
      for (const value of ['for=203.0.113.9', '127.0.0.1', '']) {
        const reply = await httpRequest(`${app.url}/metrics`, { headers: { [header]: value } });
        expect({ header, value, status: reply.status }).toEqual({ header, value, status: 403 });
        expect(reply.error).toMatchObject({ code: 'forbidden', retry: 'never' });
      }
    }
  });

  test('with METRICS_TOKEN is for whoever has it, from wherever', async () => {
    await using app = await startApp({ metricsToken: 'the-token' });
    const get = (headers: Record<string, string>) => httpRequest(`${app.url}/metrics`, { headers });
    for (const value of ['', 'Bearer', 'Bearer another-token', 'Bearer the-token2', 'Basic the-token', 'the-token']) {
      const reply = await get({ Authorization: value });
      expect({ value, status: reply.status }).toEqual({ value, status: 401 });
      expect(reply.error).toMatchObject({ code: 'unauthenticated' });
      expect(reply.headers['www-authenticate']).toBe('Bearer');
    }
    expect((await httpRequest(`${app.url}/metrics?token=the-token`)).status).toBe(401);
    const ok = await get({ Authorization: 'Bearer the-token', 'X-Forwarded-For': '203.0.113.9' });
    expect(ok.status).toBe(200);
  });

  test('is Prometheus text that names what operators look for', async () => {
    await using app = await startApp();
    const { headers, text } = await httpRequest(`${app.url}/metrics`);
    expect(headers['content-type']).toMatch(/^text\/plain; ?(charset=utf-8; ?)?version=0\.0\.4/);
    for (const [name, type] of [
      ['threadwire_connections', 'gauge'],
      ['threadwire_requests_total', 'counter'],
      ['threadwire_durable_events_total', 'counter'],
      ['threadwire_write_batch_ops', 'histogram'],
      ['threadwire_store_up', 'gauge'],
      ['process_cpu_seconds_total', 'counter'],
      ['process_resident_memory_bytes', 'gauge'],
      ['nodejs_eventloop_lag_seconds', 'gauge'],
    ]) {
      expect(text).toContain(`# TYPE ${name} ${type}\n`);
    }
  });

  test('counts requests by event and outcome, and connections while they are there', async () => {
    await using app = await startApp();
    expect((await scrape(app)).value('threadwire_connections')).toBe(0);

    await using client = await connectClient(app.url, { user: 'ada' });
    const { thread } = await client.call('create_thread', {});
    const { message } = await client.call('send_message', { thread_id: thread.id, content: 'x' });
    await client.call('edit_message', { thread_id: thread.id, id: message.id, content: 'y' });
    await client.request('fetch_history', { thread_id: 'none' });
    await client.requestRaw('nonsense', [{}]);
    await httpRequest(`${app.url}/api/threads/${thread.id}/messages`, { method: 'POST', body: { content: 'z' } });
    await httpRequest(`${app.url}/api/threads/none`);

    const { value } = await scrape(app);
    expect(value('threadwire_connections')).toBe(1);
    expect(value('threadwire_store_up')).toBe(1);
    expect(value('threadwire_requests_total{event="connect",outcome="ok"}')).toBe(1);
    expect(value('threadwire_requests_total{event="send_message",outcome="ok"}')).toBe(1);
    expect(value('threadwire_requests_total{event="fetch_history",outcome="thread_not_found"}')).toBe(1);
    expect(value('threadwire_requests_total{event="unknown",outcome="unknown_event"}')).toBe(1);
    expect(value('threadwire_requests_total{event="http send_message",outcome="ok"}')).toBe(1);
    expect(value('threadwire_requests_total{event="http get_thread",outcome="thread_not_found"}')).toBe(1);
    expect(value('threadwire_durable_events_total{event="thread_message"}')).toBe(2);
    expect(value('threadwire_durable_events_total{event="message_updated"}')).toBe(1);

    client.socket.disconnect();
    await eventually('the connection is no longer counted', async () => {
      return (await scrape(app)).value('threadwire_connections') === 0;
    });
  });

  test('has no more names, however many events are invented', async () => {
    await using app = await startApp();
    await using client = await connectClient(app.url);
    for (let i = 0; i < 50; i++) await client.requestRaw(`invented-${i}`, [{}]);
    for (let i = 0; i < 20; i++) await httpRequest(`${app.url}/invented/${i}`);
    expect((await httpRequest(`${app.url}/metrics`)).text).not.toContain('invented');
  });
});

describe('while the store is away', () => {
  test('/healthz stays ok, /readyz gives the reason, and both are well when it is back', async () => {
    await using started = await startWithStoreThatCanBeAway();
    const { app, store } = started;
    const get = (path: string) => httpRequest(`${app.url}${path}`);
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);

    store.isAway = true;
    await eventually('/readyz says 503', async () => (await get('/readyz')).status === 503);
    expect((await get('/readyz')).json).toMatchObject({ reasons: ['the store is away'] });
    expect((await get('/healthz')).status).toBe(200);
    expect((await scrape(app)).value('threadwire_store_up')).toBe(0);

    store.isAway = false;
    await eventually('/readyz says 200', async () => (await get('/readyz')).status === 200);
    expect((await scrape(app)).value('threadwire_store_up')).toBe(1);
    const messages = app.logs.map(({ msg }) => msg);
    expect(messages.filter((message) => /store is (away|back)/.test(message ?? ''))).toEqual([
      'the store is away',
      'the store is back',
    ]);
  });

  test('everybody is told, once: system_status degraded, then ok', async () => {
    await using started = await startWithStoreThatCanBeAway();
    const { app, store } = started;
    await using ada = await connectClient(app.url, { user: 'ada' });
    await using bob = await connectClient(app.url, { user: 'bob' });
    store.isAway = true;
    for (const client of [ada, bob]) expect(await client.next('system_status')).toMatchObject({ status: 'degraded' });
    // Connections stay open, and what needs no store is answered.
    expect(await ada.call('ping', {})).toHaveProperty('server_time');
    store.isAway = false;
    for (const client of [ada, bob]) {
      expect(await client.drainUntil('system_status', ({ status }) => status === 'ok')).toEqual([]);
    }
  });
});

describe('the descriptions of the interfaces', () => {
  test('/api/openapi.json names every route', async () => {
    await using app = await startApp();
    const { status, json } = await httpRequest(`${app.url}/api/openapi.json`);
    expect(status).toBe(200);
    const { openapi, paths } = json as { openapi: string; paths: Record<string, Record<string, unknown>> };
    expect(openapi).toMatch(/^3\.1/);
    for (const { method, path } of httpRoutes) {
      expect(paths[path.replaceAll(/:(\w+)/g, '{$1}')]).toHaveProperty(method);
    }
    for (const path of ['/healthz', '/readyz', '/metrics', '/api/asyncapi.json', '/api/openapi.json']) {
      expect(paths[path]).toHaveProperty('get');
      expect((await httpRequest(`${app.url}${path}`)).status).toBe(200);
    }
  });

  test('/api/asyncapi.json names every event', async () => {
    await using app = await startApp();
    const { status, json, text } = await httpRequest(`${app.url}/api/asyncapi.json`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ asyncapi: expect.stringMatching(/^3\./) });
    for (const event of [...Object.keys(clientEvents), ...serverEventNames]) expect(text).toContain(`"${event}"`);
  });

  test('are there for everybody, also where tokens are asked for', async () => {
    await using app = await startApp({
      auth: { mode: 'jwt', key: { secret: 'a secret of thirty-two bytes or more' } },
    });
    for (const path of ['/api/openapi.json', '/api/asyncapi.json', '/healthz', '/readyz', '/']) {
      expect((await httpRequest(`${app.url}${path}`)).status).toBe(200);
    }
  });
});
