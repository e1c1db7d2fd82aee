import { randomUUID } from 'node:crypto';
import { connectAuthSchema, limits } from '@threadwire/protocol';
import type { ConnectAuth, Session } from '@threadwire/protocol';
import type { Socket } from 'socket.io';
import type { ThreadNamespace, ThreadSocket } from '../fanout/rooms.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { RequestError, invalidPayload, toRequestError } from '../request-error.ts';
import type { Services } from '../services.ts';
import type { Identity } from './authenticate.ts';
import { Connection } from './connection.ts';
import { TolerantDecoder, bytesOf, malformedPacket } from './decoder.ts';
import { TextIntake } from './text-intake.ts';
import type { Dispatch } from './dispatch.ts';
import { revoked } from '../admin/revocations.ts';
import { flowOf } from './flow.ts';
import { parse } from './parse.ts';
import { SocketLink } from './socket-link.ts';
import { TokenBucket, burstSeconds } from './token-bucket.ts';

export interface AcceptOptions {
  readonly lifecycle: Lifecycle;
  readonly serverId: string;
  readonly ratePerSecond: number;
}

interface Admission {
  readonly clientId: string;
  readonly identity: Identity;
  readonly client: ConnectAuth['client'];
}

/** CONNECTs that one transport connection may try: a client that keeps failing has to open another. */
const maxConnectAttempts = 5;
const nothing = Object.freeze({});

/** Lets clients into the namespace: authenticates CONNECT, sends `session`, and hands their events to `dispatch`. */
export function acceptConnections(
  namespace: ThreadNamespace,
  services: Services,
  dispatch: Dispatch,
  options: AcceptOptions,
): void {
  const admissions = new WeakMap<ThreadSocket, Admission>();
  const attempts = new WeakMap<object, { count: number; isPending: boolean }>();

  namespace.use((socket, next) => {
    tellOpenNamespaces(socket);
    const attempt = attempts.get(socket.conn) ?? { count: 0, isPending: false };
    attempts.set(socket.conn, attempt);
    if (attempt.isPending || ++attempt.count > maxConnectAttempts) {
      closeTransport(socket);
      return;
    }
    attempt.isPending = true;
    // That of the connection, should it become one: in the log it tells those that were refused apart.
    const clientId = randomUUID();
    void admit(services, options.lifecycle, socket.handshake.auth)
      .then((admission) => {
        admissions.set(socket, { clientId, ...admission });
        next();
      })
      .catch((thrown: unknown) => {
        const error = toRequestError(thrown);
        const data = error.toObject();
        const { logger } = services;
        if (error.code === 'internal') logger.error({ err: thrown, client_id: clientId }, 'CONNECT failed');
        else logger.debug({ client_id: clientId, code: error.code }, 'CONNECT refused');
        services.metrics.answered('connect', error.code);
        // Stock clients never retry after a connect_error, but do after the transport has closed.
        if (data.retry === 'later') closeTransport(socket);
        else next(Object.assign(new Error(error.message), { data }));
        // Socket.IO sends the refusal in the next tick.
        if (data.fatal) process.nextTick(closeTransport, socket);
      })
      .finally(() => {
        attempt.isPending = false;
        // Whoever inspects sockets has no business with tokens.
        socket.handshake.auth = {};
      });
  });

  namespace.on('connection', (socket) => {
    const { clientId, identity, client } = admissions.get(socket)!;
    admissions.delete(socket);
    attempts.delete(socket.conn);
    forgetRequest(socket);
    const connection = new Connection({
      clientId,
      link: new SocketLink(socket),
      identity,
      client,
      bucket: new TokenBucket(options.ratePerSecond, options.ratePerSecond * burstSeconds, services.now()),
    });
    flowOf(socket.conn).onSlow = () => {
      if (connection.isClosed) return;
      services.metrics.slowConsumer();
      services.logger.info({ client_id: connection.clientId }, 'closed because it reads too slowly');
      connection.dropAsSlow();
    };
    const decoder = decoderOf(socket);
    if (decoder) decoder.textIntake = new TextIntake(services, options.lifecycle, connection);
    services.rooms.add(connection);
    services.metrics.answered('connect', 'ok');
    services.logger.debug({ client_id: connection.clientId, user_id: identity.user.id }, 'connected');
    socket.use((event) => {
      const [name, ...args] = event as unknown as [unknown, ...unknown[]];
      const last = args.at(-1);
      const ack = typeof last === 'function' ? (args.pop() as (answer: unknown) => void) : undefined;
      if (name === malformedPacket) refuseMalformed(services, connection);
      else void dispatch(connection, { event: name, args, ack, bytes: bytesOf(event) });
    });
    socket.on('disconnect', (reason) => {
      connection.isClosed = true;
      services.rooms.remove(connection);
      services.watch.remove(connection);
      services.streams.producerGone(connection);
      services.logger.debug({ client_id: connection.clientId, reason }, 'disconnected');
    });
    connection.emit('session', sessionOf(connection, services, options));
    if (services.revocations.has(identity.actor.id)) connection.fail(revoked().toObject());
  });
}

async function admit(
  { authenticator }: Services,
  lifecycle: Lifecycle,
  auth: unknown,
): Promise<Omit<Admission, 'clientId'>> {
  const { token, user, client, protocol_version: version } = parse(connectAuthSchema, auth, 'The auth object');
  if (version !== undefined && version !== limits.protocolVersion) {
    const text = `This server speaks protocol version ${limits.protocolVersion}.`;
    throw new RequestError('protocol_mismatch', text, { fatal: true });
  }
  const identity = await authenticator.identify({ token, user });
  // It came in before the server drained, and would miss what the others were told.
  if (lifecycle.isDraining) throw new RequestError('unavailable', 'The server is draining.');
  return { identity, client };
}

function sessionOf({ clientId, identity }: Connection, services: Services, options: AcceptOptions): Session {
  return {
    client_id: clientId,
    user: identity.user,
    server_id: options.serverId,
    protocol_version: limits.protocolVersion,
    ...(identity.expiresAt !== undefined && { expires_at: new Date(identity.expiresAt).toISOString() }),
    limits: {
      max_content_bytes: limits.maxContentBytes,
      max_frame_bytes: limits.maxFrameBytes,
      max_subscriptions: services.maxSubscriptions,
      max_history_page: limits.maxHistoryPage,
      rate_per_second: options.ratePerSecond,
    },
  };
}

function refuseMalformed(services: Services, connection: Connection): void {
  const waitMs = connection.bucket.take(1, services.now());
  const error =
    waitMs > 0
      ? new RequestError('rate_limited', 'Too many requests.', { retry_after_ms: waitMs })
      : invalidPayload('That is not a Socket.IO packet.', { path: '', message: 'must be a Socket.IO packet' });
  services.metrics.answered('unknown', error.code);
  connection.wasted();
  connection.answer(() => connection.fail(error.toObject()));
}

/** Lets the decoder know what is out of place on this connection. */
export function tellOpenNamespaces(socket: Pick<Socket, 'client'>): void {
  const decoder = decoderOf(socket);
  if (decoder) decoder.namespaces = (socket.client as unknown as ClientParts).nsps;
}

/** What Socket.IO has of a transport connection. */
interface ClientParts {
  readonly decoder: unknown;
  readonly nsps: ReadonlyMap<string, unknown>;
}

function decoderOf(socket: Pick<Socket, 'client'>): TolerantDecoder | undefined {
  const { decoder } = socket.client as unknown as ClientParts;
  return decoder instanceof TolerantDecoder ? decoder : undefined;
}

function closeTransport(socket: ThreadSocket): void {
  socket.conn.close();
}

/** What Socket.IO keeps of the HTTP request is a third of what an idle connection takes, and may hold secrets. */
export function forgetRequest({ conn, handshake }: Pick<Socket, 'conn' | 'handshake'>): void {
  Object.assign(conn, { request: null });
  Object.assign(handshake, { headers: nothing, query: nothing, url: '' });
}
