import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');

export interface TempDir extends AsyncDisposable {
  readonly path: string;
}

/** An empty directory, removed on disposal: a DATA_DIR that outlives the processes that use it. */
export async function makeTempDir(): Promise<TempDir> {
  const path = await mkdtemp(join(tmpdir(), 'threadwire-'));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export interface ServerProcessOptions {
  /** On top of PATH, `PORT=0` and DATA_DIR: nothing else of this process's environment reaches the server. */
  readonly env?: Readonly<Record<string, string>>;
  /** Without it the server gets a directory of its own, which goes with it. */
  readonly dataDir?: string;
  /** The program, from the repository's root. */
  readonly entry?: string;
  readonly args?: readonly string[];
  readonly timeoutMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The process ended before it listened, or did not listen in time. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
  readonly exit: Exit | undefined;
  readonly output: string;

  constructor(why: string, exit: Exit | undefined, output: string) {
    super(`${why}; its output:\n${output}`);
    this.exit = exit;
    this.output = output;
  }
}

// A child whose parent is gone, however it went, must not stay behind: the channel between them closes in every case.
const guard = `process.on('disconnect', () => process.kill(process.pid, 'SIGKILL')); process.channel?.unref();`;

/** Options of node that make a child end with the process that started it; needs a channel, `ipc`, in its stdio. */
export const endWithParent: readonly string[] = ['--import', `data:text/javascript,${encodeURIComponent(guard)}`];

/** A server in a process of its own. */
export class ServerProcess implements AsyncDisposable {
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #ownDir: TempDir | undefined;
  #output = '';
  #url: string | undefined;
  readonly #lookers = new Set<() => void>();

  constructor(options: ServerProcessOptions, dataDir: string, ownDir: TempDir | undefined) {
    const { env = {}, entry = join('server', 'dist', 'main.js'), args = [] } = options;
    this.#ownDir = ownDir;
    this.#child = spawn(process.execPath, [...endWithParent, join(root, entry), ...args], {
      cwd: root,
      env: { PATH: process.env['PATH'], PORT: '0', DATA_DIR: dataDir, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        for (const look of this.#lookers) look();
      });
    }
    this.exited = new Promise((resolve) => {
      // `close` comes after the last output, `exit` may come before it.
      this.#child.once('close', (code, signal) => resolve({ code, signal }));
      this.#child.once('error', (error) => {
        this.#output += error.message;
        resolve({ code: null, signal: null });
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** As the line `listening on` says. */
  get url(): string {
    if (this.#url === undefined) throw new Error('the server does not listen');
    return this.#url;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** Everything that it has written so far, to stdout and stderr. */
  get output(): string {
    return this.#output;
  }

  /** Resolves with the first match in what it has written or is to write. */
  waitForOutput(pattern: RegExp, timeoutMs = 5000): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#lookers.delete(look);
      };
      const fail = (why: string, exit?: Exit) => {
        settle();
        reject(new StartFailed(`${why}, without ${pattern} in its output`, exit, this.#output));
      };
      const look = () => {
        const found = pattern.exec(this.#output);
        if (!found) return;
        settle();
        resolve(found);
      };
      const timer = setTimeout(() => fail(`${timeoutMs} ms have passed`), timeoutMs);
      this.#lookers.add(look);
      look();
      void this.exited.then((exit) => fail(`the process ended with ${exit.code ?? exit.signal}`, exit));
    });
  }

  /** Waits for the line that says where. */
  async listens(timeoutMs = 15_000): Promise<void> {
    const [, url] = await this.waitForOutput(/listening on (https?:\/\/\S+)/, timeoutMs);
    this.#url = url!;
  }

  /** Sends the signal, and resolves when the process is gone. */
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT'): Promise<Exit> {
    this.#child.kill(signal);
    return this.exited;
  }

  /** Stops it in its tracks, as a machine that hangs does, or lets it go on. */
  freeze(on: boolean): void {
    this.#child.kill(on ? 'SIGSTOP' : 'SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGKILL');
    await this.#ownDir?.[Symbol.asyncDispose]();
  }
}

/** Starts the built server and waits until it listens. Rejects with {@link StartFailed} where it does not. */
export async function startServer(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const ownDir = options.dataDir === undefined ? await makeTempDir() : undefined;
  const server = new ServerProcess(options, options.dataDir ?? ownDir!.path, ownDir);
  try {
    await server.listens(options.timeoutMs);
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}
