import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { within } from '../support/eventually.ts';
import { makeTempDir, startServer } from '../support/process.ts';

const root = join(__dirname, '..', '..');
const run = promisify(execFile);

/** The fenced blocks of README.md whose info string is `language session`. */
async function sessionBlocks(language: string): Promise<string[]> {
  const page = await readFile(join(root, 'README.md'), 'utf8');
  return [...page.matchAll(/^```(\w+) session\n(.*?)^```$/gms)]
    .filter((match) => match[1] === language)
    .map((match) => match[2]!);
}

test('npm start builds, serves, and says where', async () => {
  await using directory = await makeTempDir();
  const npm = spawn('npm', ['start'], {
    cwd: root,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: '0', DATA_DIR: directory.path },
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group: npm, its shell and the server end together.
    detached: true,
  });
  const closed = once(npm, 'close');
  try {
    const listens = new Promise<string>((resolve, reject) => {
      let output = '';
      npm.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        const [, found] = /^> npm run --silent build$[^]*^listening on (\S+)$/m.exec(output) ?? [];
        if (found !== undefined) resolve(found);
      });
      npm.once('close', () => reject(new Error(`npm start ended: ${output}`)));
    });
    const url = await within('the server listens', listens, 50_000);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  } finally {
    if (npm.exitCode === null) process.kill(-npm.pid!, 'SIGKILL');
    await closed;
  }
}, 60_000);

test('npm test on a machine with Node alone passes, and says by name what it left out', async () => {
  const { MONGODB_URI: _uri, THREADWIRE_MISSING_MONGODB: _why, THREADWIRE_REQUIRE: _required, ...rest } = process.env;
  const env = { ...rest, SECANTUSD: '/not/here', THREADWIRE_PYTHON: '/not/here', THREADWIRE_CHROMIUM: '/not/here' };
  // Those that need more, if only to see that they can be left out.
  const suites = ['test/contract/', 'test/faults/', 'test/integration/(two-processes|python-client|process)'];
  const jest = [join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--testNamePattern', 'can run'];
  const { stderr } = await run(process.execPath, [...jest, ...suites], { cwd: root, env });
  expect(stderr).toMatch(/^Tests: +\d+ skipped, \d+ passed, /m);
  expect(stderr).toMatch(/^not run: MongoDB store — .*pip install/m);
  expect(stderr).toMatch(/^not run: Chromium — /m);
  expect(stderr).toMatch(/^not run: Python client — .*pip install/m);
}, 120_000);

describe('the first session in README.md', () => {
  test('its commands work as they stand, and its program joins and hears itself', async () => {
    await using server = await startServer();
    const curl = async (command: string): Promise<unknown> => {
      const { stdout } = await run('bash', ['-c', command.replaceAll('http://127.0.0.1:3000', server.url)]);
      return JSON.parse(stdout);
    };
    const [create, send, read, ...more] = await sessionBlocks('sh');
    expect(more).toEqual([]);
    expect(await curl(create!)).toMatchObject({ thread: { id: 'hello', created_by: 'ann' } });
    const sent = await curl(send!);
    expect(sent).toMatchObject({ message: { seq: 1, content: 'Good morning' }, duplicate: false });
    expect(await curl(send!)).toEqual({ ...(sent as object), duplicate: true });
    expect(await curl(read!)).toMatchObject({ head_seq: 1, messages: [{ content: 'Good morning' }] });

    const [program, ...others] = await sessionBlocks('js');
    expect(others).toEqual([]);
    // Below the root, so that it finds the packages as a reader's copy does.
    const directory = join(root, '.cache', `readme-${process.pid}`);
    await mkdir(directory, { recursive: true });
    try {
      await writeFile(join(directory, 'hello.mjs'), program!);
      const child = spawn(process.execPath, ['hello.mjs'], {
        cwd: directory,
        env: { PATH: process.env['PATH'], THREADWIRE_URL: server.url },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const seen = new Promise<string>((resolve) => {
        let output = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          if (/Hi!/.test(output)) resolve(output);
        });
      });
      const output = await seen.finally(() => child.kill('SIGKILL'));
      expect(output).toMatch(/^joined at 1\n2 {2}user-\d+: Hi!\n$/);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
