import type { Server, Socket } from 'socket.io';
import { connectWire } from './wire-client.ts';
import type { WireClient, WireOptions } from './wire-client.ts';

/** A client of a Socket.IO server that has nothing of Threadwire's, and the server's end of it. */
export interface PlainClient {
  readonly wire: WireClient;
  readonly socket: Socket;
}

/** Connects one after the other: each client is told by this which socket is its own. */
export async function connectPlain(
  { io, url }: { readonly io: Server; readonly url: string },
  options: WireOptions = {},
): Promise<PlainClient> {
  const connected = new Promise<Socket>((resolve) => {
    io.of('/').once('connection', resolve);
  });
  const wire = await connectWire(url, { path: '/socket.io', ...options });
  return { wire, socket: await connected };
}
