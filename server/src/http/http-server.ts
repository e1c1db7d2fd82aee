import { IncomingMessage, createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { ErrorCode } from '@threadwire/protocol';
import { RequestError, invalidPayload } from '../request-error.ts';
import { answerEarly } from './early-answer.ts';
import { refuse, refuseOn } from './refusal.ts';
import { Turns } from './turns.ts';

const maxHeadersMs = 60_000;

/**
 * A request that asks for an upgrade to anything but WebSocket, as Java's HttpClient and `curl --http2` do each time, is
 * an ordinary request (RFC 9110, 7.8). Node asks `upgrade` when the headers have come.
 */
class Request extends IncomingMessage {
  declare private asksForUpgrade: boolean | null;

  get upgrade(): boolean {
    const isWebSocket = this.headers.upgrade?.toLowerCase() === 'websocket';
    return this.asksForUpgrade === true && (isWebSocket || this.method === 'CONNECT');
  }

  set upgrade(asked: boolean | null) {
    this.asksForUpgrade = asked;
  }
}

/**
 * Node's HTTP server, whose own refusals are error objects, and which carries out a connection's requests in turn.
 * `onRefused` is called with why one was refused before `listener` got it.
 */
export function createHttpServer(
  listener: RequestListener,
  onRefused: (code: ErrorCode) => void = () => undefined,
): Server {
  const turns = new Turns();
  // A streamed body may take hours; others are limited where they are read. Node would take that for headers, too.
  const timeouts = { requestTimeout: 0, headersTimeout: maxHeadersMs };
  const server = createServer({ IncomingMessage: Request, ...timeouts }, turns.wrap(listener));
  server.on(
    'checkExpectation',
    turns.wrap((request, response) => {
      const error = invalidPayload('The expectation cannot be met.', {
        path: 'Expect',
        message: 'must be 100-continue',
      });
      onRefused(error.code);
      answerEarly(request, response);
      refuse(response, error, 417);
    }),
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const refusal = refusalOf(error.code);
    if (!refusal || !socket.writable || !turns.isFree(socket)) {
      socket.destroy();
      return;
    }
    // Who broke off was told nothing.
    if (error.code !== 'HPE_INVALID_EOF_STATE') onRefused(refusal[0].code);
    refuseOn(socket, ...refusal);
    // A client that does not close too must not keep it.
    socket.once('finish', () => socket.destroy());
  });
  return server;
}

/** What to say of a fault that Node found, and by which status; undefined where it was the connection that broke. */
function refusalOf(code = ''): [RequestError, status: number] | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') return [new RequestError('payload_too_large', 'The headers are too large.'), 431];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [malformed('did not come in time'), 408];
  return code.startsWith('HPE_') ? [malformed('is not HTTP'), 400] : undefined;
}

function malformed(what: string): RequestError {
  return invalidPayload(`The request ${what}.`, { path: '', message: what });
}
