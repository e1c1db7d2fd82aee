import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { serverEventNames } from '@threadwire/protocol';
import { ThreadwireClient } from '../../client-sdk/src/index.ts';
import * as reactBinding from '../../client-sdk/src/react/index.ts';
import { eventually, within } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import { endWithParent, makeTempDir, startServer } from '../support/process.ts';
import { answered } from '../support/sdk-client.ts';
import { jwtSecret, tokenFor } from '../support/tokens.ts';

const root = join(__dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'FRONTEND.md'), 'utf8');

/** Every fenced block: what stands behind the fence, and what is in it. */
const blocks = Array.from(page.matchAll(/^```(.*)\n([^]*?)^```$/gm), ([, info, text]) => ({ info, text: text! }));

function program(info: string, between = ''): string {
  return blocks.flatMap((block) => (block.info === info ? [block.text] : [])).join(between);
}

/** What the page's readers have, by file. */
const programs = {
  'client.ts': program('ts client'),
  'app.ts': program('ts app'),
  'page.tsx': program('tsx react'),
  'page.test.ts': program('ts test'),
  // So that the new token is taken by a connection that has one.
  'tokens.ts': program('ts tokens', '\nawait client.connected();\n'),
};

/** What it takes to run them here. */
const surroundings = {
  'package.json': '{ "type": "module" }',
  'tsconfig.json': JSON.stringify({
    extends: '../../tsconfig.base.json',
    compilerOptions: {
      composite: false,
      declaration: false,
      declarationMap: false,
      sourceMap: false,
      jsx: 'react-jsx',
      lib: ['es2023', 'es2024.string', 'dom', 'dom.iterable'],
      types: ['node'],
    },
    include: ['*'],
  }),
  // Rendered when everything is there, so that there is more to see than placeholders.
  'render.ts': `
    import { createElement } from 'react';
    import { renderToString } from 'react-dom/server';
    import { client } from './client.ts';
    import { App } from './page.tsx';
    await client.createThread({ id: 'hello', title: 'Hello' });
    await client.thread('hello').send('Good <morning>');
    await client.thread('hello').subscribe().ready;
    client.threadList.onChange(() => {
      if (client.threadList.getSnapshot().status !== 'live') return;
      console.log(renderToString(createElement(App)));
      client.close();
    });
    client.watchThreads();`,
  // Relative addresses are those of the page; here there is none.
  'in-page.ts': `
    const { fetch } = globalThis;
    globalThis.fetch = (path, init) => fetch(new URL(path as string, process.env['PAGE_URL']), init);
    await import('./tokens.ts');`,
};

/** Below the root, so that programs find the packages as a reader's do. */
const directory = join(root, '.cache', `frontend-${process.pid}`);

beforeAll(async () => {
  await mkdir(directory, { recursive: true });
  const files = Object.entries({ ...programs, ...surroundings });
  await Promise.all(files.map(([name, text]) => writeFile(join(directory, name), text)));
}, 60_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

/** Checks the types, and makes JavaScript of all programs for a server; once for each. */
async function compile(url: string): Promise<string> {
  const outDir = join(directory, new URL(url).port);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', directory, '--outDir', outDir]);
  } catch (error) {
    throw new Error((error as { stdout: string }).stdout, { cause: error });
  }
  for (const name of ['client.js', 'tokens.js']) {
    const file = join(outDir, name);
    const text = await readFile(file, 'utf8');
    expect(text).toContain('http://127.0.0.1:3000');
    await writeFile(file, text.replaceAll('http://127.0.0.1:3000', url));
  }
  return outDir;
}

class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  #output = '';

  constructor(file: string, env: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [...endWithParent, file], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#closed = once(this.#child, 'close');
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    }
  }

  get output(): string {
    return this.#output;
  }

  async says(line: string | RegExp): Promise<void> {
    const isThere = () =>
      typeof line === 'string' ? `\n${this.#output}`.includes(`\n${line}\n`) : line.test(this.#output);
    try {
      await eventually(`it says ${line}`, isThere, 15_000);
    } catch (error) {
      throw new Error(`its output:\n${this.#output}`, { cause: error });
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** With the code, or the signal. */
  async ended(): Promise<unknown> {
    const [code, signal] = await within('the program ends', this.#closed, 15_000);
    return code ?? signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL');
    await this.#closed;
  }
}

describe('the programs in FRONTEND.md', () => {
  test('every block is one that is run, or a command', () => {
    const run = ['ts client', 'ts app', 'ts tokens', 'ts test', 'tsx react'];
    for (const { info } of blocks) expect([...run, 'sh']).toContain(info);
    for (const info of run) expect(program(info)).not.toBe('');
  });

  test('client.ts and app.ts: does what the page says, outlives a kill -9 of the server, and ends', async () => {
    await using data = await makeTempDir();
    await using before = await startServer({ dataDir: data.path });
    await using app = new Program(join(await compile(before.url), 'app.js'), {});
    await app.says('heard ann in hello: Anybody there?');
    await app.says('threads: Hello');
    const lines = app.output.split('\n');
    const told = [
      'ann may hold 1000 threads',
      '[loading]',
      '[live]',
      '  Good morning (sending)',
      'stored as number 1',
      'not sent: payload_too_large',
      'taken back: true',
      'the same message: true',
      'not overwritten: true',
      'now deleted',
      'read aloud: One two three (complete)',
      'nothing was left out: true',
      'all 3 messages are here',
      'heard ann in hello: Anybody there?',
    ];
    let at = -1;
    for (const line of told) {
      const next = lines.indexOf(line, at + 1);
      if (next === -1) throw new Error(`"${line}" is missing, or too early, in:\n${app.output}`);
      at = next;
    }

    await before.kill('SIGKILL');
    await app.says('reconnecting: unavailable');
    await using after = await startServer({ dataDir: data.path, env: { PORT: String(before.port) } });
    const body = { content: 'I am' };
    const headers = { 'X-Threadwire-User': 'bob' };
    const { status } = await httpRequest(`${after.url}/api/threads/hello/messages`, { method: 'POST', headers, body });
    expect(status).toBe(201);
    await app.says('connected');
    await app.says(/^hello: [01] changed while away$/m);
    await app.says('heard bob in hello: I am');

    app.kill('SIGINT');
    expect(await app.ended()).toBe(0);
    expect(app.output).toMatch(/\nclosed\n$/);
    for (const line of ['heard ann in hello: Anybody there?', 'heard bob in hello: I am']) {
      expect(app.output.split(`\n${line}\n`)).toHaveLength(2);
    }
  }, 60_000);

  describe('tokens', () => {
    /** The application's own server, which hands out tokens. */
    async function startTokens(answer: () => Promise<{ status: number; body: string }>) {
      const asked: string[] = [];
      const server = createServer((request, response) => {
        asked.push(`${request.method} ${request.url}`);
        void answer().then(({ status, body }) => response.writeHead(status).end(body));
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return {
        asked,
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        async [Symbol.asyncDispose]() {
          server.closeAllConnections();
          await once(server.close(), 'close');
        },
      };
    }

    test('are fetched to connect and when another is to be used, without a new connection', async () => {
      await using server = await startServer({ env: { AUTH_JWT_SECRET: jwtSecret } });
      await using tokens = await startTokens(async () => ({ status: 200, body: await tokenFor('ann') }));
      const file = join(await compile(server.url), 'in-page.js');
      await using app = new Program(file, { PAGE_URL: tokens.url });
      await app.says(/^signed in as ann until \d{4}-\S+Z$/m);
      await eventually('the new token was taken', async () => (await answered(server.url, 'reauth')) === 1);
      expect(tokens.asked).toEqual(['POST /token', 'POST /token']);
      expect(app.output.split('\n')).toHaveLength(2);
    }, 60_000);

    test('that cannot be had say so, and are asked for again', async () => {
      await using server = await startServer({ env: { AUTH_JWT_SECRET: jwtSecret } });
      await using tokens = await startTokens(() => Promise.resolve({ status: 401, body: '' }));
      const file = join(await compile(server.url), 'in-page.js');
      await using app = new Program(file, { PAGE_URL: tokens.url });
      await app.says('reconnecting: please sign in');
      await eventually('it asks again', () => tokens.asked.length > 1);
    }, 60_000);
  });

  test('page.tsx: the components render what is there', async () => {
    await using server = await startServer();
    await using app = new Program(join(await compile(server.url), 'render.js'), {});
    expect(await app.ended()).toBe(0);
    expect(app.output).toContain('<p role="status">connected</p>');
    expect(app.output).toContain('<nav><button>Hello</button></nav>');
    expect(app.output).toContain('<main><p>Good &lt;morning&gt;</p><form>');
  }, 60_000);

  test('the test of the chapter on testing passes', async () => {
    await using server = await startServer();
    const file = join(await compile(server.url), 'page.test.js');
    await using app = new Program(file, { THREADWIRE_URL: server.url });
    expect([await app.ended(), app.output]).toEqual([0, expect.stringMatching(/bob sees what ann writes[^]*pass 1\n/)]);
  }, 60_000);
});

describe('FRONTEND.md tells of', () => {
  /** The first cells of the rows of the table with this first header, without backticks. */
  function column(header: string): string[] {
    const [, rows] = page.split(`\n| ${header} |`);
    if (rows === undefined) throw new Error(`There is no table "${header}".`);
    const lines = rows.split('\n\n', 1)[0]!.split('\n').slice(2);
    return lines.flatMap((line) => Array.from(line.split('|')[1]!.matchAll(/`(.+?)`/g), (match) => match[1]!));
  }

  /** What a declaration of the SDK's source names. */
  function declared(file: string, declaration: string, name: RegExp): string[] {
    const source = readFileSync(join(root, 'client-sdk', 'src', file), 'utf8');
    const [, body] = source.split(`export ${declaration}`);
    if (body === undefined) throw new Error(`${file} does not declare ${declaration}.`);
    return Array.from(body.split(/^}|;\n\n/m, 1)[0]!.matchAll(name), (match) => match[1]!);
  }

  const property = /^ {2}readonly (\w+)\??:/gm;
  const member = /'(\w+)'/g;

  test.each([
    ['Option', 'client.ts', 'interface ClientOptions', property],
    ["Field of a thread's snapshot", 'thread-state.ts', 'interface ThreadSnapshot', property],
    ['Status of a thread', 'thread-state.ts', 'type ThreadStatus', member],
    ['Field of a pending message', 'outbox.ts', 'interface PendingMessage', property],
    ["Field of the list's snapshot", 'thread-list.ts', 'interface ThreadListSnapshot', property],
    ['Field of the status', 'client.ts', 'interface ConnectionStatus', property],
    ['Code', 'errors.ts', 'type ClientErrorCode', member],
  ])('each of "%s" as in %s, and no other', (header, file, declaration, name) => {
    expect(column(header)).toEqual(declared(file, declaration, name));
  });

  test('each of the states of the connection, of the fields of an error, and of the retry classes', () => {
    const state = /^ {2}readonly state: (.*);$/m.exec(
      readFileSync(join(root, 'client-sdk', 'src', 'client.ts'), 'utf8'),
    )![1]!;
    expect(column('State of the connection')).toEqual(Array.from(state.matchAll(member), (match) => match[1]!));
    const fields = declared('errors.ts', 'class ThreadwireError', property);
    expect(column('Field of an error').toSorted()).toEqual(
      [...fields, 'message'].filter((f) => f !== 'name').toSorted(),
    );
    expect(column('`retry` | The SDK')).toEqual(['never', 'later', 'reauth']);
  });

  test('each event that the server sends', () => {
    expect(column('Server event').toSorted()).toEqual(serverEventNames.toSorted());
  });

  test('each hook, and each method of the client, of threads, and of the list', () => {
    const client = new ThreadwireClient({ url: 'http://127.0.0.1:9' });
    client.close();
    const things = { client, thread: client.thread('hello'), list: client.threadList };
    for (const thing of Object.values(things)) {
      const names = Object.getOwnPropertyNames(Object.getPrototypeOf(thing));
      // What the parts of the client call among themselves.
      const inner = thing === client.threadList ? ['merge', 'updated', 'connected', 'lost', 'closed'] : [];
      for (const name of names) {
        if (name === 'constructor' || inner.includes(name)) continue;
        expect([name, page.includes(`${name}(`) || page.includes(`.${name}`)]).toEqual([name, true]);
      }
    }
    const hooks = Object.keys(reactBinding).filter((name) => name.startsWith('use'));
    expect(
      column('Hook')
        .map((name) => name.replace(/\(.*/, ''))
        .toSorted(),
    ).toEqual(hooks.toSorted());
  });

  test('nothing that is not there: its links lead somewhere', () => {
    const headings = (text: string) =>
      Array.from(text.matchAll(/^#+ (.*)$/gm), (match) =>
        match[1]!
          .toLowerCase()
          .replaceAll(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
    for (const [, link] of page.matchAll(/\]\(([^)]+)\)/g)) {
      const [file, anchor] = link!.split('#');
      const path = file ? join(root, 'docs', file) : join(root, 'docs', 'FRONTEND.md');
      expect([link, existsSync(path)]).toEqual([link, true]);
      if (anchor !== undefined) expect(headings(readFileSync(path, 'utf8'))).toContain(anchor);
    }
  });
});
