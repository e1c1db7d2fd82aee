import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { limits } from '@threadwire/protocol';
import { Server as EngineServer } from 'engine.io';
import { Server as SocketServer } from 'socket.io';
import { NodeActivity } from './admin/console/node-activity.ts';
import { StreamLines } from './admin/console/stream-lines.ts';
import { expel } from './admin/expel.ts';
import { createOperators } from './admin/operators.ts';
import type { OperatorOptions } from './admin/operator-account.ts';
import { Revocations, revoked } from './admin/revocations.ts';
import type { AuthConfig, Transport } from './config.ts';
import { acceptConnections } from './connection/accept.ts';
import { createAuthenticator } from './connection/authenticate.ts';
import { TolerantDecoder } from './connection/decoder.ts';
import { createDispatch } from './connection/dispatch.ts';
import { tolerateEnginePackets } from './connection/engine-packets.ts';
import { JsonEncoder } from './connection/encoder.ts';
import { watchExpiry } from './connection/expiry.ts';
import { controlFlow, flowOf } from './connection/flow.ts';
import { Handshakes } from './connection/handshake.ts';
import { ManualPongServer } from './connection/manual-pong-server.ts';
import { TokenBucket, burstSeconds } from './connection/token-bucket.ts';
import { Traffic } from './connection/traffic.ts';
import { drainConnections } from './drain.ts';
import { attachOutboxes } from './fanout/outbox.ts';
import { roomAdapters } from './fanout/room-adapter.ts';
import { Rooms } from './fanout/rooms.ts';
import type { ThreadIo } from './fanout/rooms.ts';
import { Turn } from './fanout/turn.ts';
import { evictStrangers } from './handlers/evict.ts';
import { createApp } from './http/app.ts';
import { clientAddress } from './http/client-address.ts';
import type { ClientAddress } from './http/client-address.ts';
import { createHttpServer } from './http/http-server.ts';
import { Lifecycle } from './lifecycle.ts';
import { createLogger, withoutSecrets } from './logger.ts';
import type { Logger } from './logger.ts';
import { Metrics } from './metrics.ts';
import { newId } from './new-id.ts';
import { RequestError } from './request-error.ts';
import type { Services } from './services.ts';
import { shareReads } from './store/shared-reads.ts';
import type { ChosenResponder } from './responder/choose-responder.ts';
import { Responders } from './responder/responders.ts';
import { StoreHealth } from './store/store-health.ts';
import type { ThreadStore } from './store/thread-store.ts';
import { CatchUp } from './streams/catch-up.ts';
import { LeaseWatch } from './streams/lease-watch.ts';
import { Streams } from './streams/streams.ts';
import { Announcer } from './threads/announcer.ts';
import { HeadPoll } from './threads/head-poll.ts';
import { LogWriter } from './threads/log-writer.ts';
import { ThreadWatch } from './threads/thread-watch.ts';

export interface ServerOptions {
  /** Owned by the server from now on: closed with it. */
  readonly store: ThreadStore;
  readonly auth: AuthConfig;
  readonly host?: string;
  /** 0: any free port. */
  readonly port?: number;
  readonly corsOrigins?: readonly string[];
  readonly transports?: readonly Transport[];
  /** Proxies of ours before this server, each of which adds to `X-Forwarded-For`; 0: addresses are those of TCP connections. */
  readonly trustedProxies?: number;
  readonly metricsToken?: string | undefined;
  /** Who may log in at `/admin/`; nobody where it is absent. */
  readonly operator?: OperatorOptions | undefined;
  /** A directory with the built pages of operators, to serve at `/admin/`. */
  readonly adminDir?: string | undefined;
  /** A directory with a built page to serve at `/`. */
  readonly pageDir?: string | undefined;
  /** Events per second and connection; 0: no limit. */
  readonly ratePerSecond?: number;
  readonly maxSubscriptions?: number;
  /** Connections that may be open without having sent CONNECT yet. */
  readonly maxPendingHandshakes?: number;
  /** Answers in threads whose metadata asks for it; nobody does where it is absent. */
  readonly responder?: Pick<ChosenResponder, 'respond' | 'isRepeatable'> | undefined;
  /** How long a stream waits for a producer that has gone. */
  readonly streamLeaseMs?: number;
  /** How long the producer of a stream may be silent. */
  readonly streamMaxIdleMs?: number;
  readonly drainTimeoutMs?: number;
  /** Called where an operator asks this node to drain; by itself it drains, and closes. */
  readonly onDrainAsked?: () => void;
  readonly logger?: Logger;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly newId?: () => string;
  /** From 0 (inclusive) to 1 (exclusive): spreads what should not happen at one instant. */
  readonly random?: () => number;
}

export interface ThreadwireServer {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly port: number;
  /** Takes no new work, answers what was begun, sends the clients elsewhere, and closes. */
  drain(): Promise<void>;
  /** Closes at once: connections, HTTP server and store. */
  close(): Promise<void>;
}

/** A client that has not sent CONNECT by then is not one. */
const connectTimeoutMs = 10_000;
/** What a connection may stream. */
const textBytesPerSecond = 1024 * 1024;
/** How long a closing server waits for the clients to close too. */
const closeGraceMs = 1000;

/** Wires the parts together, and listens. */
export async function createServer(options: ServerOptions): Promise<ThreadwireServer> {
  const { host = '127.0.0.1', corsOrigins = [], ratePerSecond = 50, now = Date.now } = options;
  const steadyNow = (): number => performance.now();
  const store = shareReads(options.store, now);
  const logger = withoutSecrets(options.logger ?? createLogger('silent'));
  const lifecycle = new Lifecycle();
  const metrics = new Metrics();
  const origins = { host, corsOrigins };
  const addressOf = clientAddress(options.trustedProxies ?? 0);

  const engine = new EngineServer({
    transports: [...(options.transports ?? ['websocket'])],
    maxHttpBufferSize: limits.maxFrameBytes,
    perMessageDeflate: false,
    wsEngine: ManualPongServer,
    ...(corsOrigins.length > 0 && { cors: { origin: [...corsOrigins] } }),
  });
  const traffic = new Traffic();
  const turn = new Turn(traffic);
  const io: ThreadIo = new SocketServer({
    adapter: roomAdapters(turn),
    connectTimeout: connectTimeoutMs,
    serveClient: false,
    // Only what is bound below: Socket.IO opens no server of its own.
    parser: { Encoder: JsonEncoder, Decoder: TolerantDecoder },
  });
  const rooms = new Rooms(io.of('/'));
  const schedule = (callback: () => void, delayMs: number): void => {
    setTimeout(callback, delayMs).unref();
  };
  const watch = new ThreadWatch({
    store,
    send: (connections, payload) => rooms.sendTo(connections, 'threads_updated', payload),
    logger,
    now,
    schedule,
  });
  const announcer = new Announcer({
    publish: (announcement) => rooms.publish(announcement),
    changesAfter: (threadId, seq, limit) => store.changesAfter(threadId, seq, limit),
    logger,
    schedule,
  });
  rooms.onEmpty((threadId) => announcer.forget(threadId));
  const headPoll = new HeadPoll({
    store,
    announcer,
    onMembersChanged: (thread) => evictStrangers(services, thread),
    logger,
    now,
    schedule,
  });
  // Another process may serve the same database, if only while one takes over from the other.
  if (store.kind === 'mongodb') headPoll.start();
  const activity = new NodeActivity({
    now,
    schedule,
    totals: () => metrics.totals(),
  });
  const writer = new LogWriter({
    store,
    logger,
    onCommit: (change) => {
      metrics.committed(change);
      announcer.announce(change);
      activity.committed(change);
      watch.active(change.threadId);
      responders?.committed(change);
    },
    onUnknown: (threadId) => {
      announcer.suspect(threadId);
      headPoll.alert();
    },
    onRepeat: (threadId, seq) => announcer.observe(threadId, seq),
    onResult: (op, result) => {
      metrics.settled(op, result);
      streams.settled(op, result);
      streamLines.settled(op, result);
    },
    onBatch: (ops, written) => metrics.batch(ops, written),
  });
  const leaseMs = options.streamLeaseMs ?? 30_000;
  const streams = new Streams({
    store,
    write: (op) => writer.write(op),
    announceText: (text) => announcer.announceText(text),
    onEnding: (stream, op) => {
      catchUp.finish(stream);
      streamLines.ending(stream, op);
    },
    logger,
    newId: options.newId ?? newId,
    now,
    steadyNow,
    schedule,
    leaseMs,
  });
  const streamLines = new StreamLines(streams.active, now, steadyNow);
  const { responder } = options;
  const responders = responder && new Responders({ responder, streams, store, logger, now });
  const catchUp = new CatchUp({ rooms, streams: streams.active, schedule });
  const leaseWatch = new LeaseWatch({
    streams,
    store,
    write: (op) => writer.write(op),
    takeUp: responders && ((stream) => responders.takeUp(stream)),
    logger,
    now,
    steadyNow,
    schedule,
    leaseMs,
    maxIdleMs: options.streamMaxIdleMs ?? 600_000,
  });
  const health = new StoreHealth(store, logger, (isUp) => {
    if (lifecycle.isDraining) return;
    rooms.broadcast('system_status', isUp ? { status: 'ok' } : { status: 'degraded', message: 'The store is away.' });
  });
  metrics.readFrom({
    connections: () => rooms.connections.size,
    subscriptions: () => rooms.subscriptions,
    deliveries: () => rooms.deliveries,
    traffic,
    bufferedBytes: () => rooms.undeliveredBytes,
    streams: () => streams.active.values(),
    isStoreUp: () => health.isUp,
  });

  const revocations = new Revocations({
    store,
    onRevoked: (userIds) => {
      for (const userId of userIds) expel(services, userId, revoked());
    },
    logger,
    schedule,
  });
  const services: Services = {
    store,
    writer,
    streams,
    responders,
    announcer,
    rooms,
    watch,
    headPoll,
    authenticator: revocations.guard(createAuthenticator(options.auth, now)),
    revocations,
    logger,
    metrics,
    activity,
    now,
    newId: options.newId ?? newId,
    maxSubscriptions: options.maxSubscriptions ?? 1000,
    newTextBucket: () => {
      const bytesPerSecond = ratePerSecond === 0 ? 0 : textBytesPerSecond;
      return new TokenBucket(bytesPerSecond, bytesPerSecond * burstSeconds, now());
    },
  };
  const serverId = randomUUID();
  acceptConnections(io.of('/'), services, createDispatch(services, lifecycle), {
    lifecycle,
    serverId,
    ratePerSecond,
  });

  const handshakes = new Handshakes(engine, {
    path: '/api/ws',
    origins,
    maxPending: options.maxPendingHandshakes ?? 1000,
    onRefused: (code) => metrics.answered('handshake', code),
    refusal: (request) => {
      if (lifecycle.isDraining)
        return new RequestError('unavailable', 'The server is draining.', { retry_after_ms: 1000 });
      // Operators want to see most when something is wrong.
      if (!health.isUp && !operators.knows(request))
        return new RequestError('unavailable', 'The store is away.', { retry_after_ms: 1000 });
      return undefined;
    },
    now,
  });
  nameAddresses(engine, addressOf);
  tolerateEnginePackets(engine);
  attachOutboxes(engine, turn);
  controlFlow(engine, { ratePerSecond, now, schedule, traffic });
  io.bind(engine);
  countHandshakes(io, handshakes);

  const operators = createOperators({
    services,
    io,
    engine,
    origins,
    addressOf,
    operator: options.operator,
    pagesDir: options.adminDir,
    schedule,
    steadyNow,
    lifecycle,
    activity,
    streams: streamLines,
    revocations,
    traffic,
    serverId,
    drain: () => (options.onDrainAsked ? options.onDrainAsked() : void drain()),
  });
  const app = createApp({
    services,
    adminRoutes: operators.routes,
    lifecycle,
    ratePerSecond,
    metrics,
    metricsToken: options.metricsToken,
    origins,
    pageDir: options.pageDir,
    notReadyReasons: () => [
      ...(lifecycle.isDraining ? ['the server drains'] : []),
      ...(health.isUp ? [] : ['the store is away']),
    ],
  });
  const http = createHttpServer(
    (request, response) => {
      if (!handshakes.handle(request, response)) app(request, response);
    },
    (code) => metrics.answered('http unknown', code),
  );
  handshakes.attach(http);
  const sockets = new Set<Socket>();
  function forget(this: Socket): void {
    sockets.delete(this);
  }
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', forget);
  });
  await revocations.start();
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port ?? 3000, host, resolve);
  });
  const stopExpiry = watchExpiry(rooms, now, () => metrics.refused('token_expired'));
  // Not before it is sure that this server serves: it would begin what it cannot go on with.
  leaseWatch.start();
  activity.start();
  void responders?.catchUp();
  const { port } = http.address() as AddressInfo;

  let closing: Promise<void> | undefined;
  async function shutDown(): Promise<void> {
    lifecycle.startDraining();
    stopExpiry();
    health.stop();
    headPoll.stop();
    leaseWatch.stop();
    activity.stop();
    revocations.stop();
    streams.stop();
    responders?.stop();
    const closed = new Promise<void>((resolve) => http.close(() => resolve()));
    engine.close();
    http.closeAllConnections();
    // A client that does not answer the end of its WebSocket must not hold up the server.
    const cutOff = setTimeout(() => sockets.forEach((socket) => socket.destroy()), closeGraceMs);
    await closed;
    clearTimeout(cutOff);
    await operators.close();
    await store.close();
    metrics.close();
  }
  const close = (): Promise<void> => (closing ??= shutDown());
  async function drain(): Promise<void> {
    lifecycle.startDraining();
    responders?.stop();
    streams.startDraining(lifecycle.draining.reason as Error);
    const timeoutMs = options.drainTimeoutMs ?? 10_000;
    await drainConnections({ rooms, lifecycle, timeoutMs, random: options.random ?? Math.random });
    await close();
  }
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    close,
    drain,
  };
}

/** What Socket.IO takes for the address of a connection is that of whoever is behind our proxies. */
function nameAddresses(engine: EngineServer, addressOf: ClientAddress): void {
  engine.on('connection', (conn: { readonly request: IncomingMessage; readonly remoteAddress: string }) => {
    Object.assign(conn, { remoteAddress: addressOf(conn.request) });
  });
}

/** Tells the handshakes which connections have not got as far as CONNECT. */
function countHandshakes(io: ThreadIo, handshakes: Handshakes): void {
  const settled = new WeakMap<object, () => void>();
  io.engine.on('connection', (conn: EngineConnection) => {
    const settle = handshakes.opened(() => flowOf(conn).cut());
    settled.set(conn, settle);
    conn.once('close', settle);
  });
  for (const namespace of ['/', '/admin']) {
    io.of(namespace).on('connection', ({ conn }) => {
      const settle = settled.get(conn);
      if (!settle) return;
      settle();
      // An idle connection keeps nothing of it.
      settled.delete(conn);
      conn.off('close', settle);
    });
  }
}

interface EngineConnection {
  once(event: 'close', listener: () => void): void;
}
