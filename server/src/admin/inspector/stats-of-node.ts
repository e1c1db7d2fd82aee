import { hostname } from 'node:os';
import type { Traffic } from '../../connection/traffic.ts';
import { root } from './inspector-protocol.ts';
import type { ServerStats, TrafficCount } from './inspector-protocol.ts';

export interface ServerStatsPorts {
  readonly serverId: string;
  /** The transport connections, those that poll, the clients that are let in, and the operators. */
  readonly counts: () => Readonly<Record<'connections' | 'polling' | 'clients' | 'operators', number>>;
  readonly traffic: Readonly<Traffic>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

type Counters = Readonly<Record<TrafficCount['type'], number>>;

/** What the official UI shows of this node, and draws of its traffic. */
export class StatsOfNode {
  readonly #ports: ServerStatsPorts;
  #told: Counters;

  /** Tells of the traffic from now on. */
  constructor(ports: ServerStatsPorts) {
    this.#ports = ports;
    this.#told = countersOf(ports.traffic);
  }

  /** How it does, for a page that has just been opened. */
  get current(): ServerStats {
    return this.#with([]);
  }

  /** How it does, with the traffic since it was last asked for: pages add that up. */
  take(): ServerStats {
    const { traffic, now } = this.#ports;
    const counters = countersOf(traffic);
    const timestamp = Math.floor(now() / 1000) * 1000;
    const counts = (Object.keys(counters) as TrafficCount['type'][]).map((type) => ({
      type,
      timestamp,
      count: counters[type] - this.#told[type],
    }));
    this.#told = counters;
    return this.#with(counts.filter(({ count }) => count > 0));
  }

  #with(aggregatedEvents: readonly TrafficCount[]): ServerStats {
    const { serverId, counts } = this.#ports;
    const { connections, polling, clients, operators } = counts();
    return {
      serverId,
      hostname: hostname(),
      pid: process.pid,
      uptime: Math.round(process.uptime()),
      clientsCount: connections,
      pollingClientsCount: polling,
      aggregatedEvents,
      namespaces: [
        { name: root, socketsCount: clients },
        { name: '/admin', socketsCount: operators },
      ],
    };
  }
}

function countersOf({ connections, disconnections, receivedBytes, sentBytes }: Traffic): Counters {
  return { rawConnection: connections, rawDisconnection: disconnections, bytesIn: receivedBytes, bytesOut: sentBytes };
}
