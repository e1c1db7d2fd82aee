import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { turn } from '../support/manual-clock.ts';
import { eventually } from '../support/eventually.ts';
import { connectPlain } from '../support/plain-client.ts';
import type { PlainClient } from '../support/plain-client.ts';
import { startSocketIo } from '../support/socket-io-server.ts';
import type { SocketIoServer } from '../support/socket-io-server.ts';
import { seededRandom } from './helpers.ts';

const rooms = ['a', 'b', 'c', 'd'];
const steps = 400;
const mostGuests = 20;

/** Whatever nobody holds any more is gone after this. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

/** Guests of all rooms come and go, in whatever way, while these get events; returns how many each room got. */
async function comeAndGo(server: SocketIoServer, sockets: WeakRef<object>[], random: () => number): Promise<number[]> {
  const all: PlainClient[] = [];
  const guests: PlainClient[] = [];
  const sent = rooms.map(() => 0);
  const goes = [
    ({ wire }: PlainClient) => wire.socket.terminate(),
    ({ wire }: PlainClient) => wire.socket.close(),
    ({ wire }: PlainClient) => wire.send('41'),
    ({ socket }: PlainClient) => socket.disconnect(),
    ({ socket }: PlainClient) => socket.disconnect(true),
    ({ socket }: PlainClient) => socket.conn.close(true),
    ({ socket }: PlainClient) => socket.nsp.adapter.delAll(socket.id),
  ];
  const anyOf = <T>(some: readonly T[]): T => some[Math.floor(random() * some.length)]!;
  const leave = ([guest]: readonly PlainClient[]): void => {
    if (!guest) return;
    anyOf(goes)(guest);
    if (random() < 0.3) guest.wire.socket.terminate();
  };
  for (let step = 0; step < steps; step += 1) {
    const choice = random();
    if (choice < 0.15 && guests.length < mostGuests) {
      const guest = await connectPlain(server);
      sockets.push(new WeakRef(guest.socket));
      void guest.socket.join(rooms.filter(() => random() < 0.7));
      guests.push(guest);
      all.push(guest);
    } else if (choice < 0.28) {
      leave(guests.splice(Math.floor(random() * guests.length), 1));
    } else if (choice < 0.4) {
      await turn();
    } else {
      const room = Math.floor(random() * rooms.length);
      server.io.to(rooms[room]!).emit(rooms[room]!, sent[room]);
      sent[room]! += 1;
    }
  }
  // Some have left the namespace or its rooms, but not the server.
  for (const { wire } of all) wire.socket.terminate();
  return sent;
}

test('clients that come and go abruptly harm nobody, and leave nothing behind', async () => {
  await using server = await startSocketIo('gathered');
  const { adapter, sockets } = server.io.of('/');
  const stays = await connectPlain(server);
  await stays.socket.join(rooms);
  const guests: WeakRef<object>[] = [];
  const sent = await comeAndGo(server, guests, seededRandom(7));
  await eventually('all guests are gone', () => server.engine.clientsCount === 1);
  expect(adapter.rooms.size).toBe(rooms.length + 1);
  expect([...sockets.keys(), ...adapter.sids.keys()]).toEqual([stays.socket.id, stays.socket.id]);

  stays.socket.emit('end');
  await stays.wire.nextText('42["end"]');
  const received = stays.wire.frames.slice(2, -1).map(String);
  for (const [i, room] of rooms.entries()) {
    const ofRoom = received.filter((frame) => frame.startsWith(`42["${room}"`));
    expect(ofRoom).toEqual(Array.from({ length: sent[i]! }, (_, n) => `42["${room}",${n}]`));
  }
  await stays.wire[Symbol.asyncDispose]();
  await eventually('it is gone, too', () => server.engine.clientsCount === 0);
  expect([adapter.rooms.size, adapter.sids.size, sockets.size]).toEqual([0, 0, 0]);
  expect(guests.length).toBeGreaterThan(20);
  await eventually('what belonged to the guests is given up', () => {
    collectGarbage();
    return guests.every((guest) => guest.deref() === undefined);
  });
});
