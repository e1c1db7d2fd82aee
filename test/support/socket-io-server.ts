import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket as NetSocket } from 'node:net';
import { Server as EngineServer } from 'engine.io';
import { Server } from 'socket.io';
import { attachOutboxes } from '../../server/src/fanout/outbox.ts';
import { roomAdapters } from '../../server/src/fanout/room-adapter.ts';
import { Turn } from '../../server/src/fanout/turn.ts';

/** As Socket.IO comes, or with our adapter and outboxes. */
export type SocketIoKind = 'stock' | 'gathered';

export interface SocketIoOptions {
  readonly perMessageDeflate?: boolean;
  /** An upgrade from polling is taken on when this has resolved. */
  readonly beforeUpgrade?: (request: IncomingMessage) => Promise<void>;
  /** Called with each TCP connection. */
  readonly onTcp?: (socket: NetSocket) => void;
}

/** A Socket.IO server without anything of Threadwire's above it; disposing cuts off its clients. */
export interface SocketIoServer extends AsyncDisposable {
  readonly io: Server;
  readonly engine: EngineServer;
  readonly url: string;
  /** Resolves when no TCP connection is left. */
  left(): Promise<void>;
}

/** Starts one on a free port of 127.0.0.1. */
export async function startSocketIo(kind: SocketIoKind, options: SocketIoOptions = {}): Promise<SocketIoServer> {
  const { perMessageDeflate = false, beforeUpgrade, onTcp } = options;
  const engine = new EngineServer({
    transports: ['polling', 'websocket'],
    perMessageDeflate: perMessageDeflate && { threshold: 0 },
  });
  const turn = new Turn();
  const io = new Server(kind === 'stock' ? {} : { adapter: roomAdapters(turn) });
  if (kind === 'gathered') attachOutboxes(engine, turn);
  io.bind(engine);

  const http = createServer((request, response) => {
    if (isForeign(request)) response.destroy();
    else engine.handleRequest(request, response);
  });
  http.on('upgrade', (request: EngineRequest, socket, head) => {
    if (isForeign(request)) {
      socket.destroy();
      return;
    }
    const upgrade = (): void => engine.handleUpgrade(request, socket, head);
    if (beforeUpgrade && request.url!.includes('sid=')) void beforeUpgrade(request).then(upgrade);
    else upgrade();
  });
  const sockets = new Set<NetSocket>();
  let onLeft = (): void => undefined;
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) onLeft();
    });
    onTcp?.(socket);
  });
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  return {
    io,
    engine,
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    left: () =>
      new Promise((resolve) => {
        if (sockets.size === 0) resolve();
        else onLeft = resolve;
      }),
    async [Symbol.asyncDispose]() {
      engine.close();
      const closed = new Promise((resolve) => {
        http.close(resolve);
      });
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** From a client that looks for a server which had this port before. */
function isForeign({ url = '' }: IncomingMessage): boolean {
  return !url.startsWith('/socket.io/');
}

type EngineRequest = Parameters<EngineServer['handleRequest']>[0];
