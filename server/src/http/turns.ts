import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Requests of one TCP connection that may wait for those before them. */
const maxWaiting = 10;

interface Line {
  readonly current: { readonly request: IncomingMessage; readonly response: ServerResponse };
  readonly waiting: (() => void)[];
}

/**
 * Has the requests of one TCP connection carried out one after the other, each when the answer before it has left: answers
 * that nobody reads do not pile up. A client that sends many more without waiting for answers loses its connection.
 */
export class Turns {
  readonly #lines = new WeakMap<Duplex, Line>();

  wrap(listener: RequestListener): RequestListener {
    return (request, response) => {
      const { socket } = request;
      const line = this.#lines.get(socket);
      if (!line) this.#begin([], listener, request, response);
      else if (line.waiting.length < maxWaiting) {
        line.waiting.push(() => this.#begin(line.waiting, listener, request, response));
      } else {
        line.waiting.length = 0;
        socket.destroy();
      }
    };
  }

  /** Whether an answer that is written to the socket now is the answer to what was sent last. */
  isFree(socket: Duplex): boolean {
    const line = this.#lines.get(socket);
    if (!line) return true;
    const { request, response } = line.current;
    return line.waiting.length === 0 && !request.complete && !response.headersSent;
  }

  #begin(
    waiting: Line['waiting'],
    listener: RequestListener,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const { socket } = request;
    this.#lines.set(socket, { current: { request, response }, waiting });
    response.once('close', () => {
      this.#lines.delete(socket);
      // After an answer that closes the connection there is none.
      if (socket.writable) waiting.shift()?.();
    });
    listener(request, response);
  }
}
