import { createServer, connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { FaultyPipe, Flow } from './faulty-pipe.ts';
import type { CutKind } from './faulty-pipe.ts';

export type { CutKind, Flow } from './faulty-pipe.ts';

export interface ProxyStats {
  /** Connections that were let in, and those of them that are still open. */
  readonly accepted: number;
  readonly open: number;
  /** Connections that the proxy itself broke. */
  readonly cut: number;
}

interface Link {
  readonly client: Socket;
  readonly target: Socket;
  readonly pipes: readonly FaultyPipe[];
}

/** A TCP proxy that does to connections what networks do to them. Both directions start out faithful. */
export class FaultProxy implements AsyncDisposable {
  /** From clients to the target. */
  readonly up: Flow = new Flow();
  /** From the target to clients. */
  readonly down: Flow = new Flow();
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #port = 0;
  #accepted = 0;
  #cut = 0;

  constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get stats(): ProxyStats {
    return { accepted: this.#accepted, open: this.#links.size, cut: this.#cut };
  }

  /** Lets new connections in, at the same port as before. */
  async accept(): Promise<void> {
    if (this.#server) return;
    // Half-open: one side's FIN is passed on, and the other side may still send.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#open(client));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Nobody listens any more: new connections are refused by the system. Those that are open stay. */
  refuse(): Promise<void> {
    // `close` calls back only when the last connection is gone, but stops listening at once.
    this.#server?.close();
    this.#server = undefined;
    return Promise.resolve();
  }

  /** Breaks every connection on both sides, and gives how many. `fin` is an orderly end, `rst` an abort. */
  cut(kind: CutKind): number {
    const links = [...this.#links];
    for (const link of links) this.#cutLink(link, kind);
    return links.length;
  }

  /** Makes both directions faithful again and lets connections in; what was swallowed stays lost. */
  async heal(): Promise<void> {
    this.up.heal();
    this.down.heal();
    await this.accept();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
    const closed = [...this.#links].flatMap(({ client, target }) => [client, target]).map(whenClosed);
    this.cut('rst');
    await Promise.all(closed);
  }

  #open(client: Socket): void {
    this.#accepted += 1;
    const target = connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const cut = (kind: CutKind) => this.#cutLink(link, kind);
    const pipes = [new FaultyPipe(client, target, this.up, cut), new FaultyPipe(target, client, this.down, cut)];
    const link: Link = { client, target, pipes };
    this.#links.add(link);
    const ends = [
      { socket: client, other: target, flow: this.up },
      { socket: target, other: client, flow: this.down },
    ];
    for (const { socket, other, flow } of ends) {
      socket.on('error', () => {
        // A reset, or that nobody listens, is passed on like bytes are.
        if (!flow.blackHole) abort(other);
      });
      socket.once('close', () => {
        for (const pipe of pipes) pipe.wake();
        if (other.destroyed) this.#links.delete(link);
      });
    }
  }

  #cutLink(link: Link, kind: CutKind): void {
    if (!this.#links.has(link)) return;
    this.#cut += 1;
    for (const pipe of link.pipes) pipe.stop();
    for (const socket of [link.client, link.target]) {
      if (kind === 'rst') abort(socket);
      else end(socket);
    }
  }
}

/** Sends a reset and nothing else: `resetAndDestroy` alone sends a FIN first, which the peer may see as an orderly end. */
function abort(socket: Socket): void {
  if (socket.destroyed) return;
  if (socket.connecting) {
    socket.once('connect', () => abort(socket));
    return;
  }
  // While a FIN is on its way the system refuses to reset.
  if (!socket.writableEnded) {
    (socket as { writable: boolean }).writable = false;
    socket.resetAndDestroy();
  }
  socket.destroy();
}

/** Sends what was written and a FIN, and waits for the peer's: closing with unread bytes would send a reset. */
function end(socket: Socket): void {
  socket.end();
  if (socket.readableEnded) socket.destroySoon();
  else socket.once('end', () => socket.destroySoon());
}

function whenClosed(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}

/** Starts a proxy on a free port of 127.0.0.1; disposing aborts its connections. */
export async function startFaultProxy(target: { port: number; host?: string }): Promise<FaultProxy> {
  const proxy = new FaultProxy({ host: '127.0.0.1', ...target });
  await proxy.accept();
  return proxy;
}
