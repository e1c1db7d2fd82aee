import { describe, expect, jest, test } from '@jest/globals';
import type { Namespace, Server, Socket } from 'socket.io';
import { Adapter } from 'socket.io-adapter';
import { turn } from '../support/manual-clock.ts';
import { connectPlain } from '../support/plain-client.ts';
import type { PlainClient } from '../support/plain-client.ts';
import { startSocketIo } from '../support/socket-io-server.ts';
import type { SocketIoKind } from '../support/socket-io-server.ts';

// What @socket.io/admin-ui and others who look at a server find there. That rooms, `fetchSockets()`, `socketsJoin()` and
// the events of the adapter are as they were is in fanout-equivalence.test.ts.

interface Counts {
  packetsOut: number;
  bytesOut: number;
  packetsIn: number;
  disconnections: string[];
}

/** Listens as `instrument()` of @socket.io/admin-ui 0.5.1 does in development mode, and tells everything to `/admin`. */
function instrument(io: Server): Counts {
  const counts: Counts = { packetsOut: 0, bytesOut: 0, packetsIn: 0, disconnections: [] };
  const admin = io.of('/admin');
  io.engine.on('connection', (conn: Socket['conn']) => {
    conn.on('packetCreate', ({ data }: { readonly data?: string | Buffer }) => {
      if (!data) return;
      counts.packetsOut += 1;
      counts.bytesOut += Buffer.byteLength(data);
    });
    conn.on('packet', ({ data }: { readonly data?: string | Buffer }) => {
      if (data) counts.packetsIn += 1;
    });
    conn.on('close', (reason: string) => counts.disconnections.push(reason));
  });
  tellOf(io.of('/'), admin);
  return counts;
}

function tellOf(namespace: Namespace, admin: Namespace): void {
  namespace.prependListener('connection', (socket: Socket) => {
    admin.emit('socket_connected', socket.data);
    socket.onAny((...args: unknown[]) => {
      admin.emit(
        'event_received',
        args.filter((arg) => typeof arg !== 'function'),
      );
    });
    socket.onAnyOutgoing((...args: unknown[]) => admin.emit('event_sent', nameOf(socket), args));
    socket.on('disconnect', (reason) => admin.emit('socket_disconnected', nameOf(socket), reason));
  });
  const nameIn = (id: string) => nameOf(namespace.sockets.get(id));
  namespace.adapter.on('join-room', (room: string, id: string) => {
    if (room !== id) admin.emit('room_joined', room, nameIn(id));
  });
  namespace.adapter.on('leave-room', (room: string, id: string) => {
    const name = nameIn(id);
    if (room !== id) process.nextTick(() => admin.emit('room_left', room, name));
  });
}

function nameOf(socket: Socket | undefined): unknown {
  return (socket?.data as { name?: unknown } | undefined)?.name;
}

/** What an operator is told of some clients, by name of the event and in order. */
async function told(kind: SocketIoKind): Promise<{ readonly lines: readonly string[]; readonly counts: Counts }> {
  await using server = await startSocketIo(kind);
  const { io } = server;
  const counts = instrument(io);
  const operator = await connectPlain(server);
  operator.wire.send('40/admin,');
  await operator.wire.nextText('40/admin,');
  const clients: PlainClient[] = [];
  for (const name of ['a', 'b', 'c']) {
    const client = await connectPlain(server);
    (client.socket.data as { name: string }).name = name;
    void client.socket.join('room');
    clients.push(client);
  }
  const [a, b] = clients as [PlainClient, PlainClient];
  io.to('room').emit('to the room', 1);
  a.socket.emit('to a', 2);
  await turn();
  io.to('room').emit('to the room', 3);
  void b.socket.leave('room');
  io.to('room').emit('to the room', 4);
  await turn();
  a.wire.send('421["request"]');
  await operator.wire.nextText('42/admin,["event_received"');
  const ended = a.wire.closing();
  io.in('room').disconnectSockets(true);
  await ended;
  io.of('/admin').emit('end');
  await operator.wire.nextText('42/admin,["end"]');
  const lines = operator.wire.frames.map(String).filter((frame) => frame.startsWith('42/admin,'));
  for (const { wire } of [operator, ...clients]) await wire[Symbol.asyncDispose]();
  return { lines, counts };
}

describe('an operator', () => {
  test('is told of rooms, events and disconnections as with Socket.IO’s own adapter', async () => {
    const [{ lines: ours, counts }, { lines: stock }] = [await told('gathered'), await told('stock')];
    // Of an event to a room the operator learns when it leaves, of one to a single client at once.
    expect(ours.toSorted()).toEqual(stock.toSorted());
    const ofKind = (lines: readonly string[], kind: string) => lines.filter((line) => line.includes(`["${kind}"`));
    for (const kind of ['room_joined', 'room_left', 'socket_disconnected'])
      expect(ofKind(ours, kind)).toEqual(ofKind(stock, kind));
    expect(ofKind(ours, 'event_sent')).toHaveLength(9);
    expect(counts.packetsIn).toBeGreaterThan(0);
    expect(counts.disconnections).toContain('forced close');
  });

  test('sees fewer packets than events, but all bytes', async () => {
    await using server = await startSocketIo('gathered');
    const counts = instrument(server.io);
    const { wire, socket } = await connectPlain(server);
    Object.assign(counts, { packetsOut: 0, bytesOut: 0 });
    for (let i = 0; i < 10; i += 1) socket.emit('event', i);
    await wire.nextText('42["event",9]');
    expect(counts.packetsOut).toBe(1);
    // Each with its header of two bytes.
    const sent = wire.frames.slice(2).reduce((bytes, frame) => bytes + 2 + frame.length, 0);
    expect(counts.bytesOut).toBe(sent);
    await wire[Symbol.asyncDispose]();
  });
});

test('there is one server, which has no others to send to', async () => {
  await using server = await startSocketIo('gathered');
  const { adapter } = server.io.of('/');
  expect(adapter).toBeInstanceOf(Adapter);
  expect(await adapter.serverCount()).toBe(1);
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  expect(server.io.serverSideEmit('event')).toBe(true);
  expect(warn).toHaveBeenCalledTimes(1);
  warn.mockRestore();
});

test('who emits with an acknowledgement to a room gets all of them', async () => {
  await using server = await startSocketIo('gathered');
  const clients: PlainClient[] = [];
  for (let i = 0; i < 3; i += 1) {
    const client = await connectPlain(server);
    await client.socket.join('room');
    clients.push(client);
  }
  server.io.to('room').emit('before');
  const answers = server.io.to('room').timeout(5000).emitWithAck('question') as Promise<string[]>;
  for (const [i, { wire }] of clients.entries()) {
    const [before, question] = [await wire.nextText('42['), await wire.nextText('42')];
    expect([before, question.replace(/^\d+/, '')]).toEqual(['"before"]', '["question"]']);
    wire.send(`43${/^\d+/.exec(question)![0]}["answer ${i}"]`);
  }
  expect((await answers).toSorted()).toEqual(['answer 0', 'answer 1', 'answer 2']);
  for (const { wire } of clients) await wire[Symbol.asyncDispose]();
});
