import type { Rooms } from '../../fanout/rooms.ts';
import type { OperatorSocket } from '../admin-namespace.ts';
import { ConnectionView } from './connection-view.ts';
import { root, supportedFeatures } from './inspector-protocol.ts';
import { StatsOfNode } from './stats-of-node.ts';
import type { ServerStatsPorts } from './stats-of-node.ts';

export interface InspectorPorts extends ServerStatsPorts {
  readonly rooms: Pick<Rooms, 'connections' | 'roomsOf'>;
  /** Whether an operator has not taken what was sent. */
  readonly isBehind: (socket: OperatorSocket) => boolean;
  /** Calls back after `delayMs`. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** An operator's page with the official UI. */
interface Page {
  /** It holds what the view holds. */
  isCurrent: boolean;
  /** When it was sent all sockets (ms). */
  snapshotAt: number;
}

/** What pages hold, while there are any. */
interface Watched {
  readonly view: ConnectionView;
  readonly stats: StatsOfNode;
}

const tickMs = 1000;
/** Each change is a task of its own for the page, that draws again. */
const maxChangesPerTick = 20;
/** A page takes so long over all sockets that they are sent no more often. */
const snapshotEveryMs = 5000;
const statsEveryTicks = 2;

/**
 * Shows pages of the official UI the connections of this node and their threads, in the UI's own protocol. It looks at
 * them once a second, and only while somebody watches: what clients do costs nothing for it.
 */
export class Inspector {
  readonly #ports: InspectorPorts;
  readonly #pages = new Map<OperatorSocket, Page>();
  #watched: Watched | undefined;
  #ticks = 0;

  constructor(ports: InspectorPorts) {
    this.#ports = ports;
  }

  /** Shows it to an operator who has connected, for as long as that lasts. */
  attend(socket: OperatorSocket): void {
    const { view, stats } = (this.#watched ??= this.#watch());
    // Others have to hold what it does, from one tick to the next.
    if (this.#pages.size === 0) view.advance(0, this.#ports.now());
    this.#pages.set(socket, { isCurrent: true, snapshotAt: this.#ports.now() });
    socket.on('disconnect', () => this.#pages.delete(socket));
    socket.emit('config', { supportedFeatures });
    socket.emit('server_stats', stats.current);
    // A page that has heard of no namespace would select none, for good, where there is no socket yet.
    socket.emit('socket_updated', { nsp: root, id: '' });
    socket.emit('all_sockets', view.snapshot);
  }

  #watch(): Watched {
    const { rooms, schedule } = this.#ports;
    const view = new ConnectionView(rooms);
    schedule(() => this.#tick(), tickMs);
    return { view, stats: new StatsOfNode(this.#ports) };
  }

  #tick(): void {
    if (this.#pages.size === 0 || !this.#watched) {
      this.#watched = undefined;
      return;
    }
    const { view, stats } = this.#watched;
    const { isBehind, now, schedule } = this.#ports;
    const changes = view.advance(maxChangesPerTick, now());
    for (const [socket, page] of this.#pages) {
      // What does not keep up is not sent more than it takes.
      if (!changes || isBehind(socket)) page.isCurrent = false;
    }
    const current = this.#pagesWhere(({ isCurrent }) => isCurrent);
    for (const [event, ...args] of changes ?? []) emitTo(current, event, ...args);
    const due = this.#pagesWhere(({ isCurrent, snapshotAt }) => !isCurrent && now() - snapshotAt >= snapshotEveryMs);
    const ready = due.filter((socket) => !isBehind(socket));
    for (const socket of ready) this.#pages.set(socket, { isCurrent: true, snapshotAt: now() });
    emitTo(ready, 'all_sockets', view.snapshot);
    this.#ticks += 1;
    if (this.#ticks % statsEveryTicks === 0) emitTo([...this.#pages.keys()], 'server_stats', stats.take());
    schedule(() => this.#tick(), tickMs);
  }

  #pagesWhere(isSo: (page: Page) => boolean): OperatorSocket[] {
    return [...this.#pages].filter(([, page]) => isSo(page)).map(([socket]) => socket);
  }
}

/** Sends an event to these; it is encoded once for all of them. */
function emitTo(sockets: readonly OperatorSocket[], event: string, ...args: readonly unknown[]): void {
  const [first] = sockets;
  first?.nsp.to(sockets.map(({ id }) => id)).emit(event, ...args);
}
