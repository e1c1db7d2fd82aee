import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { limits } from '@threadwire/protocol';
import type { ErrorObject } from '@threadwire/protocol';
import { startApp } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { connectWire } from '../support/wire-client.ts';
import type { WireClient } from '../support/wire-client.ts';
import { newGate, newThread, range, sendText, withMethods } from './helpers.ts';

const mib = 1024 * 1024;

interface PingAnswer {
  readonly ok: boolean;
  readonly error?: ErrorObject;
}

/** Pings so many times without waiting for answers, and gives them in order. */
async function pingAtOnce(wire: WireClient, count: number): Promise<PingAnswer[]> {
  return (await Promise.all(range(1, count).map(() => wire.request('ping', {})))) as PingAnswer[];
}

describe('the rate of requests', () => {
  test('may be four times as high for a moment; then each is refused with the time to wait', async () => {
    const clock = new ManualClock();
    await using app = await startApp({ ratePerSecond: 10, now: clock.now });
    await using wire = await connectWire(app.url);
    expect(await wire.event('session')).toMatchObject({ limits: { rate_per_second: 10 } });
    const answers = await pingAtOnce(wire, 50);
    expect(answers.map(({ ok }) => ok)).toEqual(range(1, 50).map((i) => i <= 40));
    expect(answers[49]!.error).toEqual({
      code: 'rate_limited',
      message: expect.any(String),
      retry: 'later',
      retry_after_ms: 100,
      event: 'ping',
    });
    // Who waits as long as it is told, and no shorter, is served.
    await clock.advance(99);
    expect(await wire.request('ping', {})).toMatchObject({ ok: false, error: { retry_after_ms: 1 } });
    await clock.advance(1);
    expect((await pingAtOnce(wire, 2)).map(({ ok }) => ok)).toEqual([true, false]);
    await clock.advance(1000);
    expect((await pingAtOnce(wire, 12)).filter(({ ok }) => ok)).toHaveLength(10);
    // More than a burst is not saved up.
    await clock.advance(3_600_000);
    expect((await pingAtOnce(wire, 50)).filter(({ ok }) => ok)).toHaveLength(40);
  });

  test('counts whatever comes: unknown events, bad payloads and what is no packet; without an ack by the event error', async () => {
    const clock = new ManualClock();
    await using app = await startApp({ ratePerSecond: 5, now: clock.now });
    await using wire = await connectWire(app.url);
    await wire.event('session');
    for (const frame of ['42["no_such_event",{}]', '42["ping",null]', '42{', '421["ping",{}]']) {
      for (let i = 0; i < 5; i += 1) wire.send(frame);
    }
    for (const frame of ['42["no_such_event",{}]', '42["ping",null]', '42{', '42["ping",{"message_id":"late"}]']) {
      wire.send(frame);
    }
    const errors: unknown[] = [];
    for (let i = 0; i < 19; i += 1) errors.push(await wire.event('error'));
    const limited = { code: 'rate_limited', retry: 'later', retry_after_ms: 200 };
    expect(errors.slice(15)).toMatchObject([
      limited,
      limited,
      limited,
      { ...limited, event: 'ping', message_id: 'late' },
    ]);
    expect(JSON.stringify(errors.slice(0, 15))).not.toContain('rate_limited');
  });

  test('is each connection’s own', async () => {
    const clock = new ManualClock();
    await using app = await startApp({ ratePerSecond: 1, now: clock.now });
    await using loud = await connectWire(app.url, { auth: { user: 'ada' } });
    await using calm = await connectWire(app.url, { auth: { user: 'ada' } });
    // Of more that are refused the connection would not be read any further.
    expect((await pingAtOnce(loud, 20)).filter(({ ok }) => ok)).toHaveLength(4);
    expect((await pingAtOnce(calm, 4)).filter(({ ok }) => ok)).toHaveLength(4);
  });

  test('is 50 a second where nothing is said, and not limited by 0', async () => {
    const clock = new ManualClock();
    await using usual = await startApp({ now: clock.now });
    await using wire = await connectWire(usual.url);
    expect(await wire.event('session')).toMatchObject({ limits: { rate_per_second: 50 } });
    expect((await pingAtOnce(wire, 300)).filter(({ ok }) => ok)).toHaveLength(200);
    await using unlimited = await startApp({ ratePerSecond: 0, now: clock.now });
    await using free = await connectWire(unlimited.url);
    expect(await free.event('session')).toMatchObject({ limits: { rate_per_second: 0 } });
    expect((await pingAtOnce(free, 2000)).filter(({ ok }) => ok)).toHaveLength(2000);
  });
});

describe('requests that are not answered yet', () => {
  /** The server's ends of the connections of this process, oldest first. */
  let accepted: Socket[] = [];
  const onSocket = (message: unknown) => accepted.push((message as { socket: Socket }).socket);
  beforeEach(() => {
    accepted = [];
    subscribe('net.server.socket', onSocket);
  });
  afterEach(() => {
    unsubscribe('net.server.socket', onSocket);
  });

  test('of more than 1 MiB stop the server from reading that socket, and no other, until it has answered', async () => {
    const gate = newGate();
    await using app = await startApp({
      ratePerSecond: 0,
      wrapStore: (store) =>
        withMethods(store, {
          async write(ops) {
            await gate.pass();
            return store.write(ops);
          },
        }),
    });
    await using calm = await connectClient(app.url, { user: 'calm' });
    const { id: thread_id } = await newThread(calm);
    await calm.call('subscribe_thread', { thread_id });
    await using wire = await connectWire(app.url, { auth: { user: 'loud' } });
    await wire.event('session');
    const serverEnd = accepted.at(-1)!;
    expect(accepted).toHaveLength(2);

    const before = serverEnd.bytesRead;
    const count = 400;
    const content = 'x'.repeat(60_000);
    const sends = range(1, count).map((i) =>
      wire.request('send_message', { thread_id, content, message_id: `m-${i}` }, 20_000),
    );
    const all = count * content.length;
    expect(wire.socket.bufferedAmount).toBeGreaterThan(0);
    await gate.reached;
    // It reads on for a while; then nothing moves any more, however often it serves others.
    let lastRead = -1;
    await eventually('the server to stop reading', async () => {
      const read = serverEnd.bytesRead;
      for (let i = 0; i < 10; i += 1) await calm.call('ping', {});
      const isStill = read === lastRead && read === serverEnd.bytesRead && read > before + mib;
      lastRead = read;
      return isStill;
    });
    const unanswered = serverEnd.bytesRead - before;
    expect(unanswered).toBeGreaterThan(mib);
    // One frame more than the limit, and what one read takes from the socket.
    expect(unanswered).toBeLessThan(mib + limits.maxContentBytes + 256 * 1024);
    // The sender feels it: what the kernels do not hold waits in its own process.
    expect(wire.socket.bufferedAmount).toBeGreaterThan(all / 4);
    expect(wire.untaken).toEqual([]);

    // Meanwhile others are served, on connections old and new.
    await calm.call('fetch_history', { thread_id });
    await using late = await connectClient(app.url, { user: 'late' });
    await late.call('list_threads', {});
    expect(serverEnd.bytesRead - before).toBe(unanswered);

    gate.open();
    const answers = (await Promise.all(sends)) as { ok: boolean; data: { message: { seq: number } } }[];
    expect(answers.every(({ ok }) => ok)).toBe(true);
    expect(answers.map(({ data }) => data.message.seq)).toEqual(range(1, count));
    expect(serverEnd.bytesRead - before).toBeGreaterThan(all);
    await calm.next('thread_message', ({ seq }) => seq === count, 10_000);
    // It reads again for good.
    await wire.request('ping', {});
    expect((await calm.call('fetch_history', { thread_id, limit: 0 })).head_seq).toBe(count);
  });

  test('stop the reading again and again, and all are answered', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using wire = await connectWire(app.url);
    await wire.event('session');
    const created = (await wire.request('create_thread', {})) as { data: { thread: { id: string } } };
    const thread_id = created.data.thread.id;
    const content = 'x'.repeat(64 * 1024);
    for (let i = 0; i < 3; i += 1) {
      const sends = range(1, 60).map(() => wire.request('send_message', { thread_id, content }, 20_000));
      for (const answer of await Promise.all(sends)) expect((answer as { ok: boolean }).ok).toBe(true);
    }
    expect(await wire.request('fetch_history', { thread_id, limit: 0 })).toMatchObject({ data: { head_seq: 180 } });
  });

  test('of a client that goes away are stored all the same, and the server serves on', async () => {
    const gate = newGate();
    await using app = await startApp({
      ratePerSecond: 0,
      wrapStore: (store) =>
        withMethods(store, {
          async write(ops) {
            await gate.pass();
            return store.write(ops);
          },
        }),
    });
    await using calm = await connectClient(app.url, { user: 'calm' });
    const { id: thread_id } = await newThread(calm);
    await using wire = await connectWire(app.url);
    const serverEnd = accepted.at(-1)!;
    const content = 'x'.repeat(64 * 1024);
    for (const i of range(1, 100)) wire.emit('send_message', { thread_id, content, message_id: `m-${i}` });
    await gate.reached;
    await eventually('a full connection', () => serverEnd.bytesRead > mib);
    wire.socket.terminate();
    await wire.closing();
    gate.open();
    await eventually('the server to notice', () => serverEnd.destroyed);
    await eventually('what had been read to be stored', async () => {
      const { head_seq } = await calm.call('fetch_history', { thread_id, limit: 0 });
      return head_seq >= 16;
    });
    const sent = await sendText(calm, thread_id, 'hello');
    expect((await calm.call('fetch_history', { thread_id, limit: 1 })).messages).toEqual([sent]);
  });
});
