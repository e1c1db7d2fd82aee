import { createServer } from '@threadwire/server';
import type { ServerOptions, ThreadwireServer } from '@threadwire/server';
import { createLogger } from '../../server/src/logger.ts';
import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import type { BackEnd, OpenBackEnd } from './back-ends.ts';
import { embeddedBackEnd } from './embedded-back-end.ts';

/** A line of the server's log, as pino writes it. */
export interface LogLine {
  readonly level: number;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

export interface AppOptions extends Partial<Omit<ServerOptions, 'logger'>> {
  /** The kind of store to open, where no `store` is given. */
  readonly backEnd?: BackEnd['name'];
  /** Puts something between the server and the store that was opened, such as one that can be away. */
  readonly wrapStore?: (store: ThreadStore) => ThreadStore;
}

/** A server in this process, with everything that it needs; disposing closes it and removes its data. */
export interface App extends AsyncDisposable {
  readonly url: string;
  readonly server: ThreadwireServer;
  /** The store that the server works with. */
  readonly store: ThreadStore;
  /** What the server has logged so far, at every level. */
  readonly logs: readonly LogLine[];
  /** The same as it was printed, each with the end of its line. */
  readonly printed: readonly string[];
}

/** Starts a server on a free port of 127.0.0.1: anonymous, on an embedded store of its own, if nothing else is said. */
export async function startApp(options: AppOptions = {}): Promise<App> {
  const { backEnd = 'embedded', wrapStore = (store) => store, store: given, ...serverOptions } = options;
  const opened = given ? undefined : await openBackEnd(backEnd);
  const logs: LogLine[] = [];
  const printed: string[] = [];
  const logger = createLogger('trace', {
    write: (line: string) => {
      printed.push(line);
      logs.push(JSON.parse(line) as LogLine);
    },
  });
  try {
    const store = wrapStore(given ?? opened!.store);
    const server = await createServer({ auth: { mode: 'anonymous' }, port: 0, ...serverOptions, store, logger });
    return {
      url: server.url,
      server,
      store,
      logs,
      printed,
      async [Symbol.asyncDispose]() {
        await server.close();
        await opened?.[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await opened?.[Symbol.asyncDispose]();
    throw error;
  }
}

async function openBackEnd(name: BackEnd['name']): Promise<OpenBackEnd> {
  if (name === 'embedded') return embeddedBackEnd.open();
  // Its driver takes its time to load.
  const { mongodbBackEnd } = await import('./mongodb-back-end.ts');
  return mongodbBackEnd.open();
}

/** The store, but for these methods. */
export function storeWith(store: ThreadStore, changes: Partial<ThreadStore>): ThreadStore {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(Object.hasOwn(changes, name) ? changes : target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
