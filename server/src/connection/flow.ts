import type { Server as EngineServer, Socket as EngineSocket } from 'engine.io';
import type { WebSocket } from 'ws';
import { outboxOf, webSocketOf } from '../fanout/outbox.ts';
import type { Outbox, OutboxObserver } from '../fanout/outbox.ts';
import { TokenBucket, burstSeconds } from './token-bucket.ts';
import type { Traffic } from './traffic.ts';

/** Events that a connection may be owed; beyond this it is a slow consumer. */
const maxUndeliveredBytes = 1024 * 1024;
/** What counts as delivered, but for what is always on its way. */
const deliveredBytes = 64 * 1024;
/** For each event that it may send a client may send so many bytes: the largest message, and some. */
const bytesPerEvent = 72 * 1024;
/** Of packets that lead to nothing it may send as many in a second as of events, and the first so many at once. */
const wasteBurstSeconds = 20;

export interface FlowOptions {
  /** Events per second that a connection may send; 0: no limit. */
  readonly ratePerSecond: number;
  readonly now: () => number;
  /** Calls back after `delayMs`. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
  /** Counts what comes. */
  readonly traffic: Traffic;
}

/** Why a connection is not read: of these, any. */
const holds = { unanswered: 1, undelivered: 2, 'too fast': 4 } as const;
type Hold = keyof typeof holds;

const flow = Symbol('flow');

/** Gives every transport connection of the engine its {@link Flow}; they have to have their outboxes. */
export function controlFlow(engine: EngineServer, options: FlowOptions): void {
  engine.on('connection', (conn: EngineSocket) => new Flow(conn, options));
}

/** The flow of a transport connection; its transports and WebSockets have it too. */
export function flowOf(conn: object): Flow {
  return (conn as { readonly [flow]: Flow })[flow];
}

/**
 * What goes in and out of one transport connection, and how much of it this server holds: counts what the client has not
 * taken yet, and stops reading from a client that is owed too much, or that sends faster than anybody may.
 */
export class Flow implements OutboxObserver {
  readonly #conn: EngineSocket;
  readonly #outbox: Outbox;
  readonly #waste: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #now: () => number;
  readonly #schedule: FlowOptions['schedule'];
  readonly #traffic: Traffic;
  #holds = 0;
  #waiting: (() => void)[] = [];
  /** Of what is undelivered, the answers: they are bounded by how requests are taken on. */
  #answerBytes = 0;
  #isAnswering = false;
  #isClosed = false;

  /** When the last ping was sent that has not been answered; 0: none. */
  #pingedAt = 0;
  /** From the last ping to its answer (ms); undefined before the first answer. */
  roundTripMs: number | undefined;

  /** Called where the client is owed more events than may be kept for it. */
  onSlow: () => void = () => undefined;

  constructor(conn: EngineSocket, { ratePerSecond, now, schedule, traffic }: FlowOptions) {
    this.#conn = conn;
    this.#outbox = outboxOf(conn);
    this.#outbox.observer = this;
    this.#now = now;
    this.#schedule = schedule;
    this.#traffic = traffic;
    traffic.connections += 1;
    const bytes = ratePerSecond * bytesPerEvent;
    this.#waste = new TokenBucket(ratePerSecond, ratePerSecond * wasteBurstSeconds, now());
    this.#bytes = new TokenBucket(bytes, bytes * burstSeconds, now());
    Object.assign(conn, { [flow]: this });
    conn.on('packet', onPacket);
    conn.on('packetCreate', onPacketCreate);
    conn.on('close', onClose);
    conn.on('upgrade', onUpgrade);
    this.follow(conn.transport);
  }

  /** What the client was sent and has not taken. */
  get undeliveredBytes(): number {
    return this.#outbox.undeliveredBytes;
  }

  /** More than is always on its way. */
  get isBehind(): boolean {
    return this.undeliveredBytes > deliveredBytes;
  }

  /** Whether so little is undelivered that a large answer may be made. Resolves at once, or when that is so, or closed. */
  async delivered(): Promise<void> {
    if (this.#isClosed || this.#outbox.undeliveredBytes <= deliveredBytes) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** What `send` sends is an answer. */
  answer(send: () => void): void {
    this.#isAnswering = true;
    try {
      send();
    } finally {
      this.#isAnswering = false;
    }
  }

  /** Stops reading while there is any reason to. */
  hold(reason: Hold, isHeld: boolean): void {
    const wasReading = this.#holds === 0;
    if (isHeld) this.#holds |= holds[reason];
    else this.#holds &= ~holds[reason];
    const isReading = this.#holds === 0;
    if (this.#isClosed || isReading === wasReading) return;
    if (isReading) webSocketOf(this.#conn)?.resume();
    else webSocketOf(this.#conn)?.pause();
  }

  /** A packet came that was refused before anything was done, or that asks for nothing. */
  wasted(): void {
    this.#slowDown(this.#waste.charge(1, this.#now()));
  }

  /** Ends it at once: what is undelivered is dropped. */
  cut(): void {
    const webSocket = webSocketOf(this.#conn);
    if (webSocket) webSocket.terminate();
    else this.#conn.close(true);
  }

  /** Listens to a transport of the connection. */
  follow(transport: EngineSocket['transport']): void {
    Object.assign(transport, { [flow]: this });
    // After the engine's own listener, which sends what has gathered.
    (transport as { on(event: 'ready', listener: () => void): void }).on('ready', onReady);
    const { socket: webSocket } = transport as { readonly socket?: WebSocket };
    if (!webSocket) return;
    Object.assign(webSocket, { [flow]: this });
    webSocket.prependListener('message', onMessage);
    webSocket.on('pong', onPong);
    webSocket.on('ping', onPing);
  }

  pinged(): void {
    this.#pingedAt = performance.now();
  }

  ponged(): void {
    if (this.#pingedAt === 0) return;
    this.roundTripMs = performance.now() - this.#pingedAt;
    this.#pingedAt = 0;
  }

  /** A message came of so many bytes. */
  received(bytes: number): void {
    this.#traffic.receivedBytes += bytes;
    this.#slowDown(this.#bytes.charge(bytes, this.#now()));
  }

  /** The connection is gone. */
  closed(): void {
    this.#isClosed = true;
    this.#traffic.disconnections += 1;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  pushed(bytes: number): void {
    if (this.#isAnswering) this.#answerBytes += bytes;
    this.#limit(this.#outbox.undeliveredBytes);
  }

  flushed(): void {
    const undelivered = this.#outbox.undeliveredBytes;
    this.#limit(undelivered);
    this.#settle(undelivered);
  }

  drained(): void {
    this.#settle(this.#outbox.undeliveredBytes);
  }

  #limit(undelivered: number): void {
    if (undelivered <= maxUndeliveredBytes) return;
    this.hold('undelivered', true);
    if (undelivered - this.#answerBytes > maxUndeliveredBytes) this.onSlow();
  }

  #settle(undelivered: number): void {
    if (undelivered === 0) this.#answerBytes = 0;
    if (undelivered > deliveredBytes) return;
    this.hold('undelivered', false);
    if (this.#waiting.length > 0) for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #slowDown(waitMs: number): void {
    if (waitMs === 0 || (this.#holds & holds['too fast']) !== 0) return;
    this.hold('too fast', true);
    this.#schedule(() => {
      this.hold('too fast', false);
      // What was under way when reading stopped has come since.
      const now = this.#now();
      this.#slowDown(Math.max(this.#waste.charge(0, now), this.#bytes.charge(0, now)));
    }, waitMs);
  }
}

// The same for all connections: an idle one has nothing of its own for them.

function onPacket(this: object, { type }: { readonly type: string }): void {
  if (type === 'message') return;
  if (type === 'pong') flowOf(this).ponged();
  flowOf(this).wasted();
}

function onPacketCreate(this: object, { type }: { readonly type: string }): void {
  if (type === 'ping') flowOf(this).pinged();
}

function onClose(this: object): void {
  flowOf(this).closed();
}

function onUpgrade(this: object, transport: EngineSocket['transport']): void {
  flowOf(this).follow(transport);
}

function onReady(this: object): void {
  flowOf(this).drained();
}

function onMessage(this: object, data: Buffer): void {
  flowOf(this).received(data.length);
}

function onPong(this: object): void {
  flowOf(this).wasted();
}

function onPing(this: WebSocket, data: Buffer): void {
  flowOf(this).wasted();
  // Of several that come while the line is full one is worth answering: the one after it is free again.
  if (this.bufferedAmount <= deliveredBytes) this.pong(data, false, () => undefined);
}
