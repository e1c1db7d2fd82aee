import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorCode } from '@threadwire/protocol';
import type { Server as EngineServer } from 'engine.io';
import type { Transport } from '../config.ts';
import { answerEarly } from '../http/early-answer.ts';
import { foreignReason } from '../http/origin-guard.ts';
import type { OriginRules } from '../http/origin-guard.ts';
import { refuse, refuseOn } from '../http/refusal.ts';
import { RequestError, invalidPayload } from '../request-error.ts';

export interface HandshakeOptions {
  readonly path: string;
  readonly origins: OriginRules;
  /** Connections that may be open without having sent CONNECT yet. */
  readonly maxPending: number;
  /** Why no new connection is taken now, or undefined. */
  readonly refusal: (request: IncomingMessage) => RequestError | undefined;
  /** Called with why a handshake was refused. */
  readonly onRefused?: (code: ErrorCode) => void;
  /** In ms. */
  readonly now: () => number;
}

/** A connection that has not sent CONNECT. */
interface Pending {
  readonly openedAt: number;
  readonly close: () => void;
}

/** Where too many handshakes are under way, one that has had so long makes room for the next. */
const fairShareMs = 1000;

/**
 * Stands before Engine.IO: refuses upgrades and polling handshakes by an HTTP status, because clients retry those by
 * themselves, unlike a refused CONNECT.
 */
export class Handshakes {
  readonly #engine: EngineServer;
  readonly #options: HandshakeOptions;
  /** The oldest first. */
  readonly #pending = new Set<Pending>();

  constructor(engine: EngineServer, options: HandshakeOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /**
   * A transport connection was opened, which `close` cuts off. The function returned is called when it has sent CONNECT,
   * or closed.
   */
  opened(close: () => void): () => void {
    const pending = { openedAt: this.#options.now(), close };
    this.#pending.add(pending);
    return () => this.#pending.delete(pending);
  }

  /** Takes over the HTTP server's upgrades. */
  attach(server: HttpServer): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // A client that goes away in the middle of an upgrade must not bring down the server.
      const ignore = (): void => undefined;
      socket.on('error', ignore);
      const refusal = this.#isOurs(request) ? this.#check(request, 'websocket') : notFound(request);
      if (refusal) {
        this.#options.onRefused?.(refusal.code);
        refuseOn(socket, refusal);
        return;
      }
      socket.off('error', ignore);
      const listeners = socket.rawListeners('close').length;
      this.#engine.handleUpgrade(request, socket, head);
      dropResponse(socket, listeners);
    });
  }

  /** Serves long-polling requests of our path; false where the request is somebody else's. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (!this.#isOurs(request)) return false;
    const refusal = this.#check(request, 'polling');
    if (refusal) {
      this.#options.onRefused?.(refusal.code);
      answerEarly(request, response);
      refuse(response, refusal);
    } else {
      this.#engine.handleRequest(request, response);
    }
    return true;
  }

  #isOurs({ url = '' }: IncomingMessage): boolean {
    const path = url.split('?', 1)[0]!;
    return path === this.#options.path || path === `${this.#options.path}/`;
  }

  #check(request: IncomingMessage, transport: Transport): RequestError | undefined {
    const reason = foreignReason(request, this.#options.origins);
    if (reason !== undefined) return new RequestError('forbidden', reason);
    const [, search] = (request.url ?? '').split('?', 2);
    // Of what is given twice Engine.IO takes the last.
    const query = Object.fromEntries(new URLSearchParams(search));
    // A preflight opens nothing, whatever may follow it.
    if (request.method === 'OPTIONS' && this.#engine.opts.cors) return undefined;
    const refusal = this.#mistake(query, request, transport);
    // A request of a session that is open already is not looked at further.
    if (refusal || query['sid']) return refusal;
    return this.#options.refusal(request) ?? this.#makeRoom();
  }

  /** What Engine.IO would refuse in words of its own, some of it when the WebSocket is open. */
  #mistake(query: Query, { method }: IncomingMessage, transport: Transport): RequestError | undefined {
    const { transports } = this.#engine.opts;
    if (query['EIO'] !== '4') return mistake('EIO', 'must be 4');
    if (query['transport'] !== transport || !transports?.includes(transport)) {
      return mistake('transport', `must be ${transports?.join(' or ')}: websocket by an upgrade, polling without one`);
    }
    if (!query['sid']) return method === 'GET' ? undefined : mistake('method', 'must be GET');
    const sessions = sessionsOf(this.#engine);
    const session = Object.hasOwn(sessions, query['sid']) ? sessions[query['sid']] : undefined;
    // By an upgrade it goes on with a session that was opened by long-polling.
    return session?.transport.name === 'polling' ? undefined : mistake('sid', 'is no session that can be gone on with');
  }

  #makeRoom(): RequestError | undefined {
    const { maxPending, now } = this.#options;
    if (this.#pending.size < maxPending) return undefined;
    const [oldest] = this.#pending;
    if (!oldest || now() - oldest.openedAt <= fairShareMs) {
      return new RequestError('rate_limited', 'Too many handshakes are under way.', { retry_after_ms: 1000 });
    }
    this.#pending.delete(oldest);
    oldest.close();
    return undefined;
  }
}

/**
 * Engine.IO gives an upgrade a response, for middlewares, which waits for the socket to close, and holds the request for
 * as long. Nothing here uses it; the WebSocket's own listener is no `once`.
 */
function dropResponse(socket: Duplex, listenersBefore: number): void {
  for (const listener of socket.rawListeners('close').slice(listenersBefore)) {
    if ('listener' in listener) socket.off('close', listener as unknown as () => void);
  }
}

type Query = Readonly<Record<string, string>>;

function mistake(path: string, message: string): RequestError {
  return invalidPayload('That opens no connection.', { path, message });
}

/** Engine.IO's sessions, by their sid; it says by types only how many there are. */
function sessionsOf(engine: EngineServer): Readonly<Record<string, { readonly transport: { readonly name: string } }>> {
  return (engine as unknown as { clients: ReturnType<typeof sessionsOf> }).clients;
}

function notFound({ url = '' }: IncomingMessage): RequestError {
  return new RequestError('unknown_event', `There is no WebSocket at ${url.split('?', 1)[0]!.slice(0, 200)}.`);
}
