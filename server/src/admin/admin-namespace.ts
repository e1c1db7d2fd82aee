import type { IncomingMessage } from 'node:http';
import type { Server as EngineServer, Socket as EngineSocket } from 'engine.io';
import type { DefaultEventsMap, Namespace, Socket } from 'socket.io';
import { forgetRequest, tellOpenNamespaces } from '../connection/accept.ts';
import { flowOf } from '../connection/flow.ts';
import type { ThreadIo } from '../fanout/rooms.ts';
import { foreignReason } from '../http/origin-guard.ts';
import type { OriginRules } from '../http/origin-guard.ts';
import { RequestError } from '../request-error.ts';
import { tokenOf } from './session-cookie.ts';
import type { OperatorSession, Sessions } from './sessions.ts';

export interface AdminNamespacePorts {
  readonly io: ThreadIo;
  readonly engine: EngineServer;
  readonly sessions: Sessions;
  readonly origins: OriginRules;
  /** Called with each operator who has connected. */
  readonly attend: (socket: OperatorSocket) => void;
  /** Calls back after `delayMs`. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

interface OperatorData {
  session: OperatorSession;
}
export type OperatorSocket = Socket<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, OperatorData>;
type OperatorNamespace = Namespace<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, OperatorData>;

/** How often it is looked who has run out. */
const watchMs = 10_000;

/**
 * The Socket.IO namespace of operators: `/admin`. Who comes without the cookie of a session is refused before anything
 * else is done, and a session's end closes what came by it.
 */
export class AdminNamespace {
  readonly #ports: AdminNamespacePorts;
  readonly #namespace: OperatorNamespace;
  /** The cookies with which transport connections came. Socket.IO's own copy is dropped with the rest of the request. */
  readonly #tokens = new WeakMap<EngineSocket, string>();
  #isClosed = false;

  constructor(ports: AdminNamespacePorts) {
    this.#ports = ports;
    const { io, engine, sessions, origins } = ports;
    engine.on('connection', (conn: EngineSocket & { readonly request: IncomingMessage }) => {
      const token = tokenOf(conn.request);
      // A page of somebody else that may use the API is no operator's page.
      const isForeign =
        token !== undefined && foreignReason(conn.request, { ...origins, corsOrigins: [] }) !== undefined;
      if (token !== undefined && !isForeign) this.#tokens.set(conn, token);
    });
    this.#namespace = io.of('/admin') as unknown as OperatorNamespace;
    this.#namespace.use((socket, next) => {
      tellOpenNamespaces(socket);
      const session = sessions.find(this.#tokens.get(socket.conn));
      if (!session) {
        const error = new RequestError('unauthenticated', 'Operators log in at /admin/ first.');
        next(Object.assign(new Error(error.message), { data: error.toObject() }));
        return;
      }
      socket.data.session = session;
      next();
    });
    this.#namespace.on('connection', (socket) => this.#welcome(socket));
    this.#watch();
  }

  /** Operators who are connected. */
  get sockets(): Iterable<OperatorSocket> {
    return this.#namespace.sockets.values();
  }

  /** A session has ended: what came by it is closed. */
  end(session: OperatorSession): void {
    for (const socket of this.#namespace.sockets.values()) if (socket.data.session === session) socket.disconnect();
  }

  close(): void {
    this.#isClosed = true;
    for (const socket of this.#namespace.sockets.values()) socket.disconnect();
  }

  #welcome(socket: OperatorSocket): void {
    forgetRequest(socket);
    const flow = flowOf(socket.conn);
    const { onSlow } = flow;
    flow.onSlow = () => {
      onSlow();
      flow.cut();
    };
    this.#ports.attend(socket);
    // A password that somebody was asked for by mistake is nothing to keep.
    socket.handshake.auth = {};
  }

  #watch(): void {
    if (this.#isClosed) return;
    for (const socket of this.#namespace.sockets.values()) {
      if (!this.#ports.sessions.holds(socket.data.session)) socket.disconnect();
    }
    this.#ports.schedule(() => this.#watch(), watchMs);
  }
}
