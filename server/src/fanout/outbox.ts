import { Socket as EngineSocket } from 'engine.io';
import type { Server as EngineServer } from 'engine.io';
import type { Socket as NetSocket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Batch, Bundle } from './bundle.ts';
import { Frame, joinFrames } from './frame.ts';
import type { Turn } from './turn.ts';

/** Who wants to know what goes through an {@link Outbox}. */
export interface OutboxObserver {
  /** So many bytes were sent to this connection alone. */
  pushed(bytes: number): void;
  /** Everything went on, as far as the line takes it. */
  flushed(): void;
  /** The line has taken everything. */
  drained(): void;
}

const outbox = Symbol('outbox');
const noFrames: Frame[] = [];

/**
 * Gives every transport connection of the engine its {@link Outbox}, through which everything goes that Socket.IO sends
 * on it: acks, events for it alone, and events of rooms, in the order in which they were sent.
 */
export function attachOutboxes(engine: EngineServer, turn: Turn): void {
  engine.on('connection', (conn: EngineSocket) => {
    Object.assign(conn, { [outbox]: new Outbox(conn, turn), write, close });
  });
}

/** The outbox of a transport connection. */
export function outboxOf(conn: object): Outbox {
  return (conn as { readonly [outbox]: Outbox })[outbox];
}

/** What one transport connection is due in this turn of the event loop. */
export class Outbox {
  readonly #conn: EngineSocket;
  readonly #turn: Turn;
  #own = noFrames;
  /** What is volatile is dealt out late where it may have to be left out. */
  #isInOrder = true;
  #ownBytes = 0;
  #bundle: Bundle | undefined;
  #isDue = false;
  /** In the engine's buffer. */
  #engineBytes = 0;
  #isClogged = false;

  observer: OutboxObserver | undefined;

  constructor(conn: EngineSocket, turn: Turn) {
    this.#conn = conn;
    this.#turn = turn;
  }

  /** What was sent to this connection and has not left this process; what rooms got in this turn does not count yet. */
  get undeliveredBytes(): number {
    return this.#ownBytes + this.#engineBytes + (webSocketOf(this.#conn)?.bufferedAmount ?? 0);
  }

  /** Whether the line has not taken all that was sent before. */
  get isBacklogged(): boolean {
    const webSocket = webSocketOf(this.#conn);
    return webSocket ? webSocket.bufferedAmount > 0 : !this.#conn.transport.writable;
  }

  /** Sends a message to this connection alone. */
  push(data: string | Buffer): void {
    const frame = new Frame(this.#turn.nextOrder(), data);
    this.share(frame);
    this.#ownBytes += frame.bytes;
    this.observer?.pushed(frame.bytes);
  }

  /** Sends a message that others get, too. */
  share(frame: Frame): void {
    if (this.#own === noFrames) this.#own = [];
    else if (frame.order < this.#own.at(-1)!.order) this.#isInOrder = false;
    this.#own.push(frame);
    this.#makeDue();
  }

  /** Sends what a room got. */
  deal(batch: Batch): void {
    this.#bundle = (this.#bundle ?? this.#turn.empty).plus(batch);
    this.#makeDue();
  }

  /** Writes everything. */
  flush(): void {
    const own = this.#isInOrder ? this.#own : sorted(this.#own);
    const bundle = this.#bundle;
    this.#own = noFrames;
    this.#isInOrder = true;
    this.#ownBytes = 0;
    this.#bundle = undefined;
    this.#isDue = false;
    if ((own === noFrames && !bundle) || this.#conn.readyState !== 'open') return;
    try {
      this.#send(own, bundle);
    } catch (error) {
      // What is lost now would be missing without a trace: the client has to come back, and recover.
      EngineSocket.prototype.close.call(this.#conn, true);
      throw error;
    }
    this.observer?.flushed();
  }

  /** Writes everything at once, and what rooms got before. */
  settle(): void {
    this.#turn.deal();
    this.flush();
  }

  #makeDue(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#turn.add(this);
  }

  #send(own: readonly Frame[], bundle: Bundle | undefined): void {
    const sender = this.#freeSender();
    if (sender) {
      this.#write(sender, own === noFrames ? bundle!.joined : joinFrames(inOrder(own, bundle)));
    } else {
      for (const frame of inOrder(own, bundle)) this.#handOver(frame);
    }
  }

  /** Where frames may be written past the engine: it holds nothing that is before them. */
  #freeSender(): FrameSender | undefined {
    const { transport, writeBuffer } = this.#conn as unknown as EngineInternals;
    const webSocket = webSocketOf(this.#conn);
    if (!webSocket || transport.perMessageDeflate || !transport.supportsBinary || writeBuffer.length > 0) {
      return undefined;
    }
    return webSocket.readyState === webSocket.OPEN ? (webSocket as unknown as WebSocketInternals)._sender : undefined;
  }

  #write(sender: FrameSender, bytes: Buffer): void {
    // For those who count what the engine sends.
    this.#conn.emit('packetCreate', { type: 'message', data: bytes });
    this.#turn.traffic.sentBytes += bytes.length;
    sender.sendFrame([bytes]);
    const line = sender._socket;
    if (!line.writableNeedDrain || this.#isClogged) return;
    this.#isClogged = true;
    line.once('drain', () => {
      this.#isClogged = false;
      this.observer?.drained();
    });
  }

  #handOver({ data, bytes }: Frame): void {
    if (this.#engineBytes === 0) {
      this.#conn.once('flush', () => {
        this.#engineBytes = 0;
      });
    }
    this.#engineBytes += bytes;
    this.#turn.traffic.sentBytes += bytes;
    EngineSocket.prototype.write.call(this.#conn, data);
  }
}

interface EngineInternals {
  readonly transport: { readonly perMessageDeflate?: unknown; readonly supportsBinary: boolean };
  readonly writeBuffer: readonly unknown[];
}

/** What Engine.IO's own transport writes frames with that it encoded before. */
interface FrameSender {
  readonly _socket: NetSocket;
  sendFrame(frames: readonly Buffer[]): void;
}

interface WebSocketInternals {
  readonly _sender: FrameSender;
}

/** The WebSocket of a transport connection, if it has one. */
export function webSocketOf({ transport }: EngineSocket): WebSocket | undefined {
  return (transport as unknown as { readonly socket?: WebSocket }).socket;
}

function inOrder(own: readonly Frame[], bundle: Bundle | undefined): readonly Frame[] {
  if (!bundle) return own;
  if (own.length === 0) return bundle.frames;
  return sorted([...own, ...bundle.frames]);
}

function sorted(frames: Frame[]): Frame[] {
  return frames.sort((a, b) => a.order - b.order);
}

type Bytes = ArrayBuffer | ArrayBufferView;

/** Takes the place of Engine.IO's. */
function write(this: EngineSocket, data: string | Bytes, options?: { readonly volatile?: boolean }): EngineSocket {
  const box = outboxOf(this);
  if (!(options?.volatile && box.isBacklogged)) box.push(typeof data === 'string' ? data : toBuffer(data));
  return this;
}

function toBuffer(data: Bytes): Buffer {
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}

/** Takes the place of Engine.IO's: what was sent before leaves before. */
function close(this: EngineSocket, discard?: boolean): void {
  outboxOf(this).settle();
  EngineSocket.prototype.close.call(this, discard);
}
