import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { chromium as playwright } from 'playwright-core';
import type { Page } from 'playwright-core';
import { connectClient } from '../support/client.ts';
import { eventually, within } from '../support/eventually.ts';
import { httpRequest } from '../support/http-request.ts';
import { endWithParent, makeTempDir, startServer } from '../support/process.ts';
import { chromium, missingRequirements } from '../support/requirements.cjs';
import { answered } from '../support/sdk-client.ts';

const root = join(__dirname, '..', '..');
const examples = join(root, 'examples');

interface Stored {
  readonly id: string;
  readonly sender: { readonly id: string };
  readonly role: string;
  readonly content: string;
}

/** Somebody else, who uses HTTP. */
class Guest {
  readonly #url: string;
  readonly #user: string;

  constructor(url: string, user: string) {
    this.#url = url;
    this.#user = user;
  }

  async create(id: string): Promise<void> {
    expect((await this.#request('POST', '/api/threads', { id })).status).toBe(201);
  }

  async send(threadId: string, content: string): Promise<void> {
    expect((await this.#request('POST', `/api/threads/${threadId}/messages`, { content })).status).toBe(201);
  }

  async read(threadId: string): Promise<string[]> {
    const reply = await this.#request('GET', `/api/threads/${threadId}/messages`);
    const { messages } = reply.json as { messages: Stored[] };
    return messages.map(({ sender, role, content }) => `${sender.id} (${role}): ${content}`);
  }

  #request(method: string, path: string, body?: object) {
    const headers = { 'X-Threadwire-User': this.#user };
    return httpRequest(`${this.#url}${path}`, { method, headers, ...(body && { body }) });
  }
}

const programs = ['node/echo-bot.mjs', 'node/stream-reply.mjs', 'browser/main.js', 'browser/index.html'];

test.each(programs)('%s has fewer than 40 lines', (file) => {
  const lines = readFileSync(join(examples, file), 'utf8').trimEnd().split('\n');
  expect(lines.length).toBeLessThan(40);
});

/** A program of examples/node in a process of its own; disposing kills it. */
function startProgram(file: string, ...args: string[]) {
  const program = spawn(process.execPath, [...endWithParent, join(examples, 'node', file), ...args], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const closed = once(program, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const out = { text: '' };
  program.stdout!.setEncoding('utf8').on('data', (text: string) => (out.text += text));
  return {
    out,
    interrupt: () => program.kill('SIGINT'),
    ended: () => within('the program ends', closed),
    async [Symbol.asyncDispose]() {
      program.kill('SIGKILL');
      await closed;
    },
  };
}

describe('echo-bot.mjs', () => {
  const startBot = (url: string) => startProgram('echo-bot.mjs', url);

  test('answers each message once, also those from before it came, and ends with 0 on SIGINT', async () => {
    await using server = await startServer();
    const ann = new Guest(server.url, 'ann');
    await ann.create('first');
    await ann.send('first', 'early');

    await using bot = startBot(server.url);
    await eventually('the first answer', async () => (await ann.read('first')).length === 2);
    await ann.send('first', 'late');
    // A thread that the list has yet to tell of, with a message in it already.
    await ann.create('second');
    await ann.send('second', 'there');
    await eventually('the other answers', async () => {
      return (await ann.read('first')).length === 4 && (await ann.read('second')).length === 2;
    });
    const firstTalk = [
      'ann (user): early',
      'echo-bot (assistant): You said: early',
      'ann (user): late',
      'echo-bot (assistant): You said: late',
    ];
    expect(await ann.read('first')).toEqual(firstTalk);
    expect(await ann.read('second')).toEqual(['ann (user): there', 'echo-bot (assistant): You said: there']);

    bot.interrupt();
    expect(await bot.ended()).toEqual([0, null]);
    expect(bot.out.text).toBe('connected\nclosed\n');

    // The next one finds everything answered but what came meanwhile.
    await ann.send('second', 'again');
    await using next = startBot(server.url);
    await eventually('the answer of the next bot', async () => (await ann.read('second')).length === 4);
    expect(await ann.read('first')).toEqual(firstTalk);
    expect(next.out.text).toBe('connected\n');
  });

  test('goes on where it was when the server comes back', async () => {
    await using data = await makeTempDir();
    await using before = await startServer({ dataDir: data.path });
    const ann = new Guest(before.url, 'ann');
    await ann.create('first');
    await using bot = startBot(before.url);
    await ann.send('first', 'one');
    await eventually('the first answer', async () => (await ann.read('first')).length === 2);
    await before.kill('SIGKILL');
    await eventually('the bot has noticed', () => bot.out.text.includes('reconnecting: '));

    await using after = await startServer({ dataDir: data.path, env: { PORT: String(before.port) } });
    expect(after.url).toBe(before.url);
    await ann.send('first', 'two');
    await eventually('the second answer', async () => (await ann.read('first')).length === 4, 15_000);
    expect((await ann.read('first')).at(-1)).toBe('echo-bot (assistant): You said: two');
  });

  test('ends with 1 where it is refused', async () => {
    await using server = await startServer({ env: { AUTH_JWT_SECRET: 'a secret of thirty-two bytes or more' } });
    await using bot = startBot(server.url);
    expect(await bot.ended()).toEqual([1, null]);
    expect(bot.out.text).toMatch(/^closed: .+\n$/);
  });
});

describe('stream-reply.mjs', () => {
  const short = 'Once upon a time there was a reply.';
  /** It takes longer than any test. */
  const long = 'and so on '.repeat(500);

  /** A thread with a reader in it, and the program that streams into it. */
  async function startReply(story: string) {
    const server = await startServer();
    const reader = await connectClient(server.url, { user: 'ann' });
    await reader.call('create_thread', { id: 'tale' });
    await reader.call('subscribe_thread', { thread_id: 'tale' });
    const program = startProgram('stream-reply.mjs', server.url, 'tale', story);
    return {
      reader,
      program,
      /** What has come of the reply, once there are more than two words of it. */
      async begun(): Promise<{ id: string; text: string }> {
        const { id } = await reader.next('stream_start');
        let text = '';
        while (text.split(' ').length < 4) text += (await reader.next('stream_chunk')).delta;
        return { id, text };
      },
      async [Symbol.asyncDispose]() {
        await program[Symbol.asyncDispose]();
        await reader[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test('streams its words one by one, and ends with 0', async () => {
    await using run = await startReply(short);
    const { id, text } = await run.begun();
    expect(text.length).toBeLessThan(short.length);
    expect(short.startsWith(text)).toBe(true);
    expect(await run.reader.next('stream_end')).toMatchObject({
      stream_id: id,
      status: 'complete',
      length: short.length,
    });
    expect(await run.program.ended()).toEqual([0, null]);
    expect(run.program.out.text).toBe(`streaming ${id}\ncomplete: ${short}\n`);
  });

  test('stops when a reader cancels it', async () => {
    await using run = await startReply(long);
    const { id } = await run.begun();
    const { message } = await run.reader.call('stream_cancel', { stream_id: id, reason: 'enough' });
    expect(message.status).toBe('cancelled');
    expect(await run.program.ended()).toEqual([1, null]);
    expect(run.program.out.text).toBe(`streaming ${id}\ncancelled: The stream was cancelled: enough\n`);
  });

  test('cancels it on SIGINT', async () => {
    await using run = await startReply(long);
    const { id } = await run.begun();
    run.program.interrupt();
    expect(await run.reader.next('stream_end')).toMatchObject({ stream_id: id, status: 'cancelled' });
    expect(await run.program.ended()).toEqual([0, null]);
    const { messages } = await run.reader.call('fetch_history', { thread_id: 'tale' });
    expect(run.program.out.text).toBe(`streaming ${id}\ncancelled: ${messages[0]!.content}\n`);
  });

  test('ends with 1 where there is no such thread', async () => {
    await using server = await startServer();
    await using program = startProgram('stream-reply.mjs', server.url, 'nowhere');
    expect(await program.ended()).toEqual([1, null]);
    expect(program.out.text).toMatch(/^thread_not_found: .+\n$/);
  });
});

describe('the page in examples/browser', () => {
  test('can run here, or is named as missing', () => {
    const missing = missingRequirements().filter(({ name }) => name === 'chromium');
    expect(missing).toHaveLength(chromium() === undefined ? 1 : 0);
  });

  for (const executablePath of [chromium() ?? []].flat()) {
    test('builds, shows a thread live under the policy of the server, and sends', async () => {
      await using directory = await makeTempDir();
      const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
      const build = ['build', join(examples, 'browser'), '--outDir', directory.path, '--emptyOutDir'];
      await promisify(execFile)(process.execPath, [vite, ...build], { cwd: root });
      await using server = await startServer({ args: ['--page', directory.path] });
      const bob = new Guest(server.url, 'bob');

      await using browser = await playwright.launch({
        executablePath,
        args: [
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      });
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('pageerror', ({ message }) => complaints.push(message));
      page.on('console', (message) => complaints.push(message.text()));
      const shows = (status: string, ...lines: string[]) =>
        eventually(`the page shows ${status}: ${lines.join(', ')}`, async () => {
          const seen = await contents(page);
          return JSON.stringify(seen) === JSON.stringify([status, ...lines]);
        });

      await page.goto(`${server.url}/?user=ann&thread=talk`);
      await shows('live');
      await bob.send('talk', 'Anybody there?');
      await shows('live', 'bob: Anybody there?');
      await page.getByLabel('Message').fill('Here I am');
      await page.getByRole('button', { name: 'Send' }).click();
      await shows('live', 'bob: Anybody there?', 'ann: Here I am');
      expect(await bob.read('talk')).toEqual(['bob (user): Anybody there?', 'ann (user): Here I am']);
      expect(await page.getByLabel('Message').inputValue()).toBe('');

      // What a server refuses stays, with a way to try again.
      await page.getByLabel('Message').evaluate((input: { value: string }) => (input.value = 'x'.repeat(70_000)));
      await page.getByRole('button', { name: 'Send' }).click();
      const retry = page.getByRole('button', { name: 'Retry' });
      await retry.waitFor();
      const asked = await answered(server.url, 'send_message');
      await retry.click();
      await eventually('it was sent again', async () => (await answered(server.url, 'send_message')) === asked + 1);
      await retry.waitFor();
      expect((await contents(page)).at(-1)).toMatch(/^x{70000} \(failed\) Retry$/);

      await page.reload();
      await shows('live', 'bob: Anybody there?', 'ann: Here I am');
      expect(complaints).toEqual([]);
    }, 60_000);
  }
});

/** The status and each line of the list. */
async function contents(page: Page): Promise<string[]> {
  return [await page.getByRole('status').innerText(), ...(await page.getByRole('listitem').allInnerTexts())];
}
