import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorTable } from '@threadwire/protocol';
import type { Server as EngineServer } from 'engine.io';
import { foreignReason } from '../http/origin-guard.ts';
import type { OriginRules } from '../http/origin-guard.ts';
import { RequestError, invalidPayload } from '../request-error.ts';

export interface HandshakeOptions {
  readonly path: string;
  readonly origins: OriginRules;
  /** Connections that may be open without having sent CONNECT yet. */
  readonly maxPending: number;
  /** Why no new connection is taken now, or undefined. */
  readonly refusal: () => RequestError | undefined;
}

/**
 * Stands before Engine.IO: refuses upgrades and polling handshakes by an HTTP status, because clients retry those by
 * themselves, unlike a refused CONNECT.
 */
export class Handshakes {
  readonly #engine: EngineServer;
  readonly #options: HandshakeOptions;
  #pending = 0;

  constructor(engine: EngineServer, options: HandshakeOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** A transport connection was opened; the function returned is called when it has sent CONNECT, or closed. */
  opened(): () => void {
    this.#pending++;
    let isOver = false;
    return () => {
      if (!isOver) this.#pending--;
      isOver = true;
    };
  }

  /** Takes over the HTTP server's upgrades. */
  attach(server: HttpServer): void {
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      // A client that goes away in the middle of an upgrade must not bring down the server.
      const ignore = (): void => undefined;
      socket.on('error', ignore);
      const refusal = this.#isOurs(request) ? (this.#check(request) ?? this.#withoutWebSocket()) : notFound(request);
      if (refusal) {
        writeRefusal(socket, refusal);
        return;
      }
      socket.off('error', ignore);
      this.#engine.handleUpgrade(request, socket, head);
    });
  }

  /** Serves long-polling requests of our path; false where the request is somebody else's. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    if (!this.#isOurs(request)) return false;
    const refusal = this.#check(request);
    if (refusal) {
      response.writeHead(statusOf(refusal), headersOf(refusal));
      response.end(bodyOf(refusal));
    } else {
      this.#engine.handleRequest(request, response);
    }
    return true;
  }

  /** Engine.IO would throw where it was started without this transport. */
  #withoutWebSocket(): RequestError | undefined {
    if (this.#engine.opts.transports?.includes('websocket')) return undefined;
    return invalidPayload('This server opens no WebSockets.', { path: 'transport', message: 'must be polling' });
  }

  #isOurs({ url = '' }: IncomingMessage): boolean {
    const path = url.split('?', 1)[0]!;
    return path === this.#options.path || path === `${this.#options.path}/`;
  }

  #check(request: IncomingMessage): RequestError | undefined {
    const reason = foreignReason(request, this.#options.origins);
    if (reason !== undefined) return new RequestError('forbidden', reason);
    const url = request.url ?? '';
    if (!URL.canParse(url, 'http://localhost'))
      return invalidPayload('The URL is not valid.', { path: 'url', message: 'is not a URL' });
    // A request of a session that is open already; Engine.IO knows it, by the last sid that is given.
    if (new URL(url, 'http://localhost').searchParams.getAll('sid').at(-1)) return undefined;
    if (this.#pending >= this.#options.maxPending) {
      return new RequestError('rate_limited', 'Too many handshakes are under way.', { retry_after_ms: 1000 });
    }
    return this.#options.refusal();
  }
}

function notFound({ url = '' }: IncomingMessage): RequestError {
  return new RequestError('unknown_event', `There is no WebSocket at ${url.split('?', 1)[0]!.slice(0, 200)}.`);
}

function statusOf({ code }: RequestError): number {
  return errorTable[code].status;
}

function bodyOf(refusal: RequestError): string {
  return JSON.stringify({ error: refusal.toObject() });
}

function headersOf(refusal: RequestError): Record<string, string> {
  const { retry_after_ms: retryAfterMs } = refusal.extras;
  return {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(bodyOf(refusal))),
    Connection: 'close',
    ...(retryAfterMs !== undefined && { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) }),
  };
}

function writeRefusal(socket: Duplex, refusal: RequestError): void {
  const lines = Object.entries(headersOf(refusal)).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${statusOf(refusal)} Refused`, ...lines, '', bodyOf(refusal)].join('\r\n'));
}
