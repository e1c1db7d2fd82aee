import { request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ErrorObject, Message } from '@threadwire/protocol';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { fresh, jwtAuth, newThread, tokenFor } from './helpers.ts';

const leaseMs = 300;
const plainText = 'text/plain; charset=utf-8';

interface Answer {
  readonly status: number;
  readonly body: { readonly message?: Message; readonly error?: ErrorObject };
}

/** A request whose body is written piece by piece. */
interface Upload {
  readonly request: ClientRequest;
  readonly write: (piece: string | Buffer) => void;
  /** What it is answered, which may be before its end; rejects where the connection breaks. */
  readonly answer: Promise<Answer>;
}

function upload(url: string, headers: Record<string, string> = {}): Upload {
  const request = httpRequest(url, {
    method: 'POST',
    headers: { 'Content-Type': plainText, 'X-Threadwire-User': 'bot', ...headers },
  });
  const answer = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response: IncomingMessage) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode!, body: JSON.parse(body) as Answer['body'] }),
        reject,
      );
    });
  });
  answer.catch(() => undefined);
  request.flushHeaders();
  return { request, write: (piece) => void request.write(piece), answer };
}

describe('POST /api/threads/:id/stream', () => {
  let app: App;
  let reader: TestClient;
  beforeAll(async () => {
    app = await startApp({ streamLeaseMs: leaseMs });
    reader = await connectClient(app.url, { user: 'ada' });
  });
  afterAll(async () => {
    await reader[Symbol.asyncDispose]();
    await app[Symbol.asyncDispose]();
  });

  async function subscribed() {
    const { id } = await newThread(reader);
    await reader.call('subscribe_thread', { thread_id: id });
    return { id, url: `${app.url}/api/threads/${id}/stream` };
  }

  test('streams the body as it arrives, and answers when it has ended', async () => {
    const { id, url } = await subscribed();
    const { request, write, answer } = upload(`${url}?message_id=run-1&role=tool`);
    write('Hello');
    expect(await reader.next('stream_start', ({ thread_id }) => thread_id === id)).toMatchObject({
      sender: { id: 'bot' },
      role: 'tool',
      message_id: 'run-1',
    });
    expect(await reader.next('stream_chunk', ({ thread_id }) => thread_id === id)).toMatchObject({ delta: 'Hello' });
    // Characters that are cut between two pieces are put together.
    const bytes = Buffer.from(' wörld 😀');
    write(bytes.subarray(0, 3));
    expect(await reader.next('stream_chunk', ({ thread_id }) => thread_id === id)).toMatchObject({ delta: ' w' });
    request.end(bytes.subarray(3));
    const { status, body } = await answer;
    expect(status).toBe(200);
    expect(body.message).toMatchObject({ content: 'Hello wörld 😀', status: 'complete', seq: 2, role: 'tool' });
    expect(await reader.next('stream_end', ({ thread_id }) => thread_id === id)).toMatchObject({ status: 'complete' });
  });

  test('takes a long body without a Content-Length, held up where it comes too fast', async () => {
    const { url } = await subscribed();
    const { request, answer } = upload(url);
    const content = Array.from({ length: 20_000 }, (_, i) => `word${i}`).join(' ');
    request.end(content);
    expect((await answer).body.message?.content).toBe(content);
  });

  test('answers 409 as soon as the stream is cancelled', async () => {
    const { id, url } = await subscribed();
    const { request, write, answer } = upload(url);
    write('never ends');
    const { stream_id } = await reader.next('stream_chunk', ({ thread_id }) => thread_id === id);
    await reader.call('stream_cancel', { stream_id });
    const { status, body } = await answer;
    expect(status).toBe(409);
    expect(body.error).toMatchObject({ code: 'stream_closed', details: { status: 'cancelled' } });
    expect(body.error).toMatchObject({ thread_id: id, stream_id });
    request.destroy();
  });

  test('leaves a body that breaks off to its lease, and goes on where it comes again from the beginning', async () => {
    const { id, url } = await subscribed();
    const messageId = fresh('body');
    const first = upload(`${url}?message_id=${messageId}`);
    first.write('The beginning');
    await reader.next('stream_chunk', ({ thread_id }) => thread_id === id);
    first.request.destroy();
    const second = upload(`${url}?message_id=${messageId}`);
    second.request.end('The beginning, and the end');
    const { status, body } = await second.answer;
    expect(status).toBe(200);
    expect(body.message).toMatchObject({ content: 'The beginning, and the end', status: 'complete', seq: 2 });
    const again = upload(`${url}?message_id=${messageId}`);
    again.request.end('whatever');
    expect(await again.answer).toEqual({ status: 200, body });
  });

  test('is interrupted where nothing comes again', async () => {
    const { id, url } = await subscribed();
    const messageId = fresh('body');
    const { request, write } = upload(`${url}?message_id=${messageId}`);
    write('lost');
    await reader.next('stream_chunk', ({ thread_id }) => thread_id === id);
    request.destroy();
    expect(await reader.next('stream_end', ({ thread_id }) => thread_id === id)).toMatchObject({
      status: 'interrupted',
      length: 4,
    });
    const late = upload(`${url}?message_id=${messageId}`);
    late.request.end('lost and found');
    const { messages } = await reader.call('fetch_history', { thread_id: id });
    const about = { thread_id: id, stream_id: messages[0]!.id };
    expect(await late.answer).toMatchObject({ status: 409, body: { error: { code: 'stream_closed', ...about } } });
  });

  test('is fenced where another request takes the stream over', async () => {
    const { id, url } = await subscribed();
    const messageId = fresh('body');
    const first = upload(`${url}?message_id=${messageId}`);
    first.write('mine');
    await reader.next('stream_chunk', ({ thread_id }) => thread_id === id);
    const second = upload(`${url}?message_id=${messageId}`);
    second.write('mine, too');
    expect(await first.answer).toMatchObject({
      status: 409,
      body: { error: { code: 'stream_conflict', details: { fenced: true } } },
    });
    second.request.end();
    expect((await second.answer).body.message?.content).toBe('mine, too');
  });

  test.each([
    ['another text than before', 'Other text'],
    ['less text than before', 'te'],
  ])('refuses %s', async (_what, content) => {
    const { id, url } = await subscribed();
    const messageId = fresh('body');
    await using bot = await connectClient(app.url, { user: 'bot' });
    const { message } = await bot.call('stream_start', { thread_id: id, message_id: messageId });
    await bot.call('stream_chunk', { stream_id: message.id, offset: 0, delta: 'text' });
    const { request, answer } = upload(`${url}?message_id=${messageId}`);
    request.end(content);
    expect(await answer).toMatchObject({
      status: 409,
      body: { error: { code: 'stream_conflict', details: { expected_offset: 4 } } },
    });
  });

  test.each([
    ['what is not UTF-8', Buffer.from([0x74, 0xff, 0x74]), 400, 'invalid_payload'],
    ['U+0000', 'text\0', 400, 'invalid_payload'],
    ['more than a stream may hold', 'x'.repeat(300_000), 413, 'payload_too_large'],
  ])('refuses %s', async (_what, content, status, code) => {
    const { id, url } = await subscribed();
    const { request, answer } = upload(url);
    request.end(content);
    const { id: stream_id } = await reader.next('stream_start', ({ thread_id }) => thread_id === id);
    expect(await answer).toMatchObject({ status, body: { error: { code, thread_id: id, stream_id } } });
  });

  test.each([
    ['a body of another type', '', { 'Content-Type': 'application/json' }, 400, 'invalid_payload'],
    ['another charset', '', { 'Content-Type': 'text/plain; charset=latin1' }, 400, 'invalid_payload'],
    ['a compressed body', '', { 'Content-Encoding': 'gzip' }, 400, 'invalid_payload'],
    ['an unknown role', '?role=robot', {}, 400, 'invalid_payload'],
    ['an unknown parameter', '?rolle=tool', {}, 400, 'invalid_payload'],
  ])('refuses %s before anything is stored', async (_what, query, headers, status, code) => {
    const { id, url } = await subscribed();
    const { request, answer } = upload(`${url}${query}`, headers);
    request.end('text');
    const { status: answered, body } = await answer;
    expect(answered).toBe(status);
    expect(body.error).toMatchObject({ code, thread_id: id });
    expect(body.error).not.toHaveProperty('stream_id');
    expect((await reader.call('fetch_history', { thread_id: id })).head_seq).toBe(0);
  });

  test('does not know threads that one may not read', async () => {
    const { id } = await newThread(reader, { members: ['ada'] });
    const { request, answer } = upload(`${app.url}/api/threads/${id}/stream`);
    request.end('text');
    expect(await answer).toMatchObject({ status: 404, body: { error: { code: 'thread_not_found', thread_id: id } } });
  });
});

test('a body needs the scope agent', async () => {
  await using app = await startApp({ auth: jwtAuth });
  await using user = await connectClient(app.url, { token: await tokenFor('ada') });
  const { id } = await newThread(user);
  const url = `${app.url}/api/threads/${id}/stream`;
  const refused = upload(url, { Authorization: `Bearer ${await tokenFor('ada')}` });
  refused.request.end('text');
  expect(await refused.answer).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
  const allowed = upload(url, { Authorization: `Bearer ${await tokenFor('bot', 'agent')}` });
  allowed.request.end('text');
  expect(await allowed.answer).toMatchObject({ status: 200, body: { message: { content: 'text' } } });
});

test('a body that is being streamed is told when the server drains, and loses nothing', async () => {
  await using app = await startApp();
  await using reader = await connectClient(app.url, { user: 'ada' });
  const { id } = await newThread(reader);
  await reader.call('subscribe_thread', { thread_id: id });
  const { write, answer } = upload(`${app.url}/api/threads/${id}/stream`);
  write('so far');
  await reader.next('stream_chunk');
  const drained = app.server.drain();
  expect(await answer).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } });
  await drained;
});
