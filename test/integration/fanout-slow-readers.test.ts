import { describe, expect, test } from '@jest/globals';
import { outboxOf } from '../../server/src/fanout/outbox.ts';
import { turn } from '../support/manual-clock.ts';
import { connectPlain } from '../support/plain-client.ts';
import type { PlainClient } from '../support/plain-client.ts';
import { startSocketIo } from '../support/socket-io-server.ts';
import type { SocketIoServer } from '../support/socket-io-server.ts';
import { range } from './helpers.ts';

/** More than the system takes for a client that does not read. */
const mostSystemBytes = 64 * 1024 * 1024;

/** Stops reading, and is sent so much that the system takes no more of it. */
async function clog({ wire, socket }: PlainClient): Promise<void> {
  wire.socket.pause();
  const outbox = outboxOf(socket.conn);
  const filler = 'x'.repeat(256 * 1024);
  for (let sent = 0; !outbox.isBacklogged; sent += filler.length) {
    if (sent > mostSystemBytes) throw new Error(`${sent} bytes were sent, and none of them waits here`);
    socket.emit('filler', filler);
    await turn();
  }
}

/** The names of the events that came until `end`, without what only filled the line. */
async function eventsOf({ wire }: PlainClient): Promise<string[]> {
  await wire.nextText('42["end"]');
  return wire.frames
    .map((frame) => /^42\["([^"]*)"/.exec(frame.toString())?.[1] ?? '')
    .filter((event) => event !== '' && event !== 'filler');
}

async function enter(server: SocketIoServer, room: string): Promise<PlainClient> {
  const client = await connectPlain(server);
  await client.socket.join(room);
  return client;
}

describe.each([1, 2, 3, 5])('in a room of %i', (members) => {
  test('who does not read loses what is volatile, and nothing else; who reads loses nothing', async () => {
    await using server = await startSocketIo('gathered');
    const slow = await enter(server, 'room');
    const others: PlainClient[] = [];
    for (let i = 1; i < members; i += 1) others.push(await enter(server, 'room'));
    await clog(slow);
    const { io } = server;
    for (let i = 0; i < 3; i += 1) {
      io.to('room').emit(`room ${i}`);
      io.to('room').volatile.emit(`volatile of the room ${i}`);
      slow.socket.volatile.emit(`volatile ${i}`);
      slow.socket.emit(`own ${i}`);
      await turn();
    }
    slow.wire.socket.resume();
    io.to('room').emit('caught up');
    await slow.wire.nextText('42["caught up"]');
    io.to('room').volatile.emit('volatile again');
    io.to('room').emit('end');
    const last = ['caught up', 'volatile again', 'end'];
    expect(await eventsOf(slow)).toEqual([...range(0, 2).flatMap((i) => [`room ${i}`, `own ${i}`]), ...last]);
    for (const other of others) {
      expect(await eventsOf(other)).toEqual([
        ...range(0, 2).flatMap((i) => [`room ${i}`, `volatile of the room ${i}`]),
        ...last,
      ]);
    }
    for (const { wire } of [slow, ...others]) await wire[Symbol.asyncDispose]();
  });
});

test('who does not read keeps nobody else from being sent to, and has it counted', async () => {
  await using server = await startSocketIo('gathered');
  const clients = [await enter(server, 'room'), await enter(server, 'room'), await enter(server, 'room')];
  const [slow, ...others] = clients as [PlainClient, ...PlainClient[]];
  await clog(slow);
  const outbox = outboxOf(slow.socket.conn);
  const drained = new Promise<void>((resolve) => {
    outbox.observer = { pushed: () => undefined, flushed: () => undefined, drained: resolve };
  });
  const before = outbox.undeliveredBytes;
  expect(before).toBeGreaterThan(0);
  const text = 'x'.repeat(1000);
  for (let i = 0; i < 10; i += 1) {
    server.io.to('room').emit('event', text);
    await turn();
  }
  expect(outbox.undeliveredBytes - before).toBeGreaterThan(10 * text.length);
  server.io.to('room').emit('end');
  for (const other of others) expect(await eventsOf(other)).toHaveLength(11);
  slow.wire.socket.resume();
  expect(await eventsOf(slow)).toHaveLength(11);
  await drained;
  for (const { wire } of clients) await wire[Symbol.asyncDispose]();
});
