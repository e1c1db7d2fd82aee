import { createHash } from 'node:crypto';
import { Manager } from 'socket.io-client';
import type { Socket } from 'socket.io-client';
import { within } from './eventually.ts';
import type { Way } from './fanout-program.ts';
import { newSignal } from './signal.ts';
import type { Signal } from './signal.ts';

/** The namespaces that every client is in. */
export const namespaces = ['/', '/second'] as const;

/** A client of a program that runs: a stock one, which notes what it gets, and acknowledges it. */
export class FanoutClient {
  readonly index: number;
  /** In all namespaces, in order. */
  readonly received: string[] = [];
  readonly #manager: Manager;
  readonly #sockets: readonly Socket[];
  readonly #ends = new Map<Socket, Signal>();

  constructor(url: string, way: Way, index: number) {
    this.index = index;
    this.#manager = new Manager(url, {
      transports: way === 'upgrade' ? ['polling', 'websocket'] : [way],
      reconnection: false,
      query: { index: String(index) },
    });
    this.#sockets = namespaces.map((namespace) => this.#open(namespace));
  }

  /** Resolves when all its sockets are connected. */
  async connected(): Promise<void> {
    const connects = this.#sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once('connect', resolve);
        }),
    );
    await within(`client ${this.index} is connected`, Promise.all(connects));
  }

  /** Resolves when each of its sockets got the event `end`, or was disconnected. */
  async ended(): Promise<void> {
    const ends = [...this.#ends.values()].map(({ promise }) => promise);
    await within(`the end of client ${this.index}`, Promise.all(ends));
  }

  ask(second: boolean, id: number): void {
    const socket = this.#sockets[Number(second)]!;
    socket.emit('ask', (answer: unknown) => this.#note(socket, `answer to ${id}`, answer));
  }

  close(): void {
    for (const socket of this.#sockets) socket.disconnect();
  }

  #open(namespace: string): Socket {
    const socket = this.#manager.socket(namespace, { auth: { index: this.index } });
    const end = newSignal();
    this.#ends.set(socket, end);
    socket.onAny((event: string, ...args: unknown[]) => {
      const last = args.at(-1);
      if (typeof last === 'function') (last as (answer: number) => void)(this.index);
      if (event === 'end') end.resolve();
      else this.#note(socket, event, ...args.filter((arg) => typeof arg !== 'function'));
    });
    socket.on('disconnect', (reason) => {
      this.#note(socket, 'disconnected', reason);
      end.resolve();
    });
    return socket;
  }

  #note(socket: Socket, ...what: readonly unknown[]): void {
    this.received.push(`${namespaces[this.#sockets.indexOf(socket)]} ${shown(what)}`);
  }
}

/** In short, but different for what is different. */
export function shown(what: readonly unknown[]): string {
  return JSON.stringify(what, function replace(this: Readonly<Record<string, unknown>>, key, value: unknown) {
    // A Buffer is asked for its JSON before this.
    const given = this[key];
    if (given instanceof Uint8Array) return `<${given.length} bytes ${digest(given)}>`;
    return typeof value === 'string' && value.length > 40 ? `${value.length} ${digest(value)}` : value;
  });
}

function digest(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('base64').slice(0, 12);
}
