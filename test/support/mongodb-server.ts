import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from './eventually.ts';

const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;
const pollMs = 50;

const root = path.join(__dirname, '..', '..');

/**
 * The MongoDB-compatible server that tests start where no other is given, or undefined where it is not installed. Where
 * SECANTUSD is set it is that or none.
 */
export function findMongodbServer(): string | undefined {
  const given = process.env['SECANTUSD'];
  const onPath = (process.env['PATH'] ?? '').split(path.delimiter).filter((directory) => directory !== '');
  const usual = [path.join(root, '.cache', 'venv', 'bin'), ...onPath].map((directory) =>
    path.join(directory, 'secantusd-py'),
  );
  return (given ? [given] : usual).find((file) => existsSync(file));
}

/** One such server, with its data in a directory of its own until it is disposed of. */
export class MongodbServer implements AsyncDisposable {
  readonly #binary: string;
  readonly #storage: string;
  readonly #port: number;
  #process: ChildProcess | undefined;

  private constructor(binary: string, storage: string, port: number) {
    this.#binary = binary;
    this.#storage = storage;
    this.#port = port;
  }

  /** Resolves when it takes connections. */
  static async start(binary: string): Promise<MongodbServer> {
    const storage = await mkdtemp(path.join(tmpdir(), 'threadwire-mongodb-'));
    const server = new MongodbServer(binary, storage, await freePort());
    await server.start();
    return server;
  }

  /**
   * Direct, because while it ends it says for a moment that it is no replica set's member, and a driver that looks for
   * members then takes it off its list for good.
   */
  get uri(): string {
    return `mongodb://127.0.0.1:${this.#port}/?directConnection=true`;
  }

  /** Starts it again after {@link stop}: same data, same port. */
  async start(): Promise<void> {
    let output = '';
    const server = spawn(
      this.#binary,
      ['--host', '127.0.0.1', '--port', String(this.#port), '--storage-path', this.#storage, '--log-level', 'ERROR'],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = server;
    server.stderr.on('data', (data: Buffer) => (output = (output + data.toString()).slice(-2000)));
    let failure: Error | undefined;
    server.on('error', (error) => (failure = error));
    const end = performance.now() + startTimeoutMs;
    while (!(await accepts(this.#port))) {
      if (failure || server.exitCode !== null || performance.now() > end) {
        server.kill('SIGKILL');
        throw new Error(`${this.#binary} did not start: ${failure?.message ?? output}`);
      }
      await delay(pollMs);
    }
  }

  /** Resolves when it has ended. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill(signal);
    const late = setTimeout(() => server.kill('SIGKILL'), stopTimeoutMs);
    await ended;
    clearTimeout(late);
  }

  /** Resolves when it keeps its connections, and says nothing more until {@link resume}. */
  async pause(): Promise<void> {
    const { pid } = this.#process!;
    process.kill(pid!, 'SIGSTOP');
    // Its threads stop one by one, and one that is under way may still answer.
    const tasks = `/proc/${pid}/task`;
    const isStopped = async (): Promise<boolean> => {
      const states = await Promise.all(
        (await readdir(tasks)).map((task) => readFile(path.join(tasks, task, 'stat'), 'utf8')),
      );
      return states.every((state) => /\) T /.test(state));
    };
    if (existsSync(tasks)) await eventually('the MongoDB server is stopped', isStopped);
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.#storage, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
