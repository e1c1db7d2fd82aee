import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorTable } from '@threadwire/protocol';
import type { RequestError } from '../request-error.ts';

/** Answers with an error object where express does not: by the status of its code, if no other is given. The connection closes. */
export function refuse(response: ServerResponse, error: RequestError, status?: number): void {
  const { code, headers, body } = refusalOf(error, status);
  response.writeHead(code, headers);
  response.end(body);
}

/** The same where there is no response to write it to: before an upgrade, and for what is no request. */
export function refuseOn(socket: Duplex, error: RequestError, status?: number): void {
  const { code, headers, body } = refusalOf(error, status);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${code} Refused`, ...lines, '', body].join('\r\n'));
}

function refusalOf(error: RequestError, status: number = errorTable[error.code].status) {
  const { retry_after_ms: retryAfterMs } = error.extras;
  const body = JSON.stringify({ error: error.toObject() });
  const headers: Record<string, string> = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    Connection: 'close',
    ...(retryAfterMs !== undefined && { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) }),
  };
  return { code: status, headers, body };
}
