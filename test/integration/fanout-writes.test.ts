import { Socket as NetSocket } from 'node:net';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { startApp } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { turn } from '../support/manual-clock.ts';
import { connectPlain } from '../support/plain-client.ts';
import type { PlainClient } from '../support/plain-client.ts';
import { startSocketIo } from '../support/socket-io-server.ts';
import type { SocketIoKind, SocketIoServer } from '../support/socket-io-server.ts';
import { newThread, range, sendMany } from './helpers.ts';

interface Line {
  readonly server: SocketIoServer;
  readonly clients: readonly PlainClient[];
  /** How much was written to each connection, in how many writes, since the last time. */
  taken(): { readonly writes: number; readonly bytes: number }[];
}

/** Clients in rooms, and what is written to them. */
async function withClients(kind: SocketIoKind, rooms: readonly (readonly string[])[]): Promise<Line & AsyncDisposable> {
  const lines: NetSocket[] = [];
  const counts = new Map<NetSocket, { writes: number; bytes: number }>();
  const server = await startSocketIo(kind, { onTcp: (line) => lines.push(line) });
  const clients: PlainClient[] = [];
  for (const names of rooms) {
    const client = await connectPlain(server);
    clients.push(client);
    await client.socket.join([...names]);
  }
  for (const line of lines) count(line, counts);
  return {
    server,
    clients,
    taken: () => {
      const all = lines.map((line) => counts.get(line) ?? { writes: 0, bytes: 0 });
      counts.clear();
      return all;
    },
    async [Symbol.asyncDispose]() {
      for (const { wire } of clients) await wire[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function count(line: NetSocket, counts: Map<NetSocket, { writes: number; bytes: number }>): void {
  const write = line.write.bind(line) as (...args: unknown[]) => boolean;
  line.write = (...args: unknown[]) => {
    const before = counts.get(line) ?? { writes: 0, bytes: 0 };
    counts.set(line, { writes: before.writes + 1, bytes: before.bytes + (args[0] as Buffer).length });
    return write(...args);
  };
}

/** Each client asks twice; when all have, all are answered, and the rooms get so many events, in one turn. */
async function playTurn({ server, clients }: Line, events: number): Promise<void> {
  const answers: (() => void)[] = [];
  const asked = new Promise<void>((resolve) => {
    for (const { socket } of clients) {
      socket.on('ask', (answer: () => void) => {
        answers.push(answer);
        if (answers.length === clients.length * 2) resolve();
      });
    }
  });
  for (const { wire } of clients) for (const id of [1, 2]) wire.send(`42${id}["ask"]`);
  await asked;
  for (const [i, answer] of answers.entries()) if (i % 2 === 0) answer();
  for (let i = 0; i < events; i += 1) server.io.to(['a', 'b', 'c'][i % 3]!).emit('event', i);
  for (const [i, answer] of answers.entries()) if (i % 2 === 1) answer();
  await turn();
}

/** Everything has come that was sent before. */
async function end({ server, clients }: Line): Promise<void> {
  server.io.emit('end');
  for (const { wire } of clients) await wire.nextText('42["end"]');
}

describe('in a turn in which three rooms get 20 events and two requests are answered', () => {
  const rooms = [['a', 'b', 'c'], ['a', 'b', 'c'], ['c', 'a'], ['b'], []];

  test('there is one write for each connection', async () => {
    await using line = await withClients('gathered', rooms);
    await playTurn(line, 20);
    expect(line.taken().map(({ writes }) => writes)).toEqual([1, 1, 1, 1, 1]);
    await end(line);
    for (const [i, { wire }] of line.clients.entries()) {
      const events = range(0, 19).filter((n) => rooms[i]!.includes(['a', 'b', 'c'][n % 3]!));
      const received = wire.frames.slice(2).map(String);
      expect(received.filter((frame) => frame.startsWith('42["event"'))).toEqual(events.map((n) => `42["event",${n}]`));
      expect(received.filter((frame) => /^43[12]\[\]$/.test(frame)).toSorted()).toEqual(['431[]', '432[]']);
      expect(received).toHaveLength(events.length + 3);
    }
  });

  test('there is one for each event with Socket.IO’s own adapter: this counts what it should', async () => {
    await using line = await withClients('stock', rooms);
    await playTurn(line, 20);
    await end(line);
    const [first] = line.taken();
    expect(first!.writes).toBeGreaterThanOrEqual(22);
  });
});

test('what Engine.IO is told of is what is written', async () => {
  await using line = await withClients('gathered', [['a'], ['a'], ['a']]);
  const told = line.clients.map(() => 0);
  for (const [i, { socket }] of line.clients.entries()) {
    socket.conn.on('packetCreate', ({ data }: { readonly data?: string | Buffer }) => {
      told[i]! += Buffer.byteLength(data ?? '');
    });
  }
  for (const size of [0, 100, 125, 126, 65_530, 65_536, 200_000]) {
    line.server.io.to('a').emit('event', '€'.repeat(size / 3));
    line.clients[0]!.socket.emit('event', Buffer.alloc(size));
    await turn();
  }
  await end(line);
  expect(line.taken().map(({ bytes }) => bytes)).toEqual(told);
});

describe('Threadwire', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test('sends its messages of one commit, and their answers, in few writes', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using ann = await connectClient(app.url, { user: 'ann' });
    await using bob = await connectClient(app.url, { user: 'bob' });
    const threads = [await newThread(ann), await newThread(ann), await newThread(ann)];
    for (const { id } of threads) {
      await ann.call('subscribe_thread', { thread_id: id });
      await bob.call('subscribe_thread', { thread_id: id });
    }
    const { write } = NetSocket.prototype as { write: (this: NetSocket, ...args: unknown[]) => boolean };
    const writes = new Map<NetSocket, number>();
    jest.spyOn(NetSocket.prototype, 'write').mockImplementation(function (this: NetSocket, ...args: unknown[]) {
      if (this.localPort === app.server.port) writes.set(this, (writes.get(this) ?? 0) + 1);
      return write.apply(this, args);
    });
    const sent = await Promise.all(threads.map(({ id }) => sendMany(ann, id, 10)));
    for (const { thread_id: id, seq } of sent.map((messages) => messages.at(-1)!)) {
      await bob.next('thread_message', (message) => message.thread_id === id && message.seq === seq);
    }
    expect(writes.size).toBe(2);
    for (const count of writes.values()) expect(count).toBeLessThan(15);
  });
});
