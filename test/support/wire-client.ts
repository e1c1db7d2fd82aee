import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import type { ClientOptions as WebSocketOptions } from 'ws';
import { ArrivalQueue, describePredicate } from './arrival-queue.ts';

export interface WireOptions {
  /** The CONNECT packet's auth object; anything JSON. */
  readonly auth?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
  /** Sends CONNECT and waits for its answer; off, the test sends what it likes after the engine's handshake. */
  readonly connectNamespace?: boolean;
  /** Off, for tests of the heartbeat. */
  readonly answerPings?: boolean;
  readonly timeoutMs?: number;
  readonly webSocket?: WebSocketOptions;
}

export type Frame = string | Buffer;
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** The upgrade was answered with an HTTP response. */
export class UpgradeRefused extends Error {
  override readonly name = 'UpgradeRefused';
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;

  constructor(response: IncomingMessage, body: string) {
    super(`the upgrade was refused with ${response.statusCode}: ${body}`);
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    this.body = body;
  }
}

const defaultTimeoutMs = 5000;
const engine = { open: '0', ping: '2', pong: '3' } as const;
const packet = { connect: '40', event: '42', ack: '43', connectError: '44' } as const;

/** A Socket.IO connection whose every frame is in the test's hands. */
export class WireClient implements AsyncDisposable {
  readonly socket: WebSocket;
  /** Every frame that came, pings too, in order. */
  readonly frames: Frame[] = [];
  /** Resolves when the connection is closed, however that came about. */
  readonly closed: Promise<Closed>;
  readonly #queue = new ArrivalQueue<Frame>((frame) => (typeof frame === 'string' ? frame : `<${frame.length} bytes>`));
  readonly #answerPings: boolean;
  #nextAck = 0;

  constructor(url: string, { path = '/api/ws', headers = {}, answerPings = true, webSocket }: WireOptions) {
    this.#answerPings = answerPings;
    const address = new URL(`${path}/?EIO=4&transport=websocket`, url);
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
    this.socket = new WebSocket(address, { perMessageDeflate: false, headers, ...webSocket });
    this.socket.on('message', (data: Buffer, isBinary) => this.#receive(isBinary ? data : data.toString()));
    // What went wrong shows in the code of `close`; without a listener it would end the process.
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => {
        this.#queue.close(
          `the connection closed with code ${code}${reason.length > 0 ? ` (${reason.toString()})` : ''}`,
        );
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** What came and was not taken yet, but for pings that were answered. */
  get untaken(): readonly Frame[] {
    return this.#queue.items;
  }

  /** Sends one frame as it is: a string as text, bytes as binary. */
  send(frame: string | Uint8Array): void {
    this.socket.send(frame);
  }

  /** Takes the first frame that the predicate accepts, of those that came or are to come. */
  next(predicate: (frame: Frame) => boolean = () => true, timeoutMs: number = defaultTimeoutMs): Promise<Frame> {
    return this.#queue.take(`frame${describePredicate(predicate)}`, predicate, timeoutMs);
  }

  /** Takes the first text frame that begins so, and gives the rest of it. */
  async nextText(prefix: string, timeoutMs: number = defaultTimeoutMs): Promise<string> {
    const startsSo = (frame: Frame) => typeof frame === 'string' && frame.startsWith(prefix);
    const frame = await this.#queue.take(`frame that begins with ${prefix}`, startsSo, timeoutMs);
    return frame.toString().slice(prefix.length);
  }

  /** Takes the first event of this name, and gives its payload. */
  async event(name: string, timeoutMs: number = defaultTimeoutMs): Promise<unknown> {
    const prefix = `${packet.event}[${JSON.stringify(name)},`;
    return (JSON.parse(`[${await this.nextText(prefix, timeoutMs)}`) as unknown[])[0];
  }

  /** Sends an event without an ack. */
  emit(event: string, ...args: readonly unknown[]): void {
    this.send(`${packet.event}${JSON.stringify([event, ...args])}`);
  }

  /** Sends an event with the next ack id, and gives what the ack is called with. */
  async request(event: string, payload: unknown, timeoutMs: number = defaultTimeoutMs): Promise<unknown> {
    const id = this.#nextAck;
    this.#nextAck += 1;
    this.send(`${packet.event}${id}${JSON.stringify([event, payload])}`);
    return await this.ack(id, timeoutMs);
  }

  /** Takes the ack of this id, for a request that was sent by hand. */
  async ack(id: number, timeoutMs: number = defaultTimeoutMs): Promise<unknown> {
    return (JSON.parse(`[${await this.nextText(`${packet.ack}${id}[`, timeoutMs)}`) as unknown[])[0];
  }

  /** Resolves with how the connection closed; rejects where it did not in time. */
  async closing(timeoutMs: number = defaultTimeoutMs): Promise<Closed> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`the connection did not close within ${timeoutMs} ms; ${this.#queue.describe()}`));
      }, timeoutMs);
    });
    try {
      return await Promise.race([this.closed, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the connection without a closing handshake. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }

  #receive(frame: Frame): void {
    this.frames.push(frame);
    if (frame === engine.ping && this.#answerPings) this.send(engine.pong);
    else this.#queue.push(frame);
  }
}

/** CONNECT was answered with CONNECT_ERROR; `data` is its JSON. */
export class ConnectPacketRefused extends Error {
  override readonly name = 'ConnectPacketRefused';
  readonly data: unknown;

  constructor(json: string) {
    super(`CONNECT was refused: ${json}`);
    this.data = JSON.parse(json);
  }
}

/**
 * Opens a connection, sends CONNECT and waits until it is accepted; `session` is left for the test to take. Rejects with
 * {@link UpgradeRefused} on an HTTP answer, and with {@link ConnectPacketRefused} on a CONNECT_ERROR.
 */
export async function connectWire(url: string, options: WireOptions = {}): Promise<WireClient> {
  const { auth, connectNamespace = true, timeoutMs = defaultTimeoutMs } = options;
  const client = new WireClient(url, options);
  const refused = new Promise<never>((_resolve, reject) => {
    client.socket.once('unexpected-response', (_request, response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => reject(new UpgradeRefused(response, Buffer.concat(chunks).toString())));
    });
  });
  try {
    await Promise.race([client.nextText(engine.open, timeoutMs), refused]);
    if (!connectNamespace) return client;
    client.send(`${packet.connect}${auth === undefined ? '' : JSON.stringify(auth)}`);
    const isAnswer = (frame: Frame) =>
      typeof frame === 'string' && [packet.connect, packet.connectError].some((prefix) => frame.startsWith(prefix));
    const answer = (await client.next(isAnswer, timeoutMs)).toString();
    if (answer.startsWith(packet.connectError))
      throw new ConnectPacketRefused(answer.slice(packet.connectError.length));
    return client;
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}
