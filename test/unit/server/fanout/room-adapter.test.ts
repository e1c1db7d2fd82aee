import { describe, expect, test } from '@jest/globals';
import { FakeSocketIo, eventNames } from '../../../support/fake-socket-io.ts';
import type { FakeMember } from '../../../support/fake-socket-io.ts';
import { turn } from '../../../support/manual-clock.ts';

// Where members come, go and listen in the middle of a turn. What programs of all kinds lead to is in
// test/integration/fanout-equivalence.test.ts.

describe('what a room gets', () => {
  test('reaches who is in it then, whoever comes or leaves in the same turn', async () => {
    using server = new FakeSocketIo();
    const { io } = server;
    const [a, b, c, d] = [
      await server.enter('r'),
      await server.enter('r'),
      await server.enter('r'),
      await server.enter(),
    ];
    io.to('r').emit('1');
    void d.socket.join('r');
    io.to('r').emit('2');
    void a.socket.leave('r');
    io.to('r').emit('3');
    await turn();
    const received = [a, b, c, d].map(({ messages }) => eventNames(messages));
    expect(received).toEqual([
      ['1', '2'],
      ['1', '2', '3'],
      ['1', '2', '3'],
      ['2', '3'],
    ]);
    for (const { webSocket } of [a, b, c, d]) expect(webSocket.writes).toHaveLength(1);
  });

  test('is in one write with all else, in the order in which it was sent', async () => {
    using server = new FakeSocketIo();
    const members = [await server.enter('r', 's'), await server.enter('r', 's'), await server.enter('r', 's')];
    const [{ socket, messages, webSocket }] = members as [(typeof members)[0]];
    server.io.to('r').emit('1');
    socket.emit('2');
    server.io.to('s').emit('3');
    server.io.to(['r', 's']).emit('4');
    server.io.emit('5');
    server.io.to('r').emit('6');
    await turn();
    expect(eventNames(messages)).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(webSocket.writes).toHaveLength(1);
  });

  test('comes before the end of a connection that is closed in the same turn', async () => {
    using server = new FakeSocketIo();
    const members = [await server.enter('r'), await server.enter('r'), await server.enter('r')];
    server.io.to('r').emit('1');
    for (const { socket } of members) socket.disconnect(true);
    for (const { messages } of members) expect(eventNames(messages)).toEqual(['1', '41']);
    await turn();
    for (const { webSocket } of members) expect(webSocket.writes).toHaveLength(1);
  });
});

describe('what is volatile', () => {
  test.each([1, 2, 3, 4])('is dropped for who is behind, in a room of %i; the rest stays in order', async (members) => {
    using server = new FakeSocketIo();
    const slow = await server.enter('r');
    const others = [];
    for (let i = 1; i < members; i += 1) others.push(await server.enter('r'));
    slow.webSocket.bufferedAmount = 1;
    server.io.to('r').emit('1');
    slow.socket.emit('2');
    server.io.to('r').volatile.emit('volatile 3');
    server.io.to('r').emit('4');
    slow.socket.volatile.emit('volatile 5');
    slow.socket.emit('6');
    await turn();
    expect(eventNames(slow.messages)).toEqual(['1', '2', '4', '6']);
    for (const { messages } of others) expect(eventNames(messages)).toEqual(['1', 'volatile 3', '4']);
  });

  test.each([1, 3])('is dropped for who does not poll, in a room of %i; the rest stays in order', async (members) => {
    using server = new FakeSocketIo();
    const slow = await server.enterPolling('r');
    for (let i = 1; i < members; i += 1) await server.enter('r');
    server.io.to('r').emit('1');
    server.io.to('r').volatile.emit('volatile 2');
    slow.socket.emit('3');
    await turn();
    slow.polling.poll();
    expect(eventNames(slow.messages)).toEqual(['1', '3']);
  });

  test('does not hold up what comes before the end of a connection', async () => {
    using server = new FakeSocketIo();
    const slow = await server.enter('r');
    for (let i = 0; i < 2; i += 1) await server.enter('r');
    slow.webSocket.bufferedAmount = 1;
    server.io.to('r').emit('1');
    server.io.to('r').volatile.emit('volatile 2');
    slow.socket.disconnect();
    await turn();
    expect(eventNames(slow.messages)).toEqual(['1', '41']);
  });
});

describe('as with Socket.IO’s own adapter', () => {
  /** What each member got, with that adapter and with ours. */
  async function withBoth(
    play: (server: FakeSocketIo) => Promise<readonly { readonly messages: readonly (string | Buffer)[] }[]>,
  ): Promise<{ readonly stock: readonly (readonly string[])[]; readonly ours: readonly (readonly string[])[] }> {
    using stockServer = new FakeSocketIo('stock');
    using ourServer = new FakeSocketIo();
    const received = async (server: FakeSocketIo) => {
      const members = await play(server);
      await turn();
      await turn();
      return members.map(({ messages }) => eventNames(messages));
    };
    return { stock: await received(stockServer), ours: await received(ourServer) };
  }

  test('who joins a room in a middleware gets nothing of it before it is connected', async () => {
    const { stock, ours } = await withBoth(async (server) => {
      const members = [await server.enter('r'), await server.enter('r'), await server.enter('r')];
      server.io.use((socket, next) => {
        void socket.join('r');
        server.io.to('r').emit('somebody comes');
        next();
      });
      const { conn, webSocket } = server.engine.connect();
      const isConnected = new Promise((resolve) => {
        server.namespace.once('connection', resolve);
      });
      conn.emit('data', '0');
      await isConnected;
      server.io.to('r').emit('somebody is here');
      await turn();
      webSocket.messages.splice(0, webSocket.messages.length, ...webSocket.messages.map(withoutId));
      return [...members, webSocket];
    });
    expect(stock.at(-1)).toEqual(['40', 'somebody is here']);
    expect(ours).toEqual(stock);
  });

  test('who joins several rooms gets nothing of one that was sent while it joined another', async () => {
    const { stock, ours } = await withBoth(async (server) => {
      const rooms = ['r', 's'];
      const members = [await server.enter(...rooms), await server.enter(...rooms), await server.enter(...rooms)];
      const comer = await server.enter();
      server.namespace.adapter.on('join-room', (room: string) => void server.io.to('s').emit(`into ${room}`));
      void comer.socket.join(rooms);
      return [...members, comer];
    });
    expect(stock.at(-1)).toEqual(['into s']);
    expect(ours).toEqual(stock);
  });

  test('who leaves all its rooms gets what is sent to one while it leaves another', async () => {
    const { stock, ours } = await withBoth(async (server) => {
      const members = [await server.enter('r', 's'), await server.enter('r', 's'), await server.enter('r', 's')];
      server.namespace.adapter.on('leave-room', (room: string) => {
        if (room === 'r') server.io.to('s').emit('out of r');
      });
      leaveAll(members[0]!);
      return members;
    });
    expect(stock[0]).toEqual(['out of r']);
    expect(ours).toEqual(stock);
  });

  test('rooms may become empty while one that leaves tells others of it', async () => {
    const { stock, ours } = await withBoth(async (server) => {
      const members = [await server.enter('r', 's'), await server.enter('r', 's'), await server.enter('r', 's')];
      const waiting = [...members];
      server.namespace.adapter.on('leave-room', (room: string) => {
        if (room !== 'r') return;
        server.io.to('s').emit('one is leaving');
        const next = waiting.pop();
        if (next) leaveAll(next);
      });
      leaveAll(waiting.pop()!);
      return members;
    });
    expect(ours).toEqual(stock);
  });

  test('who listens to outgoing events may send others in their place', async () => {
    const { stock, ours } = await withBoth(async (server) => {
      const members = [await server.enter('r'), await server.enter('r'), await server.enter('r')];
      members[1]!.socket.onAnyOutgoing((event: string) => {
        if (event === '1') server.io.to('r').emit('2');
      });
      server.io.to('r').emit('1');
      return members;
    });
    for (const [i, events] of ours.entries()) expect(events.toSorted()).toEqual(stock[i]!.toSorted());
  });

  test('who is disconnected by a listener of outgoing events got what was sent before', async () => {
    const { stock, ours } = await withBoth(async (server) => {
      const members = [await server.enter('r'), await server.enter('r'), await server.enter('r')];
      members[0]!.socket.onAnyOutgoing((event: string) => {
        if (event === '2') members[2]!.socket.disconnect(true);
      });
      server.io.to('r').emit('1');
      server.io.to('r').emit('2');
      return members;
    });
    expect(stock[2]).toEqual(['1', '41']);
    expect(ours[2]!.slice(0, 1)).toEqual(['1']);
  });
});

test('a listener of outgoing events that throws keeps nobody from what was sent', async () => {
  using server = new FakeSocketIo();
  const members = [await server.enter('r', 's'), await server.enter('r', 's'), await server.enter('r', 's')];
  members[0]!.socket.onAnyOutgoing((event: string) => {
    if (event === '1') throw new Error('of a listener');
  });
  server.io.to('r').emit('1');
  server.io.to('s').emit('2');
  members[2]!.socket.emit('3');
  // Not at the end of the turn, where nobody could catch it.
  expect(() => server.engine.turn.end()).toThrow('of a listener');
  expect(members.map(({ messages }) => eventNames(messages))).toEqual([
    ['1', '2'],
    ['1', '2'],
    ['1', '2', '3'],
  ]);
  await turn();
});

test('a listener of outgoing events that throws keeps nobody from leaving', async () => {
  using server = new FakeSocketIo();
  const members: FakeMember[] = [];
  for (let i = 0; i < 6; i += 1) members.push(await server.enter('r'));
  const [, disconnects, closes, leaves] = members as [FakeMember, FakeMember, FakeMember, FakeMember];
  members[0]!.socket.onAnyOutgoing(() => {
    throw new Error('of a listener');
  });
  const { adapter } = server.namespace;
  for (const leave of [
    () => disconnects.socket.disconnect(true),
    () => closes.conn.close(),
    () => void leaves.socket.leave('r'),
  ]) {
    server.io.to('r').emit('event');
    expect(leave).not.toThrow();
    expect(() => server.engine.turn.end()).toThrow('of a listener');
  }
  expect([disconnects.conn.readyState, closes.conn.readyState]).toEqual(['closed', 'closed']);
  const stay = members.filter((member) => ![disconnects, closes, leaves].includes(member));
  expect([...adapter.rooms.get('r')!]).toEqual(stay.map(({ socket }) => socket.id));
  await turn();
});

test('what is sent while a turn’s writes are under way keeps its order', async () => {
  using server = new FakeSocketIo();
  const members = [await server.enter('r'), await server.enter('r'), await server.enter('r')];
  members[0]!.conn.once('packetCreate', () => {
    server.io.to('r').emit('2');
    members[1]!.socket.emit('3');
  });
  server.io.to('r').emit('1');
  await turn();
  await turn();
  expect(eventNames(members[1]!.messages)).toEqual(['1', '2', '3']);
  expect(eventNames(members[0]!.messages)).toEqual(['1', '2']);
});

/** As when it is disconnected. */
function leaveAll({ socket }: FakeMember): void {
  socket.nsp.adapter.delAll(socket.id);
}

/** Without the id of the socket, which is different each time. */
function withoutId(message: string | Buffer): string | Buffer {
  return typeof message === 'string' && message.startsWith('40') ? '40' : message;
}
