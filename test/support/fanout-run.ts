import { stat } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { Namespace, Server, Socket } from 'socket.io';
import { PacketType } from 'socket.io-parser';
import { within } from './eventually.ts';
import { FanoutClient, namespaces, shown } from './fanout-client.ts';
import type { Command, Content, Program, Room, Selection, SocketRef } from './fanout-program.ts';
import { turn } from './manual-clock.ts';
import { newSignal } from './signal.ts';
import type { Signal } from './signal.ts';
import { startSocketIo } from './socket-io-server.ts';
import type { SocketIoKind } from './socket-io-server.ts';

/** What came of a program. */
export interface Outcome {
  /** What each client was given, in order. */
  readonly received: readonly (readonly string[])[];
  /** What the server was told of rooms and found in them, command by command. */
  readonly observed: readonly string[];
  /** What the listener of outgoing events of each socket was called with. */
  readonly outgoing: Readonly<Record<string, readonly string[]>>;
  /** Which clients acknowledged which events. */
  readonly acknowledged: readonly string[];
}

export interface RunOptions {
  /** Sends volatile events as if they were none. */
  readonly dropsNothing?: boolean;
}

/** Runs a program on a server of that kind. */
export async function outcomeOf(kind: SocketIoKind, program: Program, options: RunOptions = {}): Promise<Outcome> {
  const upgrades = program.ways.map(() => newSignal());
  await using server = await startSocketIo(kind, {
    perMessageDeflate: program.perMessageDeflate,
    beforeUpgrade: (request) => upgrades[indexIn(request)]!.promise,
  });
  const run = new Run(server.io, upgrades, options);
  const clients = program.ways.map((way, index) => new FanoutClient(server.url, way, index));
  try {
    await Promise.all(clients.map((client) => client.connected()));
    run.start(clients);
    for (const command of program.commands) {
      if (ends.has(command.do)) await run.quiet();
      const under = run.do(command);
      // What does not wait for anything stays in this turn.
      if (under) await under;
    }
    return await run.end();
  } finally {
    for (const client of clients) client.close();
    for (const upgrade of upgrades) upgrade.resolve();
    await within('all clients have left', server.left());
  }
}

/** Of what a client received, whether it might have been dropped. */
export function isVolatile(received: string): boolean {
  return received.includes(' ["volatile ');
}

/** What ends connections. */
const ends = new Set<Command['do']>(['disconnect', 'disconnect sockets', 'close']);

/** Which client it is that asks for an upgrade. */
function indexIn({ url }: IncomingMessage): number {
  return Number(new URL(url!, 'http://localhost').searchParams.get('index'));
}

/** A program under way. */
class Run {
  readonly #upgrades: readonly Signal[];
  readonly #dropsNothing: boolean;
  readonly #namespaces: readonly Namespace[];
  /** By namespace and client. */
  readonly #sockets = new Map<string, Socket>();
  readonly #nameById = new Map<string, string>();
  readonly #observed: string[] = [];
  readonly #outgoing: Record<string, string[]> = {};
  readonly #acknowledged: string[] = [];
  readonly #answers: ((answer: unknown) => void)[] = [];
  #clients: readonly FanoutClient[] = [];
  #asked = newSignal();
  #quiet = newSignal();
  #unacknowledged = 0;
  #done = 0;
  #sent = 0;

  constructor(io: Server, upgrades: readonly Signal[], { dropsNothing = false }: RunOptions) {
    this.#upgrades = upgrades;
    this.#dropsNothing = dropsNothing;
    this.#namespaces = namespaces.map((namespace) => io.of(namespace));
    for (const namespace of this.#namespaces) namespace.on('connection', (socket) => this.#enter(namespace, socket));
  }

  /** All clients are connected. */
  start(clients: readonly FanoutClient[]): void {
    this.#clients = clients;
    for (const namespace of this.#namespaces) {
      for (const event of ['create-room', 'join-room', 'leave-room', 'delete-room']) {
        namespace.adapter.on(event, (...args: string[]) => this.#observe(namespace, event, ...args));
      }
    }
  }

  /**
   * Resolves when all events are acknowledged that are to be: Socket.IO closes the connection of a client that sends
   * something to a namespace which it has been disconnected from.
   */
  async quiet(): Promise<void> {
    if (this.#unacknowledged === 0) return;
    this.#quiet = newSignal();
    await within('all clients acknowledge', this.#quiet.promise);
  }

  /** Does one thing, at once but where something is to be waited for. */
  do(command: Command): Promise<unknown> | void {
    this.#done += 1;
    switch (command.do) {
      case 'join':
        void this.#socket(command.socket).join([...command.rooms]);
        return;
      case 'leave':
        void this.#socket(command.socket).leave(command.room);
        return;
      case 'leave all': {
        const { id, nsp } = this.#socket(command.socket);
        nsp.adapter.delAll(id);
        return;
      }
      case 'broadcast':
        this.#emit(this.#select(command), command);
        return;
      case 'broadcast with ack':
        this.#broadcastWithAck(this.#namespaces[Number(command.second)]!, command.to, command.content);
        return;
      case 'broadcast of a socket': {
        const { content, to } = command;
        this.#emit(this.#socket(command.socket).to([...to]), { content, volatile: false });
        return;
      }
      case 'emit':
        this.#emit(this.#socket(command.socket), command);
        return;
      case 'ask':
        return this.#ask(command.socket);
      case 'answer':
        this.#answers.shift()?.(argsOf(command.content));
        return;
      case 'disconnect':
        this.#socket(command.socket).disconnect(command.close);
        return;
      case 'close':
        return this.#close(command.client % this.#clients.length);
      case 'disconnect sockets':
        this.#select(command).disconnectSockets(command.close);
        return;
      case 'sockets join':
        this.#select(command).socketsJoin(command.room);
        return;
      case 'sockets leave':
        this.#select(command).socketsLeave(command.room);
        return;
      case 'fetch sockets':
        return this.#fetch(command);
      case 'upgrade':
        this.#upgrades[command.client % this.#upgrades.length]!.resolve();
        return;
      case 'yield':
        return turns[command.until]();
    }
  }

  /** What came of it, when all of it has come. */
  async end(): Promise<Outcome> {
    this.#done += 1;
    for (const namespace of this.#namespaces) {
      for (const [room, ids] of namespace.adapter.rooms) this.#observe(namespace, 'has', room, ...ids);
      for (const [id, names] of namespace.adapter.sids) this.#observe(namespace, 'has', id, ...names);
    }
    for (const socket of this.#sockets.values()) if (socket.connected) socket.emit('end');
    await Promise.all(this.#clients.map((client) => client.ended()));
    await this.quiet();
    return {
      received: this.#clients.map(({ received }) => [...received]),
      // All clients connected at once: who of them is first in a room is not the same each time.
      observed: this.#observed.toSorted(),
      outgoing: Object.fromEntries(
        Object.entries(this.#outgoing).map(([name, events]) => [name, events.toSorted()] as const),
      ),
      acknowledged: this.#acknowledged.toSorted(),
    };
  }

  #enter(namespace: Namespace, socket: Socket): void {
    const name = `${namespace.name} ${(socket.handshake.auth as { readonly index: number }).index}`;
    this.#sockets.set(name, socket);
    this.#nameById.set(socket.id, name);
    socket.onAnyOutgoing((event: string, ...args: unknown[]) => {
      if (event !== 'end') (this.#outgoing[name] ??= []).push(shown([event, ...args]));
    });
    socket.on('ask', (answer: (answer: unknown) => void) => {
      this.#answers.push(answer);
      this.#asked.resolve();
    });
  }

  #emit(
    to: ReturnType<Namespace['in']> | Socket,
    { content, volatile }: { readonly content: Content; readonly volatile: boolean },
  ): void {
    const name = this.#name(volatile ? 'volatile' : 'event');
    (volatile && !this.#dropsNothing ? to.volatile : to).emit(name, ...argsOf(content));
  }

  /** As `emitWithAck()` does, without its timer. */
  #broadcastWithAck(namespace: Namespace, to: Room, content: Content): void {
    const name = this.#name('event');
    namespace.adapter.broadcastWithAck(
      { type: PacketType.EVENT, data: [name, ...argsOf(content)] },
      { rooms: new Set([to]), except: new Set() },
      (count) => {
        this.#observe(namespace, name, `for ${count}`);
        this.#unacknowledged += count;
      },
      (client: number) => {
        this.#acknowledged.push(`${name} by ${client}`);
        this.#unacknowledged -= 1;
        if (this.#unacknowledged === 0) this.#quiet.resolve();
      },
    );
  }

  /** Resolves when the request is with the server. */
  async #ask(of: SocketRef): Promise<void> {
    if (!this.#socket(of).connected) return;
    this.#asked = newSignal();
    this.#clients[of.client % this.#clients.length]!.ask(of.second, this.#sent++);
    await within('the request reaches the server', this.#asked.promise);
  }

  /** Ends a transport connection, and resolves when the server knows that it has ended. */
  async #close(client: number): Promise<void> {
    const sockets = namespaces.map((namespace) => this.#sockets.get(`${namespace} ${client}`)!);
    const connected = sockets.filter((socket) => socket.connected);
    const closes = connected.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once('disconnect', () => resolve());
        }),
    );
    connected[0]?.conn.close();
    await within(`the connection of client ${client} is closed`, Promise.all(closes));
  }

  async #fetch(selection: Selection): Promise<void> {
    const sockets = await this.#select(selection).fetchSockets();
    const namespace = this.#namespaces[Number(selection.second)]!;
    for (const { id, rooms } of sockets) this.#observe(namespace, 'fetches', id, ...rooms);
  }

  #socket({ client, second }: SocketRef): Socket {
    return this.#sockets.get(`${namespaces[Number(second)]} ${client % this.#clients.length}`)!;
  }

  #select({ second, to, except }: Selection): ReturnType<Namespace['in']> {
    return this.#namespaces[Number(second)]!.in([...to]).except([...except]);
  }

  /** Of an event, different for each. */
  #name(kind: 'event' | 'volatile'): string {
    return `${kind} ${this.#sent++}`;
  }

  #observe({ name }: Namespace, event: string, ...names: readonly string[]): void {
    const shown = names.map((one) => this.#nameById.get(one) ?? one).toSorted();
    this.#observed.push(`${this.#done}: ${name} ${event} ${shown.join(', ')}`);
  }
}

const turns = {
  promise: () => Promise.resolve(),
  tick: () =>
    new Promise<void>((resolve) => {
      process.nextTick(resolve);
    }),
  immediate: turn,
  io: () => stat('.'),
} satisfies Record<string, () => Promise<unknown>>;

function argsOf({ unit, length, bytes }: Content): unknown[] {
  const text = unit.repeat(length);
  return bytes === undefined ? [text] : [text, { bytes: [Buffer.alloc(bytes, `${length}`)] }, Buffer.from(text)];
}
