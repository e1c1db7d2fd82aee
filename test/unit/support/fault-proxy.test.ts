import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { eventually } from '../../support/eventually.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';

const timeoutMs = 5000;

/** One end of a connection: what it received, and how it ended. */
class Peer {
  readonly socket: Socket;
  readonly ended: Promise<'fin' | 'rst'>;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #changed: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    this.ended = new Promise((resolve) => {
      socket.once('end', () => resolve('fin'));
      socket.once('error', () => resolve('rst'));
    });
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes);
      this.#length += bytes.length;
      this.#changed();
    });
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.received.toString();
  }

  /** Resolves when so many bytes have come. */
  async bytes(count: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${this.#length} of ${count} bytes came within ${timeoutMs} ms`));
      }, timeoutMs);
      const look = () => {
        if (this.#length < count) return;
        clearTimeout(timer);
        resolve();
      };
      this.#changed = look;
      look();
    });
  }
}

interface Rig extends AsyncDisposable {
  readonly proxy: FaultProxy;
  /** A client, and the server's end of its connection. */
  connect(): Promise<{ client: Peer; server: Peer }>;
}

async function startRig(): Promise<Rig> {
  const accepted: Peer[] = [];
  let arrived: () => void = () => undefined;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(new Peer(socket));
    arrived();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startFaultProxy({ port: (server.address() as AddressInfo).port });
  const clients: Peer[] = [];
  return {
    proxy,
    async connect() {
      const taken = accepted.length;
      const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
      const client = new Peer(socket);
      clients.push(client);
      await Promise.all([
        once(socket, 'connect'),
        new Promise<void>((resolve) => {
          arrived = resolve;
        }),
      ]);
      return { client, server: accepted[taken]! };
    },
    async [Symbol.asyncDispose]() {
      for (const { socket } of [...clients, ...accepted]) socket.destroy();
      await proxy[Symbol.asyncDispose]();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a faithful proxy', () => {
  test('passes bytes on in both directions and counts them', async () => {
    await using rig = await startRig();
    const { client, server } = await rig.connect();
    client.socket.write('question');
    await server.bytes(8);
    server.socket.write('answer');
    await client.bytes(6);
    expect([server.text, client.text]).toEqual(['question', 'answer']);
    expect(rig.proxy.stats).toEqual({ accepted: 1, open: 1, cut: 0 });
    expect(rig.proxy.up.stats).toEqual({ received: 8, forwarded: 8, dropped: 0 });
    expect(rig.proxy.down.stats).toEqual({ received: 6, forwarded: 6, dropped: 0 });
  });

  test('passes an end on, and what the other side still sends', async () => {
    await using rig = await startRig();
    const { client, server } = await rig.connect();
    client.socket.end('last words');
    expect(await server.ended).toBe('fin');
    expect(server.text).toBe('last words');
    server.socket.end('reply');
    expect(await client.ended).toBe('fin');
    expect(client.text).toBe('reply');
    await eventually('the connection is gone', () => rig.proxy.stats.open === 0);
  });

  test('passes a reset on', async () => {
    await using rig = await startRig();
    const { client, server } = await rig.connect();
    client.socket.resetAndDestroy();
    expect(await server.ended).toBe('rst');
  });

  test('lets a slow receiver hold back the sender', async () => {
    await using rig = await startRig();
    const { client, server } = await rig.connect();
    server.socket.pause();
    const total = 64 * 1024 * 1024;
    client.socket.write(Buffer.alloc(total, 'x'));
    let last = { received: 0, at: performance.now() };
    // The buffers on the way fill up: of so much, only a part can be read from the sender.
    await eventually('the proxy stops reading', () => {
      const { received } = rig.proxy.up.stats;
      if (received !== last.received) last = { received, at: performance.now() };
      return received > 0 && performance.now() - last.at > 100;
    });
    expect(rig.proxy.up.stats.received - rig.proxy.up.stats.forwarded).toBeLessThan(1024 * 1024);
    expect(rig.proxy.up.stats.received).toBeLessThan(total);
    server.socket.resume();
    await eventually('all has come', () => rig.proxy.up.stats.forwarded === total);
  });
});

describe('a cut', () => {
  test.each(['fin', 'rst'] as const)('by %s breaks both sides of every connection', async (kind) => {
    await using rig = await startRig();
    const first = await rig.connect();
    const second = await rig.connect();
    expect(rig.proxy.cut(kind)).toBe(2);
    const ends = [first.client, first.server, second.client, second.server].map((peer) => peer.ended);
    expect(await Promise.all(ends)).toEqual([kind, kind, kind, kind]);
    expect(rig.proxy.stats.cut).toBe(2);
  });

  test('leaves the proxy open for new connections', async () => {
    await using rig = await startRig();
    const { client } = await rig.connect();
    rig.proxy.cut('rst');
    await client.ended;
    const again = await rig.connect();
    again.client.socket.write('hello');
    await again.server.bytes(5);
    expect(rig.proxy.stats.accepted).toBe(2);
  });

  test.each(['fin', 'rst'] as const)('by %s after so many bytes passes exactly those on', async (kind) => {
    await using rig = await startRig();
    const { client, server } = await rig.connect();
    const cut = rig.proxy.up.cutAfter(10, kind);
    client.socket.write('12345');
    await server.bytes(5);
    client.socket.write('6789ABCDEF');
    await cut;
    expect(await client.ended).toBe(kind);
    // libuv makes an end of a reset that it finds together with the last bytes.
    expect(['fin', kind]).toContain(await server.ended);
    expect(server.text).toBe('123456789A');
  });

  test('happens once, on the connection that carried the last byte', async () => {
    await using rig = await startRig();
    const first = await rig.connect();
    const second = await rig.connect();
    const cut = rig.proxy.down.cutAfter(3);
    first.server.socket.write('abcdef');
    await cut;
    second.server.socket.write('abcdef');
    await second.client.bytes(6);
    expect(await first.client.ended).toBe('fin');
    expect(first.client.text).toBe('abc');
  });
});

test('new connections are refused, at the same port let in again, while open ones go on', async () => {
  await using rig = await startRig();
  const { client, server } = await rig.connect();
  await rig.proxy.refuse();
  const [error] = (await once(connect(rig.proxy.port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
  client.socket.write('still here');
  await server.bytes(10);

  const port = rig.proxy.port;
  await rig.proxy.heal();
  expect(rig.proxy.port).toBe(port);
  const again = await rig.connect();
  again.client.socket.write('hello');
  await again.server.bytes(5);
});

test('a black hole takes bytes and ends in one direction, and leaves the other alone', async () => {
  await using rig = await startRig();
  const { client, server } = await rig.connect();
  rig.proxy.up.blackHole = true;
  client.socket.write('lost');
  await eventually('the bytes are swallowed', () => rig.proxy.up.stats.dropped === 4);
  server.socket.write('heard');
  await client.bytes(5);
  client.socket.end();
  rig.proxy.up.blackHole = false;
  expect(await server.ended).toBe('fin');
  expect(server.text).toBe('');
});

test('a reset behind a black hole is not heard of', async () => {
  await using rig = await startRig();
  const { client, server } = await rig.connect();
  rig.proxy.up.blackHole = true;
  const closed = once(client.socket, 'close');
  client.socket.resetAndDestroy();
  await closed;
  const other = await rig.connect();
  other.server.socket.write('marker');
  await other.client.bytes(6);
  expect(server.socket.destroyed).toBe(false);
});

test('a pause loses nothing', async () => {
  await using rig = await startRig();
  const { client, server } = await rig.connect();
  rig.proxy.up.pause();
  client.socket.write('patience');
  await eventually('the bytes are held', () => rig.proxy.up.stats.received === 8);
  expect(rig.proxy.up.stats.forwarded).toBe(0);
  server.socket.write('marker');
  await client.bytes(6);
  expect(server.text).toBe('');
  rig.proxy.up.resume();
  await server.bytes(8);
  expect(server.text).toBe('patience');
});

test('a delay keeps order and lets bytes overlap on their way', async () => {
  await using rig = await startRig();
  const { client, server } = await rig.connect();
  rig.proxy.up.delayMs = 150;
  const start = performance.now();
  client.socket.write('first,');
  await eventually('the first is on its way', () => rig.proxy.up.stats.received === 6);
  client.socket.write('second');
  await server.bytes(12);
  const took = performance.now() - start;
  expect(server.text).toBe('first,second');
  // A timer may fire a millisecond early; two delays one after the other would be 300.
  expect(took).toBeGreaterThanOrEqual(148);
  expect(took).toBeLessThan(300);
});

test('a throttle passes so many bytes a second, unchanged', async () => {
  await using rig = await startRig();
  const { client, server } = await rig.connect();
  rig.proxy.down.bytesPerSecond = 100_000;
  const bytes = Buffer.from(Array.from({ length: 30_000 }, (_, index) => index % 251));
  const start = performance.now();
  server.socket.write(bytes);
  await client.bytes(bytes.length);
  // 30,000 bytes take 300 ms; the last slice of 20 ms need not be waited for.
  expect(performance.now() - start).toBeGreaterThanOrEqual(270);
  expect(client.received.equals(bytes)).toBe(true);
});

test('a target that does not listen looks like a reset', async () => {
  await using closed = await startRig();
  const { port } = closed.proxy;
  await closed.proxy.refuse();
  await using proxy = await startFaultProxy({ port });
  const client = new Peer(connect(proxy.port, '127.0.0.1'));
  expect(await client.ended).toBe('rst');
});
