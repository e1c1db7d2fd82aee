#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { OperatorOptions } from './admin/operator-account.ts';
import { ConfigError, isLoopback, loadConfig } from './config.ts';
import type { Config } from './config.ts';
import { createServer } from './create-server.ts';
import type { ThreadwireServer } from './create-server.ts';
import { createLogger } from './logger.ts';
import { chooseResponder } from './responder/choose-responder.ts';
import { StoreUnavailable } from './store/thread-store.ts';
import type { ThreadStore } from './store/thread-store.ts';

async function openStore(config: Config): Promise<ThreadStore> {
  // Only the store that is used is loaded: the other one's driver takes its time.
  if (config.mongodbUri !== undefined) {
    const { openMongoStore } = await import('./store/mongo/mongo-store.ts');
    return openMongoStore({ uri: config.mongodbUri });
  }
  const { openEmbeddedStore } = await import('./store/embedded/embedded-store.ts');
  const { DataDirError } = await import('./store/embedded/data-dir.ts');
  return openEmbeddedStore({ dataDir: config.dataDir }).catch((error: unknown) => {
    throw error instanceof DataDirError ? new ConfigError(error.message) : error;
  });
}

interface Pages {
  readonly page?: string | undefined;
  readonly admin?: string | undefined;
}

/**
 * `--page DIRECTORY`: a built page to serve at `/`; `--admin DIRECTORY`: the operators', to serve at `/admin/`. Everything
 * else comes from the environment.
 */
function pageDirectories(): Pages {
  let pages: Pages;
  try {
    pages = parseArgs({ options: { page: { type: 'string' }, admin: { type: 'string' } } }).values;
  } catch (error) {
    throw new ConfigError(`${(error as Error).message}; the options are --page DIRECTORY and --admin DIRECTORY`);
  }
  for (const [option, directory] of Object.entries(pages)) {
    if (existsSync(join(directory as string, 'index.html'))) continue;
    throw new ConfigError(
      `--${option} ${directory}: there is no index.html in it; \`npm run build\` makes that of our pages`,
    );
  }
  return pages;
}

/** Who may log in at `/admin/`: whoever was set, or else, on loopback, whoever reads what is printed at the start. */
function operatorOf({
  host,
  operator: { username, secret },
}: Config): (OperatorOptions & { oneTime?: string }) | undefined {
  if (secret) return { username, secret };
  if (!isLoopback(host)) return undefined;
  const oneTime = randomBytes(12).toString('base64url');
  return { username, secret: { password: oneTime }, oneTime };
}

async function main(): Promise<void> {
  const pages = pageDirectories();
  const config = loadConfig(process.env);
  const logger = createLogger(config.logLevel);
  if (config.auth.mode === 'jwt' && 'secret' in config.auth.key && Buffer.byteLength(config.auth.key.secret) < 32) {
    logger.warn('AUTH_JWT_SECRET is shorter than 32 bytes: it can be guessed from a token');
  }
  const operator = operatorOf(config);
  const responder = chooseResponder(process.env, logger);
  const hasStarted = stopOnSignal(config.drainTimeoutMs);
  const store = await openStore(config);
  const server = await createServer({
    ...config,
    operator,
    pageDir: pages.page,
    adminDir: pages.admin,
    store,
    logger,
    responder,
    onDrainAsked: () => process.kill(process.pid, 'SIGTERM'),
  }).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  hasStarted(server);
  if (isStopping) return;

  console.log(
    [
      `listening on ${server.url}`,
      ...(pages.page === undefined ? [] : [`  demo page  ${server.url}/`]),
      `  operators  ${operator ? `${server.url}/admin/  ${loginOf(operator)}` : 'none: set ADMIN_PASSWORD or ADMIN_PASSWORD_HASH'}`,
      `  Socket.IO  ${server.url} with the path /api/ws`,
      `  HTTP API   ${server.url}/api/threads  (described by /api/openapi.json)`,
      `  users      ${config.auth.mode === 'anonymous' ? 'anonymous: everybody is who they say' : 'by token (JWT)'}`,
      `  responder  ${responder.name}, in threads whose metadata asks for one`,
      `  store      ${store.kind === 'mongodb' ? 'MongoDB' : `embedded, in ${config.dataDir}`}`,
    ].join('\n'),
  );
}

function loginOf({ username, oneTime }: NonNullable<ReturnType<typeof operatorOf>>): string {
  return oneTime === undefined
    ? `(user ${username})`
    : `(user ${username}, one-time password ${oneTime}: until the next start)`;
}

/** Whether a signal has asked for the end. */
let isStopping = false;

/** From now on a signal ends the process. The function returned is called with the server when it has started. */
function stopOnSignal(timeoutMs: number): (server: ThreadwireServer) => void {
  let hasStarted!: (server: ThreadwireServer) => void;
  // While it starts, nobody knows what is open: it is waited for, and drained at once.
  const started = new Promise<ThreadwireServer>((resolve) => {
    hasStarted = resolve;
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      console.log(`${signal}: draining`);
      void stop(
        started.then((server) => server.drain()),
        timeoutMs,
      );
    });
  }
  return hasStarted;
}

/** Ends the process when the server has drained, or when its time is up. */
async function stop(drained: Promise<void>, timeoutMs: number): Promise<void> {
  // What does not end by itself is cut off a moment before whoever sent the signal loses patience.
  setTimeout(() => process.exit(0), timeoutMs * 0.95).unref();
  await drained.catch((error: unknown) => {
    if (report(error) === 'fault') process.exitCode = 1;
  });
  process.exit();
}

main().catch((error: unknown) => {
  const kind = report(error);
  // Whoever wants it to end does not mind that it could not start.
  process.exit(isStopping && kind === 'expected' ? 0 : 1);
});

/** Tells what the operator can mend in one line; a fault of ours with its stack. */
function report(error: unknown): 'expected' | 'fault' {
  const isExpected = error instanceof ConfigError || error instanceof StoreUnavailable || isListenError(error);
  console.error(isExpected ? `threadwire: ${explain(error).replaceAll(/\s+/g, ' ')}` : error);
  return isExpected ? 'expected' : 'fault';
}

function isListenError(error: unknown): error is NodeJS.ErrnoException {
  // `getaddrinfo`: the name that HOST is has no address.
  return error instanceof Error && 'syscall' in error && ['listen', 'getaddrinfo'].includes(String(error.syscall));
}

function explain(error: Error): string {
  if (!isListenError(error)) return error.message;
  switch (error.code) {
    case 'EADDRINUSE':
      return 'PORT is in use by another program: set another one, or 0 for any free one';
    case 'EACCES':
      return 'PORT must not be opened by this user: set one above 1023';
    default:
      return `HOST and PORT cannot be listened on (${error.code})`;
  }
}
