import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { missing, python } from '../support/python.ts';
import { requirements } from '../support/requirements.cjs';
import { fresh, newThread } from './helpers.ts';

interface Answer {
  readonly status: number;
  readonly body: { readonly message?: Message; readonly error?: { readonly code: string; readonly details?: unknown } };
}

/** A program of its own that streams what it is given. */
interface Program {
  start(url: string): ChildProcessWithoutNullStreams;
  /** A piece of text, as it reads it. */
  piece(content: string): string;
  answer(output: string): Answer;
}

const environment = { PATH: process.env['PATH'], PYTHONDONTWRITEBYTECODE: '1', PYTHONUTF8: '1', LC_ALL: 'C.UTF-8' };

function pythonProgram(interpreter: string): Program {
  const file = join(__dirname, '..', 'transcripts', 'stream-body.py');
  return {
    start: (url) => spawn(interpreter, [file, url], { env: environment }),
    piece: (content) => `${JSON.stringify(content)}\n`,
    answer: (output) => JSON.parse(output) as Answer,
  };
}

const curl: Program = {
  start: (url) => {
    const headers = ['-H', 'Content-Type: text/plain; charset=utf-8', '-H', 'X-Threadwire-User: bot'];
    const always = ['--silent', '--show-error', '--no-buffer', '--max-time', '20', '--write-out', '\n%{http_code}'];
    return spawn('curl', [...always, '-X', 'POST', ...headers, '-T', '-', url], { env: environment });
  },
  piece: (content) => content,
  answer: (output) => {
    const [body, status] = output.split('\n') as [string, string];
    return { status: Number(status), body: JSON.parse(body) as Answer['body'] };
  },
};

const isCurlHere = requirements.curl.missing() === undefined;
const programs: readonly (readonly [name: string, program: Program])[] = [
  ...(python === undefined ? [] : [['requests, of Python', pythonProgram(python)] as const]),
  ...(isCurlHere ? [['curl', curl] as const] : []),
];

test('the programs can run here, or are named as missing', () => {
  expect(missing).toHaveLength(python === undefined ? 1 : 0);
  expect(programs).toHaveLength(2 - missing.length - (isCurlHere ? 0 : 1));
});

for (const [name, program] of programs) {
  describe(name, () => {
    let app: App;
    let reader: TestClient;
    beforeAll(async () => {
      app = await startApp();
      reader = await connectClient(app.url, { user: 'ada' });
    });
    afterAll(async () => {
      await reader[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    });

    /** A thread that the reader is subscribed to, and what streams into one message of it. */
    async function setUp() {
      const { id } = await newThread(reader);
      await reader.call('subscribe_thread', { thread_id: id });
      const url = `${app.url}/api/threads/${id}/stream?message_id=${fresh('body')}`;
      return {
        run: (): Run => new Run(program, url),
        nextText: async () => (await reader.next('stream_chunk', ({ thread_id }) => thread_id === id, 10_000)).delta,
        nextEnd: () => reader.next('stream_end', ({ thread_id }) => thread_id === id, 10_000),
      };
    }

    test('streams what it is given as it comes, and is answered with the message', async () => {
      const { run, nextText, nextEnd } = await setUp();
      await using upload = run();
      upload.write('Grüße, ');
      expect(await nextText()).toBe('Grüße, ');
      upload.write('文字 😀');
      expect(await nextText()).toBe('文字 😀');
      const { status, body } = await upload.end();
      expect(status).toBe(200);
      expect(body.message).toMatchObject({ content: 'Grüße, 文字 😀', status: 'complete', sender: { id: 'bot' } });
      expect(await nextEnd()).toMatchObject({ status: 'complete', length: 12 });
    });

    test('that is killed in the middle goes on when it is run again with the whole text', async () => {
      const { run, nextText, nextEnd } = await setUp();
      await using killed = run();
      killed.write('The beginning');
      expect(await nextText()).toBe('The beginning');
      await killed.kill();
      await using again = run();
      again.write('The beginning');
      again.write(', and the end');
      expect(await nextText()).toBe(', and the end');
      expect((await again.end()).body.message).toMatchObject({
        content: 'The beginning, and the end',
        status: 'complete',
        seq: 2,
      });
      expect((await nextEnd()).length).toBe(26);
    });

    test('hears that its stream was cancelled', async () => {
      const { run, nextText } = await setUp();
      await using upload = run();
      upload.write('enough');
      expect(await nextText()).toBe('enough');
      const { streaming } = await reader.call('fetch_history', { thread_id: upload.threadId });
      await reader.call('stream_cancel', { stream_id: streaming[0]!.id });
      expect(await upload.end()).toMatchObject({
        status: 409,
        body: { error: { code: 'stream_closed', details: { status: 'cancelled' } } },
      });
    });
  });
}

/** The program at work. */
class Run implements AsyncDisposable {
  readonly threadId: string;
  readonly #program: Program;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output: Promise<string>;
  readonly #errors: Promise<string>;
  readonly #exited: Promise<unknown>;

  constructor(program: Program, url: string) {
    this.threadId = new URL(url).pathname.split('/').at(-2)!;
    this.#program = program;
    this.#child = program.start(url);
    this.#output = text(this.#child.stdout);
    this.#errors = text(this.#child.stderr);
    this.#exited = new Promise((resolve) => {
      this.#child.once('close', resolve);
    });
    // It may have heard enough.
    this.#child.stdin.on('error', () => undefined);
  }

  write(content: string): void {
    this.#child.stdin.write(this.#program.piece(content));
  }

  /** No more text comes; resolves with what it was answered. */
  async end(): Promise<Answer> {
    this.#child.stdin.end();
    const output = await this.#output;
    try {
      return this.#program.answer(output.trim());
    } catch {
      throw new Error(`it printed: ${output}${await this.#errors}`);
    }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}
