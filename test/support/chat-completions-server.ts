import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { newSignal } from './signal.ts';

type Bytes = string | Uint8Array;

/** What one request is answered with. */
export type ChatReply =
  /** An ordinary HTTP answer. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: object | string }
  /** A stream of events: each of these is written on its own, and then the answer ends, breaks off, or just stops. */
  | { readonly writes: Iterable<Bytes> | AsyncIterable<Bytes>; readonly ending?: 'end' | 'break off' | 'hang' }
  /** The connection is closed without an answer. */
  | 'hang up'
  /** Nothing at all. */
  | 'silence';

export interface ChatRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly messages: readonly { readonly role: string; readonly content: string }[] } & Readonly<
    Record<string, unknown>
  >;
  /** Resolves when the answer is over: it was sent, or its reader has closed the connection. */
  readonly closed: Promise<void>;
}

/** One event of a stream: the data as JSON. */
export function chatEvent(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function chunk(delta: object, finishReason: string | null): string {
  const fields = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1_768_000_000, model: 'test-model' };
  return chatEvent({ ...fields, choices: [{ index: 0, delta, finish_reason: finishReason }] });
}

/** The event that brings this text. */
export function chatText(content: string): string {
  return chunk({ content }, null);
}

/** The event that says why the model is done. */
export function chatEnd(reason = 'stop'): string {
  return chunk({}, reason);
}

/** What stands at the end of every stream that was not broken off. */
export const chatDone = 'data: [DONE]\n\n';

/** A whole answer, in these pieces. */
export function chatAnswer(...pieces: string[]): ChatReply {
  return { writes: [chunk({ role: 'assistant', content: '' }, null), ...pieces.map(chatText), chatEnd(), chatDone] };
}

/** A real HTTP server that streams chat completions as it is told to, one reply a request. */
export class ChatCompletionsServer implements AsyncDisposable {
  readonly #server = createServer((request, response) => {
    // A connection that its reader closes is part of what is tested.
    this.#answer(request, response).catch(() => response.destroy());
  });
  readonly #replies: ChatReply[];
  /** In the order in which they came. */
  readonly requests: ChatRequest[] = [];
  readonly #arrivals: ((request: ChatRequest) => void)[] = [];

  constructor(replies: readonly ChatReply[]) {
    this.#replies = [...replies];
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  /** The next request to come. */
  next(): Promise<ChatRequest> {
    return new Promise((resolve) => this.#arrivals.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const closed = newSignal();
    response.once('close', () => closed.resolve());
    const body = JSON.parse(await text(request)) as ChatRequest['body'];
    const arrived = { path: request.url!, headers: request.headers, body, closed: closed.promise };
    this.requests.push(arrived);
    for (const resolve of this.#arrivals.splice(0)) resolve(arrived);
    const reply = this.#replies.shift() ?? { status: 418, body: 'no reply is left' };
    if (reply === 'silence') return;
    if (reply === 'hang up') response.destroy();
    else if ('status' in reply) sendPlain(response, reply);
    else await sendStream(response, reply);
  }
}

function sendPlain(response: ServerResponse, reply: Extract<ChatReply, { status: number }>): void {
  const { status, headers, body = '' } = reply;
  const isText = typeof body === 'string';
  response.writeHead(status, { 'Content-Type': isText ? 'text/plain' : 'application/json', ...headers });
  response.end(isText ? body : JSON.stringify(body));
}

async function sendStream(response: ServerResponse, reply: Extract<ChatReply, { writes: unknown }>): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.flushHeaders();
  for await (const bytes of reply.writes) {
    // Handed to the system before the next one.
    await new Promise<void>((resolve, reject) => {
      response.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }
  if (reply.ending === 'hang') return;
  if (reply.ending === 'break off') response.destroy();
  else response.end();
}

/** Starts the server on a free port of 127.0.0.1; each request gets the next of these replies. */
export async function startChatCompletionsServer(...replies: ChatReply[]): Promise<ChatCompletionsServer> {
  const server = new ChatCompletionsServer(replies);
  await server.listen();
  return server;
}
