import type { Socket as EngineSocket } from 'engine.io';
import { Server } from 'socket.io';
import type { Namespace, Socket } from 'socket.io';
import { roomAdapters } from '../../server/src/fanout/room-adapter.ts';
import { FakeEngine } from './fake-engine.ts';
import type { FakePolling, FakeWebSocket, Message } from './fake-engine.ts';
import { turn } from './manual-clock.ts';
import type { SocketIoKind } from './socket-io-server.ts';

/** A client in a namespace, and the server's end of it. */
export interface FakeMember {
  readonly socket: Socket;
  readonly conn: EngineSocket;
  /** What its client got, but for the answer to CONNECT. */
  readonly messages: Message[];
}

/** Socket.IO on a {@link FakeEngine}. */
export class FakeSocketIo implements Disposable {
  readonly engine: FakeEngine;
  readonly io: Server;
  readonly namespace: Namespace;

  constructor(kind: SocketIoKind = 'gathered') {
    this.engine = new FakeEngine(kind);
    this.io = new Server(kind === 'gathered' ? { adapter: roomAdapters(this.engine.turn) } : {});
    this.io.bind(this.engine.emitter);
    this.namespace = this.io.of('/');
  }

  /** Connects a client by WebSocket; everything before is sent. */
  async enter(...rooms: readonly string[]): Promise<FakeMember & { readonly webSocket: FakeWebSocket }> {
    const { conn, webSocket } = this.engine.connect();
    const member = await this.#enter(conn, webSocket.messages, rooms);
    webSocket.writes.length = 0;
    return { ...member, webSocket };
  }

  /** Connects a client that polls; no poll is under way. */
  async enterPolling(...rooms: readonly string[]): Promise<FakeMember & { readonly polling: FakePolling }> {
    const { conn, polling } = this.engine.connectPolling();
    polling.poll();
    return { ...(await this.#enter(conn, polling.messages, rooms)), polling };
  }

  [Symbol.dispose](): void {
    this.engine[Symbol.dispose]();
  }

  async #enter(conn: EngineSocket, messages: Message[], rooms: readonly string[]): Promise<FakeMember> {
    const socket = await new Promise<Socket>((resolve) => {
      this.namespace.once('connection', resolve);
      conn.emit('data', '0');
    });
    void socket.join([...rooms]);
    await turn();
    messages.length = 0;
    return { socket, conn, messages };
  }
}

/** What these hold of events without arguments: their names. */
export function eventNames(messages: readonly Message[]): string[] {
  return messages.map((message) => /^42\["([^"]*)"\]$/.exec(message.toString())?.[1] ?? message.toString());
}
