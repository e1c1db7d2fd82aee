import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Sample } from '../servers/control.ts';
import { atExit } from './cleanup.ts';
import { onServerCore } from './cores.ts';
import type { Cores } from './cores.ts';
import { endProcess } from './server-process.ts';
import type { Server } from './server-process.ts';

/** Linux counts a process's time in hundredths of a second, whatever the kernel's own clock does. */
const tickUs = 10_000;
const startTimeoutMs = 10_000;

/** Where a program is on the PATH, or undefined; also where its times cannot be read, which only Linux tells us. */
export function findProgram(name: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, name));
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A port that was free a moment ago, for programs that cannot choose one by themselves. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

export interface ForeignOptions {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly port: number;
  readonly cores: Cores | undefined;
}

/** Starts somebody else's server and waits until it takes connections; its times come from /proc. */
export async function startForeign({ command, env = {}, port, cores }: ForeignOptions): Promise<Server> {
  const [file, ...args] = onServerCore(cores, command);
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'inherit'] });
  const takeBack = atExit(() => child.kill('SIGKILL'));
  await takesConnections(child, port);
  return {
    port,
    sample: () => Promise.resolve(sampleProcess(child.pid!)),
    watchLoop: () => Promise.resolve(),
    async [Symbol.asyncDispose]() {
      await endProcess(child);
      takeBack();
    },
  };
}

async function takesConnections(child: ChildProcess, port: number): Promise<void> {
  const giveUpAt = performance.now() + startTimeoutMs;
  while (child.exitCode === null && performance.now() < giveUpAt) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isUp) return;
    await delay(50);
  }
  await endProcess(child);
  throw new Error(`${child.spawnfile} does not listen on port ${port}`);
}

function sampleProcess(pid: number): Sample {
  // The name, in parentheses, may hold blanks: the fields are counted from behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const rssKib = /^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpuUs: (Number(fields[11]) + Number(fields[12])) * tickUs, rssBytes: Number(rssKib) * 1024 };
}
