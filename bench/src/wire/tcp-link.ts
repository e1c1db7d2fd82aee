import { connect } from 'node:net';
import type { Socket } from 'node:net';

export interface TcpLinkOptions {
  readonly port: number;
  /** The first `length` bytes are what came; they are only lent. */
  readonly onBytes: (bytes: Buffer, length: number) => void;
  /** Called once where the connection ends and it was not we who closed it. */
  readonly onLost: (reason: string) => void;
}

/**
 * What every connection reads into. One is enough: libuv fills it and calls back before it reads from another
 * socket (so it does everywhere but on Windows), and nobody keeps bytes of it.
 */
const buffer = Buffer.allocUnsafeSlow(256 * 1024);

/** A TCP connection that reads without streams, which cost more than all else that a reader here does. */
export class TcpLink {
  readonly #socket: Socket;
  #isClosed = false;

  /** Open once the promise of {@link openTcp} has resolved. */
  constructor(options: TcpLinkOptions, onOpen: () => void) {
    const { port, onBytes, onLost } = options;
    let reason = 'the server closed the connection';
    const lose = (why: string) => {
      if (this.#isClosed) return;
      this.close();
      onLost(why);
    };
    const callback = (length: number): boolean => {
      try {
        if (!this.#isClosed) onBytes(buffer, length);
      } catch (error) {
        lose((error as Error).message);
      }
      return true;
    };
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread: { buffer, callback } });
    this.#socket.once('connect', onOpen);
    this.#socket.on('error', (error) => {
      reason = error.message;
    });
    this.#socket.on('close', () => lose(reason));
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** At once, by a reset: a port that lingers is one that the next round lacks. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.resetAndDestroy();
  }
}

/** Resolves when the connection is open; rejects where it is refused. */
export function openTcp(options: TcpLinkOptions): Promise<TcpLink> {
  return new Promise((resolve, reject) => {
    let isOpen = false;
    const onLost = (reason: string): void => {
      if (isOpen) options.onLost(reason);
      else reject(new Error(reason));
    };
    const link = new TcpLink({ ...options, onLost }, () => {
      isOpen = true;
      resolve(link);
    });
  });
}
