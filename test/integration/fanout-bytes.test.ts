import { describe, expect, test } from '@jest/globals';
import type { PlainClient } from '../support/plain-client.ts';
import { connectPlain } from '../support/plain-client.ts';
import { startSocketIo } from '../support/socket-io-server.ts';
import type { SocketIoKind } from '../support/socket-io-server.ts';
import type { Frame } from '../support/wire-client.ts';

// What Socket.IO takes for bytes is not always a Buffer.

const backing = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
const kinds = {
  Buffer: Buffer.from([1, 2, 3]),
  'part of a Buffer': Buffer.from([0, 1, 2, 3, 4]).subarray(1, 4),
  Uint8Array: backing.subarray(2, 6),
  ArrayBuffer: backing.slice().buffer,
  DataView: new DataView(backing.buffer, 3, 5),
  Uint16Array: new Uint16Array([1, 513, 65_535]),
  Float64Array: new Float64Array([Math.PI, -1]),
} satisfies Record<string, unknown>;

/** What a client gets of an event to it alone, and of one to its room, that each have this in them. */
async function framesOf(kind: SocketIoKind, bytes: unknown, path = '/socket.io'): Promise<Frame[]> {
  await using server = await startSocketIo(kind);
  const clients: PlainClient[] = [];
  for (let i = 0; i < 3; i += 1) {
    const client = await connectPlain(server, { path });
    clients.push(client);
    await client.socket.join('room');
  }
  const [{ wire, socket }] = clients as [PlainClient];
  socket.emit('own', bytes);
  server.io.to('room').emit('room', { bytes: [bytes] });
  socket.emit('end');
  await wire.nextText('42["end"]');
  for (const client of clients) await client.wire[Symbol.asyncDispose]();
  return wire.frames.slice(2);
}

describe.each(Object.entries(kinds))('bytes in a %s', (_, bytes) => {
  test('are sent as by Socket.IO’s own adapter', async () => {
    expect(await framesOf('gathered', bytes)).toEqual(await framesOf('stock', bytes));
  });
});

test('a client that takes no binary frames gets its bytes as text', async () => {
  // The rest of the query goes into a parameter that nobody asks for.
  const path = '/socket.io/?b64=1&EIO=4&rest=';
  const frames = await framesOf('gathered', kinds.Buffer, path);
  expect(frames).toEqual(await framesOf('stock', kinds.Buffer, path));
  expect(frames).toContain(`b${kinds.Buffer.toString('base64')}`);
});
