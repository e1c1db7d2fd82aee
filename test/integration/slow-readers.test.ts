import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { limits } from '@threadwire/protocol';
import type { Message, ServerPayload } from '@threadwire/protocol';
import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { httpRequest } from '../support/http-request.ts';
import { connectWire } from '../support/wire-client.ts';
import type { Frame, WireClient } from '../support/wire-client.ts';

const largest = 'x'.repeat(60_000);

/** Lets the server do what it can do meanwhile. */
async function pings(client: TestClient, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await client.call('ping', {});
}

describe('a client that does not read', () => {
  let app: App;
  /** Reads of history, and how many of them there were at one moment. */
  const histories = { begun: 0, underWay: 0, most: 0 };
  beforeAll(async () => {
    app = await startApp({ ratePerSecond: 0, wrapStore: (store) => countHistories(store, histories) });
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  test('its thread’s events is closed, harms nobody, and recovers by after_seq', async () => {
    await using ann = await connectClient(app.url, { user: 'ann' });
    await using bob = await connectClient(app.url, { user: 'bob' });
    await ann.call('create_thread', { id: 'events' });
    await bob.call('subscribe_thread', { thread_id: 'events' });
    await using stuck = await connectWire(app.url, { auth: { user: 'stuck' } });
    expect(await stuck.request('subscribe_thread', { thread_id: 'events' })).toMatchObject({ ok: true });
    stuck.socket.pause();

    const closes = 'closed because it reads too slowly';
    const isClosed = () => app.logs.some(({ msg }) => msg === closes);
    let sent = 0;
    // What the system's own buffers take is many megabytes.
    while (!isClosed() && sent < 2000) {
      await ann.call('send_message', { thread_id: 'events', content: largest });
      sent += 1;
    }
    expect(isClosed()).toBe(true);
    await bob.next('thread_message', ({ seq }) => seq === sent);
    await using back = await connectClient(app.url, { user: 'stuck' });
    const { head_seq: head } = await back.call('subscribe_thread', { thread_id: 'events', after_seq: 0 });
    expect(head).toBe(sent);
    stuck.socket.resume();
    expect((await stuck.closing()).code).toBe(1006);
  }, 60_000);

  test('its answers gets no more of them until it does, and then every one', async () => {
    await using ann = await connectClient(app.url, { user: 'ann' });
    await ann.call('create_thread', { id: 'long' });
    for (let i = 0; i < 9; i += 1) await ann.call('send_message', { thread_id: 'long', content: largest });
    await using stuck = await connectWire(app.url, { auth: { user: 'stuck' } });
    await stuck.request('ping', {});
    Object.assign(histories, { begun: 0, most: 0 });
    stuck.socket.pause();
    const ids = Array.from({ length: 100 }, (_, i) => 1000 + i);
    for (const id of ids) stuck.send(`42${id}["fetch_history",{"thread_id":"long"}]`);
    let before: number;
    do {
      before = histories.begun;
      await pings(ann, 100);
    } while (histories.begun > before);
    expect(before).toBeLessThan(80);
    expect(histories.most).toBe(1);

    stuck.socket.resume();
    for (const id of ids) expect(await stuck.ack(id)).toMatchObject({ ok: true, data: { head_seq: 9 } });
  }, 60_000);

  test('the answers to its WebSocket pings gets few of them, and is served on', async () => {
    await using ann = await connectClient(app.url, { user: 'ann' });
    await using stuck = await connectWire(app.url, { auth: { user: 'stuck' } });
    let pongs = 0;
    stuck.socket.on('pong', () => (pongs += 1));
    stuck.socket.pause();
    const asked = 150_000;
    for (let i = 0; i < asked; i += 1) stuck.socket.ping(Buffer.alloc(125), true, () => undefined);
    await pings(ann, 20);
    stuck.socket.resume();
    expect(await stuck.request('ping', {}, 20_000)).toMatchObject({ ok: true });
    expect(pongs).toBeGreaterThan(0);
    expect(pongs).toBeLessThan(asked);
  }, 60_000);
});

test('a client that floods the server is read slowly; all others are served meanwhile', async () => {
  await using app = await startApp({ ratePerSecond: 10 });
  await using ann = await connectClient(app.url, { user: 'ann' });
  await using flood = await connectWire(app.url, { auth: { user: 'flood' } });
  const count = 30_000;
  for (let i = 0; i < count; i += 1) flood.send('4');
  expect(await flood.event('error')).toMatchObject({ code: 'invalid_payload' });
  expect(await ann.call('ping', {})).toHaveProperty('server_time');
  const metrics = (await httpRequest(`${app.url}/metrics`)).text;
  const refused = [...metrics.matchAll(/^threadwire_requests_total\{event="unknown",[^}]*\} (\d+)$/gm)];
  const answered = refused.reduce((sum, [, number]) => sum + Number(number), 0);
  expect(answered).toBeGreaterThan(0);
  expect(answered).toBeLessThan(count / 2);
});

function countHistories(store: ThreadStore, count: { begun: number; underWay: number; most: number }): ThreadStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'histories') return (value as (...args: unknown[]) => unknown).bind(target);
      return async (...args: Parameters<ThreadStore['histories']>) => {
        count.begun += 1;
        count.underWay += 1;
        count.most = Math.max(count.most, count.underWay);
        try {
          return await target.histories(...args);
        } finally {
          count.underWay -= 1;
        }
      };
    },
  });
}

describe('a client that does not read the text of streams', () => {
  const piece = '\u6587'.repeat(16 * 1024);
  const piecesOfStream = limits.maxStreamLength / piece.length;

  /** Streams of one producer, in threads that these clients are in, all with as much text as there may be. */
  async function fill(app: App, readers: readonly WireClient[], threads: number) {
    const producer = await connectClient(app.url, { user: 'bot' });
    const streams: Message[] = [];
    for (let t = 0; t < threads; t += 1) {
      const { thread } = await producer.call('create_thread', {});
      for (const reader of readers) await reader.request('subscribe_thread', { thread_id: thread.id });
      for (let s = 0; s < limits.maxStreamsPerThread; s += 1) {
        streams.push((await producer.call('stream_start', { thread_id: thread.id })).message);
      }
    }
    return { producer, streams };
  }

  /** The text of each stream as a client that never asks for anything again puts it together. */
  function textsOf({ frames }: WireClient): Map<string, string> {
    const texts = new Map<string, string>();
    for (const frame of frames) {
      if (typeof frame !== 'string' || !frame.startsWith('42["stream_chunk"')) continue;
      const [, { stream_id: id, offset, delta }] = JSON.parse(frame.slice(2)) as [string, Chunk];
      const held = texts.get(id) ?? '';
      // Nothing is missing, and nothing comes twice.
      expect(offset).toBe(held.length);
      texts.set(id, held + delta);
    }
    return texts;
  }

  test.each(['catches up', 'gets the rest before the end'])(
    '%s',
    async (how) => {
      await using app = await startApp({ ratePerSecond: 0 });
      await using stuck = await connectWire(app.url, { auth: { user: 'stuck' } });
      await using reader = await connectWire(app.url, { auth: { user: 'reader' } });
      const { producer, streams } = await fill(app, [stuck, reader], 2);
      stuck.socket.pause();
      for (let i = 0; i < piecesOfStream; i += 1) {
        const offset = i * piece.length;
        await Promise.all(
          streams.map(({ id }, s) => {
            // In few bytes, so that its rest and what is under way are not too much together.
            const delta = s === 0 ? 'x'.repeat(piece.length) : piece;
            return producer.call('stream_chunk', { stream_id: id, offset, delta }, 20_000);
          }),
        );
      }
      const isText = (frame: Frame): boolean => String(frame).startsWith('42["stream_chunk"');
      const isEnd = (frame: Frame): boolean => String(frame).startsWith('42["stream_end"');
      const whole = limits.maxStreamLength * streams.length;
      const lengthOf = (client: WireClient): number => [...textsOf(client).values()].join('').length;
      while (lengthOf(reader) < whole) await reader.next(isText);
      // What the system's own buffers take is some megabytes; of the rest nothing was kept for it.
      expect(lengthOf(stuck)).toBeLessThan(whole / 2);
      if (how === 'catches up') {
        stuck.socket.resume();
        while (lengthOf(stuck) < whole) await stuck.next(isText);
      } else {
        const [first] = streams as [Message];
        await producer.call('stream_end', { stream_id: first.id, offset: limits.maxStreamLength, status: 'complete' });
        stuck.socket.resume();
        await stuck.next(isEnd);
        expect(textsOf(stuck).get(first.id)).toHaveLength(limits.maxStreamLength);
      }
      expect(app.logs.some(({ msg }) => msg === 'closed because it reads too slowly')).toBe(false);
      await producer[Symbol.asyncDispose]();
    },
    60_000,
  );
});

type Chunk = ServerPayload<'stream_chunk'>;
