import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Answer, Ask, Sample } from '../servers/control.ts';
import { onServerCore } from './cores.ts';
import type { Cores } from './cores.ts';

/** A server in a process of its own. */
export interface Server extends AsyncDisposable {
  readonly port: number;
  sample(options?: { readonly gc?: boolean }): Promise<Sample>;
  /** From now on samples tell the delay of the event loop. */
  watchLoop(): Promise<void>;
}

/** A program of `servers/`. */
export type Program = 'threadwire' | 'socket-io' | 'raw-ws' | 'thread-sockets' | 'one-fsync';

const startTimeoutMs = 120_000;

/** How a program is run. */
export interface Launch {
  /** Undefined: on any core. */
  readonly cores: Cores | undefined;
  readonly nodeArguments?: readonly string[] | undefined;
}

/** For a process whose memory is measured: samples with `gc` collect in its worker threads too. */
export const collectingInThreads: readonly string[] = [
  '--import',
  new URL('../servers/collect-in-threads.js', import.meta.url).href,
];

/** Starts one of our programs with these options, and with a channel to ask it. */
export function spawnProgram(name: Program | 'prefill', options: unknown, launch: Launch): ChildProcess {
  const { cores, nodeArguments = [] } = launch;
  const file = fileURLToPath(new URL(`../servers/${name}.js`, import.meta.url));
  const args = ['--expose-gc', ...nodeArguments, ...extraArguments(), file, JSON.stringify(options)];
  const [command, ...rest] = onServerCore(cores, [process.execPath, ...args]);
  return spawn(command, rest, {
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** BENCH_NODE_ARGS: for all server processes, such as `--cpu-prof`. */
function extraArguments(): string[] {
  return process.env['BENCH_NODE_ARGS']?.split(' ').filter((arg) => arg !== '') ?? [];
}

interface Waiting {
  readonly resolve: (sample: Sample) => void;
  readonly reject: (error: Error) => void;
}

/** A Node server, asked over IPC. */
class NodeServer implements Server {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    child.on('message', (answer: Answer) => {
      if (!('id' in answer)) return;
      this.#waiting.get(answer.id)?.resolve(answer.sample);
      this.#waiting.delete(answer.id);
    });
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the server ended'));
    });
  }

  sample({ gc = false }: { readonly gc?: boolean } = {}): Promise<Sample> {
    return this.#ask('sample', gc);
  }

  async watchLoop(): Promise<void> {
    await this.#ask('watch', false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endProcess(this.#child);
  }

  #ask(what: Ask['what'], gc: boolean): Promise<Sample> {
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      this.#waiting.set(this.#lastId, { resolve, reject });
      this.#child.send({ id: this.#lastId, what, gc } satisfies Ask, (error) => error && reject(error));
    });
  }
}

/** Starts one of our servers, and waits until it listens. */
export async function startProgram(name: Program, options: unknown, launch: Launch): Promise<Server> {
  const child = spawnProgram(name, options, launch);
  const timer = setTimeout(() => child.kill('SIGKILL'), startTimeoutMs);
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (answer: Answer) => 'port' in answer && resolve(answer.port));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${name} ended with ${code ?? signal} before it listened`)));
  });
  clearTimeout(timer);
  return new NodeServer(child, port);
}

/** Ends a process that we started, and waits until it is gone. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  // With BENCH_NODE_ARGS it may have something to write at its end.
  if (extraArguments().length > 0 && child.connected) child.disconnect();
  else child.kill('SIGKILL');
  await exited;
}
