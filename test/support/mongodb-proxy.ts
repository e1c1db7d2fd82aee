import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import mongoose from 'mongoose';

const opMsg = 2013;
const headerBytes = 16;

/** A command as the driver sent it; documents that go beside it are left out. */
export type Command = Record<string, unknown>;

/** What becomes of a command: passed on; not sent; or sent, but its answer never comes back. */
export type Fate = 'pass' | 'cut-before' | 'cut-after';

/** Stands between a driver and a MongoDB server, sees every command, and cuts the line where a test wants it to. */
export class MongodbProxy implements AsyncDisposable {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #rest: { readonly credentials: string; readonly path: string; readonly query: string };
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** Decides about each command, in order; what comes on the same line meanwhile waits. */
  decide: (command: Command) => Fate | Promise<Fate> = () => 'pass';
  #isAway = false;

  private constructor(uri: string) {
    const parts = /^mongodb:\/\/([^/@]*@)?([^/:,?]+)(?::(\d+))?[^/?]*([^?]*)\??(.*)$/.exec(uri);
    if (!parts) throw new Error('No proxy can stand before this kind of URI.');
    const [, credentials = '', host = '', port = '27017', path = '', query = ''] = parts;
    this.#target = { host, port: Number(port) };
    this.#rest = { credentials, path, query };
    this.#server = createServer((client) => this.#connect(client));
  }

  /** In front of the first server of this URI, which has to be the primary. */
  static async start(uri: string): Promise<MongodbProxy> {
    const proxy = new MongodbProxy(uri);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The same database through the proxy. Direct, because a replica set's members would name themselves. */
  get uri(): string {
    const { port } = this.#server.address() as AddressInfo;
    const { credentials, path, query } = this.#rest;
    const options = new URLSearchParams(query);
    options.set('directConnection', 'true');
    return `mongodb://${credentials}127.0.0.1:${port}${path}?${options.toString()}`;
  }

  /** While true nothing gets through, and what is connected is cut off. */
  set isAway(isAway: boolean) {
    this.#isAway = isAway;
    if (isAway) this.#cutAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cutAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #connect(client: Socket): void {
    if (this.#isAway) {
      client.destroy();
      return;
    }
    const upstream = connect(this.#target);
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        cut();
      });
    }
    let isCutAtAnswer = false;
    upstream.on('data', (data) => {
      if (isCutAtAnswer) cut();
      else client.write(data);
    });
    const pass = async (message: Buffer): Promise<void> => {
      const command = readCommand(message);
      const fate = command ? await this.decide(command) : 'pass';
      if (fate === 'cut-before') cut();
      isCutAtAnswer = fate === 'cut-after';
      if (!upstream.destroyed) upstream.write(message);
    };
    let passed = Promise.resolve();
    let rest = Buffer.alloc(0);
    client.on('data', (data) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= headerBytes && rest.length >= rest.readInt32LE(0)) {
        const message = rest.subarray(0, rest.readInt32LE(0));
        rest = rest.subarray(message.length);
        passed = passed.then(() => pass(message));
      }
    });
  }
}

/** The command document of a message, which is its section of kind 0. */
function readCommand(message: Buffer): Command | undefined {
  if (message.readInt32LE(12) !== opMsg) return undefined;
  for (let at = headerBytes + 4; at < message.length;) {
    const kind = message[at]!;
    const length = message.readInt32LE(at + 1);
    if (kind === 0) return mongoose.mongo.BSON.deserialize(message.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return undefined;
}
