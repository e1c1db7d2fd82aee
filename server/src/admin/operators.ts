import type { IncomingMessage } from 'node:http';
import type { Server as EngineServer, Socket as EngineSocket } from 'engine.io';
import type { Router } from 'express';
import { flowOf } from '../connection/flow.ts';
import type { Traffic } from '../connection/traffic.ts';
import type { ThreadIo } from '../fanout/rooms.ts';
import type { ClientAddress } from '../http/client-address.ts';
import type { OriginRules } from '../http/origin-guard.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Services } from '../services.ts';
import { Audit } from './audit.ts';
import { AdminNamespace } from './admin-namespace.ts';
import type { OperatorSocket } from './admin-namespace.ts';
import { createAdminRoutes } from './admin-routes.ts';
import { LoginLimits } from './login-limits.ts';
import { Console } from './console/console.ts';
import { consoleHandlers } from './console/console-handlers.ts';
import type { NodeActivity } from './console/node-activity.ts';
import type { StreamLines } from './console/stream-lines.ts';
import { InspectorActions } from './inspector/inspector-actions.ts';
import { Inspector } from './inspector/inspector.ts';
import type { Revocations } from './revocations.ts';
import { OperatorAccount } from './operator-account.ts';
import type { OperatorOptions } from './operator-account.ts';
import { tokenOf } from './session-cookie.ts';
import { Sessions } from './sessions.ts';
import { TurnedAway } from './turned-away.ts';

export interface OperatorsOptions {
  readonly services: Services;
  readonly io: ThreadIo;
  readonly engine: EngineServer;
  readonly origins: OriginRules;
  readonly addressOf: ClientAddress;
  /** Who may log in; nobody where it is absent. */
  readonly operator?: OperatorOptions | undefined;
  /** The built pages of operators. */
  readonly pagesDir?: string | undefined;
  readonly lifecycle: Lifecycle;
  readonly serverId: string;
  readonly activity: NodeActivity;
  readonly streams: StreamLines;
  readonly revocations: Revocations;
  readonly traffic: Traffic;
  /** Drains this node, and has its process end. */
  readonly drain: () => void;
  /** A clock (ms) that nobody sets. */
  readonly steadyNow: () => number;
  /** Calls back after `delayMs`. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** All that operators have: their login, their pages, their namespace, and the log of what they did. */
export interface Operators {
  readonly routes: Router;
  /** Whether a request comes with the cookie of a session. */
  knows(request: IncomingMessage): boolean;
  /** Their connections are closed, and what is to be stored of their log is. */
  close(): Promise<void>;
}

/** Wires up what operators have. The namespace `/admin` is there from now on, and lets in who is logged in. */
export function createOperators(options: OperatorsOptions): Operators {
  const { services, io, engine, origins, operator, pagesDir, schedule } = options;
  const { store, logger, now, newId } = services;
  const audit = new Audit({ store, logger, newId, now, schedule });
  const sessions = new Sessions(now, (session) => namespace.end(session));
  const handlers = consoleHandlers({
    services,
    lifecycle: options.lifecycle,
    activity: options.activity,
    streams: options.streams,
    audit,
    revocations: options.revocations,
    serverId: options.serverId,
    drain: options.drain,
  });
  const mayAct = ({ data }: OperatorSocket): boolean => sessions.holds(data.session);
  const console = new Console({ handlers, audit, logger, now, mayAct });
  const inspector = new Inspector({
    rooms: services.rooms,
    serverId: options.serverId,
    counts: () => ({
      ...countTransports(engine),
      clients: services.rooms.connections.size,
      operators: io.of('/admin').sockets.size,
    }),
    traffic: options.traffic,
    isBehind: ({ conn }) => flowOf(conn).isBehind,
    now,
    schedule,
  });
  const inspectorActions = new InspectorActions({ services, audit, mayAct });
  const namespace = new AdminNamespace({
    io,
    engine,
    sessions,
    origins,
    schedule,
    attend: (socket) => {
      console.attend(socket);
      // The console asks for what it shows; the official UI is told.
      if (isConsolePage(socket)) return;
      inspector.attend(socket);
      inspectorActions.attend(socket);
    },
  });
  const account = operator && new OperatorAccount(operator);
  const turnedAway = new TurnedAway({ audit, schedule });
  const routes = createAdminRoutes({
    account,
    limits: new LoginLimits(options.steadyNow),
    turnedAway,
    sessions,
    audit,
    origins,
    addressOf: options.addressOf,
    pagesDir,
  });
  return {
    routes,
    knows: (request) => sessions.find(tokenOf(request)) !== undefined,
    close: async () => {
      namespace.close();
      await account?.close();
      turnedAway.note();
      await audit.flush();
    },
  };
}

/** The console's page says that it is one when it connects. */
function isConsolePage({ handshake }: OperatorSocket): boolean {
  return (handshake.auth as { readonly page?: unknown } | null)?.page === 'console';
}

function countTransports(engine: EngineServer): { readonly connections: number; readonly polling: number } {
  // Engine.IO says by types only how many there are.
  const { clients } = engine as unknown as { readonly clients: Readonly<Record<string, EngineSocket>> };
  let polling = 0;
  for (const { transport } of Object.values(clients)) if (transport.name === 'polling') polling += 1;
  return { connections: engine.clientsCount, polling };
}
