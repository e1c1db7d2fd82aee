import type { IncomingMessage, ServerResponse } from 'node:http';
import { limits } from '@threadwire/protocol';

/** How long a client may go on sending what nobody reads. */
const lingerMs = 2000;

/**
 * To be called before a request is answered of which not everything may have come. What is left of a body is thrown away; a
 * long one costs the connection, which is closed in two steps (RFC 9112, 9.6): closed at once, it would take the answer
 * away from a client that still sends.
 */
export function answerEarly(request: IncomingMessage, response: ServerResponse): void {
  const { headers, socket } = request;
  const bytes = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Infinity;
  if (request.complete || bytes === 0) return;
  if (bytes > limits.maxFrameBytes) response.setHeader('Connection', 'close');
  // What Node calls after the last answer.
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  };
}
