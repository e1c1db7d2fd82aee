import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { eventually } from '../../support/eventually.ts';
import { endWithParent, makeTempDir, StartFailed, startServer } from '../../support/process.ts';
import type { ServerProcessOptions, TempDir } from '../../support/process.ts';

const root = join(__dirname, '..', '..', '..');

/** Programs in place of the server: these tests are about the process around it. */
async function program(dir: TempDir, source: string): Promise<ServerProcessOptions> {
  const path = join(dir.path, 'program.mjs');
  await writeFile(path, source);
  return { entry: relative(root, path) };
}

const listening = `
  import { createServer } from 'node:http';
  const server = createServer((_request, response) => response.end(JSON.stringify(process.env)));
  server.listen(Number(process.env.PORT), '127.0.0.1', () => {
    console.log('listening on http://127.0.0.1:' + server.address().port);
  });
  process.on('SIGTERM', () => { console.log('bye'); process.exit(7); });
`;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a server process', () => {
  test('gets a port, a directory and only the environment that it is given', async () => {
    await using dir = await makeTempDir();
    await using server = await startServer({ ...(await program(dir, listening)), env: { LOG_LEVEL: 'silent' } });
    const env = (await (await fetch(server.url)).json()) as Record<string, string>;
    expect(Object.keys(env).toSorted()).toEqual(['DATA_DIR', 'LOG_LEVEL', 'PATH', 'PORT']);
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  });

  test('takes its own directory with it, and leaves one that it was given', async () => {
    await using dir = await makeTempDir();
    const options = await program(dir, listening);
    const dataDirs: string[] = [];
    for (const more of [{}, { dataDir: dir.path }]) {
      await using server = await startServer({ ...options, ...more });
      dataDirs.push(((await (await fetch(server.url)).json()) as { DATA_DIR: string }).DATA_DIR);
    }
    await expect(access(dataDirs[0]!)).rejects.toThrow('ENOENT');
    expect(dataDirs[1]).toBe(dir.path);
    await access(dir.path);
  });

  test('ends by a signal, with its last output', async () => {
    await using dir = await makeTempDir();
    const options = await program(dir, listening);
    await using polite = await startServer(options);
    expect(await polite.kill('SIGTERM')).toEqual({ code: 7, signal: null });
    expect(polite.output).toMatch(/bye\n$/);
    await using killed = await startServer(options);
    expect(await killed.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('is gone after disposal, even where it was stopped', async () => {
    await using dir = await makeTempDir();
    const server = await startServer(await program(dir, listening));
    server.freeze(true);
    await server[Symbol.asyncDispose]();
    expect(isAlive(server.pid)).toBe(false);
  });

  test('that ends instead of listening says why', async () => {
    await using dir = await makeTempDir();
    const start = startServer(await program(dir, `console.error('PORT must be a number'); process.exitCode = 1;`));
    await expect(start).rejects.toThrow(StartFailed);
    await expect(start).rejects.toMatchObject({ exit: { code: 1 }, output: 'PORT must be a number\n' });
  });

  test('that does not listen in time is ended', async () => {
    await using dir = await makeTempDir();
    const options = await program(dir, `console.log('pid ' + process.pid); setInterval(() => {}, 1000);`);
    const error = await startServer({ ...options, timeoutMs: 1000 }).catch((cause: unknown) => cause as StartFailed);
    expect(error).toBeInstanceOf(StartFailed);
    expect(isAlive(Number(/pid (\d+)/.exec((error as StartFailed).output)?.[1]))).toBe(false);
  });

  test('does not outlive the process that started it, however that ends', async () => {
    await using dir = await makeTempDir();
    await program(dir, listening);
    // What `startServer` does, from a process that is then killed.
    const args = [...endWithParent, join(dir.path, 'program.mjs')];
    const starter = `
      const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify(args)}, {
        env: { PORT: '0' }, stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
      });
      child.stdout.once('data', () => console.log(child.pid));
    `;
    const parent = spawn(process.execPath, ['-e', starter], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await eventually('the server is gone', () => !isAlive(pid));
  });
});
