import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ThreadwireOptions } from '../servers/threadwire.ts';
import { centrifugoWire } from '../wire/centrifugo.ts';
import { mqttWire } from '../wire/mqtt.ts';
import { rawWire } from '../wire/raw-ws.ts';
import { OperatorPages } from '../wire/operator-pages.ts';
import { socketIoWire } from '../wire/socket-io.ts';
import { threadSocketsWire } from '../wire/thread-sockets.ts';
import type { Wire } from '../wire/wire.ts';
import type { Cores } from './cores.ts';
import { findProgram, freePort, startForeign } from './foreign-process.ts';
import { startProgram } from './server-process.ts';
import type { Program, Server } from './server-process.ts';
import { makeTempDir } from './temp-dir.ts';

/** What a scenario may say about a server; those that keep nothing do without. */
export interface StartOptions extends Omit<ThreadwireOptions, 'dataDir'> {
  /** A directory that is kept; without it there is an empty one that goes with the server. */
  readonly dataDir?: string;
  readonly nodeArguments?: readonly string[];
}

/** A server to measure, and how to talk to it. */
export interface Opponent {
  readonly name: string;
  /** As it is called in tables and pictures. */
  readonly title: string;
  readonly wire: Wire;
  start(cores: Cores | undefined, options?: StartOptions): Promise<Server>;
  /** Who else is there while it is measured. */
  company?(port: number): Promise<AsyncDisposable>;
}

/** The server with a directory of its own, which goes with it. */
async function startWithDir(
  program: Program,
  cores: Cores | undefined,
  { dataDir, nodeArguments, ...options }: StartOptions = {},
): Promise<Server> {
  const launch = { cores, nodeArguments };
  if (dataDir !== undefined) return startProgram(program, { ...options, dataDir }, launch);
  const directory = await makeTempDir();
  const server = await startProgram(program, { ...options, dataDir: directory.path }, launch);
  return {
    port: server.port,
    sample: (asked) => server.sample(asked),
    watchLoop: () => server.watchLoop(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

export const threadwire: Opponent = {
  name: 'threadwire',
  title: 'Threadwire',
  wire: socketIoWire,
  start: (cores, options) => startWithDir('threadwire', cores, options),
};

const operatorPassword = 'bench';

/** With an operator's account. */
export const operatedThreadwire: Opponent = {
  ...threadwire,
  start: (cores, options) => startWithDir('threadwire', cores, { ...options, operatorPassword }),
};

/** With an operator who has both pages open. */
export const watchedThreadwire: Opponent = {
  ...operatedThreadwire,
  name: 'watched-threadwire',
  title: 'Threadwire, watched',
  company: (port) => OperatorPages.open(port, operatorPassword),
};

export const bareSocketIo: Opponent = {
  name: 'socket.io',
  title: 'bare Socket.IO',
  wire: socketIoWire,
  start: (cores, { nodeArguments } = {}) => startProgram('socket-io', {}, { cores, nodeArguments }),
};

export const oneFsync: Opponent = {
  name: 'one-fsync',
  title: 'one fsync per message',
  wire: socketIoWire,
  start: (cores, options) => startWithDir('one-fsync', cores, options),
};

export const rawWs: Opponent = {
  name: 'raw-ws',
  title: 'raw ws, one frame',
  wire: rawWire,
  start: (cores, { nodeArguments } = {}) => startProgram('raw-ws', {}, { cores, nodeArguments }),
};

export const threadSockets: Opponent = {
  name: 'thread-sockets',
  title: 'a WebSocket per thread',
  wire: threadSocketsWire,
  start: (cores, { nodeArguments } = {}) => startProgram('thread-sockets', {}, { cores, nodeArguments }),
};

const centrifugo: Opponent = {
  name: 'centrifugo',
  title: 'Centrifugo',
  wire: centrifugoWire,
  async start(cores) {
    const port = await freePort();
    const env = {
      CENTRIFUGO_HTTP_SERVER_ADDRESS: '127.0.0.1',
      CENTRIFUGO_HTTP_SERVER_PORT: String(port),
      // Whoever connects may subscribe and publish.
      CENTRIFUGO_CLIENT_INSECURE: 'true',
      CENTRIFUGO_LOG_LEVEL: 'error',
      CENTRIFUGO_USAGE_STATS_DISABLED: 'true',
    };
    return startForeign({ command: ['centrifugo'], env, port, cores });
  },
};

const mosquitto: Opponent = {
  name: 'mosquitto',
  title: 'Mosquitto (MQTT)',
  wire: mqttWire,
  async start(cores) {
    const port = await freePort();
    const directory = await makeTempDir();
    const file = join(directory.path, 'mosquitto.conf');
    const lines = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'persistence false',
      'log_dest none',
      'set_tcp_nodelay true',
      // Nothing is dropped.
      'max_queued_messages 0',
    ];
    await writeFile(file, `${lines.join('\n')}\n`);
    const server = await startForeign({ command: ['mosquitto', '-c', file], port, cores });
    await directory[Symbol.asyncDispose]();
    return server;
  },
};

/** Other people's servers that are installed here; `missing` names those that are not. */
export function foreignOpponents(): { readonly found: readonly Opponent[]; readonly missing: readonly string[] } {
  const all = [centrifugo, mosquitto];
  const isHere = ({ name }: Opponent): boolean => findProgram(name) !== undefined;
  return { found: all.filter(isHere), missing: all.filter((opponent) => !isHere(opponent)).map(({ name }) => name) };
}
