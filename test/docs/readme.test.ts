import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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
    // As whoever started it ends it, who knows of npm alone: that the server drains, and how, is told to them.
    process.kill(npm.pid!, 'SIGTERM');
    expect(await within('npm ends', closed, 20_000)).toEqual([0, null]);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
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

describe('the sessions in README.md', () => {
  test('their commands and programs work as they stand', async () => {
    await using server = await startServer();
    const curl = async (command: string): Promise<unknown> => {
      const { stdout } = await run('bash', ['-c', command.replaceAll('http://127.0.0.1:3000', server.url)]);
      return JSON.parse(stdout);
    };
    const [create, send, read, stream, ...more] = await sessionBlocks('sh');
    expect(more).toEqual([]);
    expect(await curl(create!)).toMatchObject({ thread: { id: 'hello', created_by: 'ann' } });
    const sent = await curl(send!);
    expect(sent).toMatchObject({ message: { seq: 1, content: 'Good morning' }, duplicate: false });
    expect(await curl(send!)).toEqual({ ...(sent as object), duplicate: true });
    expect(await curl(read!)).toMatchObject({ head_seq: 1, messages: [{ content: 'Good morning' }] });

    const [hello, reply, ...others] = await sessionBlocks('js');
    expect(others).toEqual([]);
    expect(await outputOf(hello!, server.url, /Hi!/)).toMatch(/^joined at 1\n2 {2}user-\d+: Hi!\n$/);

    const streamed = await curl(stream!);
    expect(streamed).toMatchObject({
      message: {
        sender: { id: 'helper' },
        role: 'assistant',
        status: 'complete',
        content: 'One word at a time ',
        seq: 4,
      },
    });
    // The same key again: nothing is added.
    expect(await curl(stream!)).toEqual(streamed);
    expect(await outputOf(reply!, server.url, /\n/)).toBe('One word at a time. (complete)\n');
  }, 20_000);
});

const pages = ['README.md', 'ARCHITECTURE.md', 'FRONTEND.md', 'OPERATIONS.md', 'PROTOCOL.md'];

test.each(pages)('the links of %s lead to files, and to headings, that there are', async (name) => {
  const path = join(root, name === 'README.md' ? '' : 'docs', name);
  const text = await readFile(path, 'utf8');
  const targets = Array.from(text.matchAll(/\]\(([^)\s:]+)\)/g), (match) => match[1]!);
  expect(targets.length).toBeGreaterThan(2);
  for (const target of targets) {
    const [file = '', anchor] = target.split('#');
    const linked = file === '' ? path : join(dirname(path), file);
    expect([target, existsSync(linked)]).toEqual([target, true]);
    if (anchor !== undefined) expect(anchorsOf(await readFile(linked, 'utf8'))).toContain(anchor);
  }
});

/** As they are made from the headings of a page. */
function anchorsOf(text: string): string[] {
  return Array.from(text.matchAll(/^#{1,6} (.+)$/gm), (match) =>
    match[1]!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** What a program has written when that matches. */
async function outputOf(program: string, url: string, pattern: RegExp): Promise<string> {
  // Below the root, so that it finds the packages as a reader's copy does.
  const directory = join(root, '.cache', `readme-${process.pid}`);
  await mkdir(directory, { recursive: true });
  try {
    await writeFile(join(directory, 'program.mjs'), program);
    const child = spawn(process.execPath, ['program.mjs'], {
      cwd: directory,
      env: { PATH: process.env['PATH'], THREADWIRE_URL: url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const seen = new Promise<string>((resolve) => {
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (pattern.test(output)) resolve(output);
      });
    });
    return await within('the program has written it', seen).finally(() => child.kill('SIGKILL'));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
