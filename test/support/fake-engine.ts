import { EventEmitter } from 'node:events';
import { Socket as EngineSocket, Transport, transports } from 'engine.io';
import type { Server as EngineServer } from 'engine.io';
import { attachOutboxes, outboxOf } from '../../server/src/fanout/outbox.ts';
import type { Outbox } from '../../server/src/fanout/outbox.ts';
import { Turn } from '../../server/src/fanout/turn.ts';
import type { SocketIoKind } from './socket-io-server.ts';

// Engine.IO's own connections over lines that are in the test's hands: what is written shows at once.

/** What reached a client, an Engine.IO packet: text with its type, or bytes. */
export type Message = string | Buffer;

/** A WebSocket of `ws` as far as Engine.IO and outboxes use it. */
export class FakeWebSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  /** What was written past Engine.IO, one for each write. */
  readonly writes: Buffer[] = [];
  /** All that was written, on either path. */
  readonly messages: Message[] = [];
  isTerminated = false;
  readonly line = Object.assign(new EventEmitter(), { writableNeedDrain: false });
  readonly _sender = {
    _socket: this.line,
    sendFrame: (frames: readonly Buffer[], sent?: () => void) => {
      const bytes = Buffer.concat(frames);
      this.writes.push(bytes);
      this.messages.push(...messagesIn(bytes));
      if (sent) this.#waiting.push(sent);
      this.#goOn();
    },
  };
  #isHeld = false;
  readonly #waiting: (() => void)[] = [];

  send(message: Message, sent?: () => void): void {
    this.messages.push(message);
    if (sent) this.#waiting.push(sent);
    this.#goOn();
  }

  /** Engine.IO is not told that what it has written has gone. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#goOn();
  }

  #goOn(): void {
    process.nextTick(() => {
      if (!this.#isHeld) for (const sent of this.#waiting.splice(0)) sent();
    });
  }

  close(): void {
    this.readyState = 3;
    this.emit('close');
  }

  terminate(): void {
    this.isTerminated = true;
    this.close();
  }
}

/** A polling transport: takes messages when there is a poll. */
export class FakePolling extends Transport {
  readonly messages: Message[] = [];

  constructor() {
    super({ _query: { EIO: '4' } });
  }

  override get name(): string {
    return 'polling';
  }

  /** The client asks for what there is. */
  poll(): void {
    this.writable = true;
    this.emit('ready');
  }

  send(packets: readonly { readonly type: string; readonly data?: Message }[]): void {
    this.writable = false;
    for (const { type, data } of packets) if (type === 'message') this.messages.push(textOf(data ?? ''));
    this.emit('drain');
  }

  doClose(done: () => void): void {
    done();
    this.onClose();
  }
}

export interface FakeConnection {
  readonly conn: EngineSocket;
  readonly outbox: Outbox;
  readonly webSocket: FakeWebSocket;
}

const server = Object.assign(new EventEmitter(), {
  opts: { pingInterval: 2 ** 30, pingTimeout: 2 ** 30, transports: [] },
  upgrades: () => [],
});
type EngineSocketArguments = ConstructorParameters<typeof EngineSocket>;

/** A connection of Engine.IO on this transport. */
function connectionOn(transport: Transport): EngineSocket {
  const [, engine, , request] = [undefined, server, undefined, undefined] as unknown as EngineSocketArguments;
  return new EngineSocket('id', engine, transport, request, 4);
}

function webSocketTransport(webSocket: FakeWebSocket): Transport {
  const request = { _query: { EIO: '4' }, websocket: webSocket };
  return new transports.websocket(request as unknown as ConstructorParameters<typeof transports.websocket>[0]);
}

/** An engine whose connections are opened by the test; disposing closes them. */
export class FakeEngine implements Disposable {
  readonly turn = new Turn();
  readonly emitter = new EventEmitter() as EngineServer;
  readonly #connections: EngineSocket[] = [];

  constructor(kind: SocketIoKind = 'gathered') {
    if (kind === 'gathered') attachOutboxes(this.emitter, this.turn);
  }

  /** A WebSocket connection; Engine.IO's handshake has gone. */
  connect(): FakeConnection {
    const webSocket = new FakeWebSocket();
    const conn = this.#open(webSocketTransport(webSocket));
    webSocket.messages.length = 0;
    return { conn, outbox: outboxOf(conn), webSocket };
  }

  /** A polling connection; no poll is under way. */
  connectPolling(): { readonly conn: EngineSocket; readonly outbox: Outbox; readonly polling: FakePolling } {
    const polling = new FakePolling();
    const conn = this.#open(polling);
    polling.poll();
    return { conn, outbox: outboxOf(conn), polling };
  }

  [Symbol.dispose](): void {
    // It would keep the process alive by its timer.
    for (const { transport } of this.#connections) transport.emit('close');
  }

  #open(transport: Transport): EngineSocket {
    const conn = connectionOn(transport);
    this.#connections.push(conn);
    this.emitter.emit('connection', conn);
    return conn;
  }
}

/** The messages in a server's WebSocket frames; throws where that is not what the bytes are. */
function messagesIn(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  let at = 0;
  while (at < bytes.length) {
    const [kind, short] = [bytes[at]!, bytes[at + 1]!];
    if (kind !== 0x81 && kind !== 0x82) throw new Error(`no frame begins with ${kind}`);
    const [start, length] =
      short < 126
        ? [at + 2, short]
        : short === 126
          ? [at + 4, bytes.readUInt16BE(at + 2)]
          : [at + 10, Number(bytes.readBigUInt64BE(at + 2))];
    at = start + length;
    if (at > bytes.length) throw new Error('a frame is cut off');
    const payload = bytes.subarray(start, at);
    messages.push(kind === 0x81 ? payload.toString() : payload);
  }
  return messages;
}

function textOf(data: Message): Message {
  return typeof data === 'string' ? `4${data}` : data;
}
