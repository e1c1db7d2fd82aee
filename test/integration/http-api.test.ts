import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { errorObjectSchema, limits } from '@threadwire/protocol';
import type { Message, Thread } from '@threadwire/protocol';
import { StoreUnavailable } from '../../server/src/store/thread-store.ts';
import { startApp, storeWith } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { httpRequest } from '../support/http-request.ts';
import type { Reply, RequestOptions } from '../support/http-request.ts';
import { jwtSecret, tokenFor } from '../support/tokens.ts';

let app: App;
beforeAll(async () => {
  app = await startApp({ ratePerSecond: 0 });
});
afterAll(async () => app[Symbol.asyncDispose]());

type Call = (
  method: string,
  path: string,
  body?: RequestOptions['body'],
  headers?: Record<string, string>,
) => Promise<Reply>;

/** Requests of one user. */
function as(user: string): Call {
  return (method, path, body, headers = {}) =>
    httpRequest(`${app.url}${path}`, {
      method,
      headers: { 'X-Threadwire-User': user, ...headers },
      ...(body !== undefined && { body }),
    });
}

const ada = as('ada');
const bob = as('bob');

async function createThread(body: object = {}, call: Call = ada): Promise<Thread> {
  return ((await call('POST', '/api/threads', body)).json as { thread: Thread }).thread;
}

async function postMessage(thread: Thread, body: object = { content: 'hello' }, call: Call = ada): Promise<Message> {
  const reply = await call('POST', `/api/threads/${thread.id}/messages`, body);
  return (reply.json as { message: Message }).message;
}

/** An error answer with this status, whose body is an error object and nothing else. */
function expectError(reply: Reply, status: number, code: string, fields: object = {}): void {
  expect({ status: reply.status, error: reply.error }).toMatchObject({ status, error: { code, ...fields } });
  expect(reply.headers['content-type']).toMatch(/^application\/json/);
  errorObjectSchema.strict().parse(reply.error);
  if (code === 'invalid_payload') expect(reply.error.details?.issues?.length).toBeGreaterThan(0);
}

describe('the body of an answer equals the data of the ack', () => {
  test('POST /api/threads: 201, and 200 where it was there', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const body = { id: randomUUID(), title: 'plan', members: ['bob'], metadata: { colour: 'red' } };
    const first = await ada('POST', '/api/threads', body);
    expect(first.status).toBe(201);
    expect(first.json).toMatchObject({ thread: { ...body, created_by: 'ada', head_seq: 0 } });

    const again = await ada('POST', '/api/threads', { ...body, title: 'another' });
    expect(again.status).toBe(200);
    expect(again.json).toEqual(first.json);
    expect(first.json).toEqual(await client.call('create_thread', body));
  });

  test('POST /api/threads with an empty object, or no body at all, creates one with the defaults', async () => {
    const empty = await ada('POST', '/api/threads', {});
    expect(empty.json).toMatchObject({ thread: { title: '', members: [], metadata: {} } });
    expect((await ada('POST', '/api/threads')).status).toBe(201);
  });

  test('GET /api/threads: a page, with a cursor to go on', async () => {
    const call = as('lister');
    await using client = await connectClient(app.url, { user: 'lister' });
    for (let i = 0; i < 3; i++) await createThread({ members: ['lister'] }, call);
    const first = await call('GET', '/api/threads?limit=2');
    expect(first.status).toBe(200);
    expect(first.json).toEqual(await client.call('list_threads', { limit: 2 }));

    const { threads, next_cursor: cursor } = first.json as { threads: Thread[]; next_cursor: string };
    expect(threads).toHaveLength(2);
    const second = await call('GET', `/api/threads?limit=2&cursor=${encodeURIComponent(cursor)}`);
    expect(second.json).toEqual(await client.call('list_threads', { limit: 2, cursor }));
    expect((second.json as { threads: Thread[] }).threads[0]!.id).not.toBe(threads[1]!.id);
  });

  test('GET /api/threads/:id', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const thread = await createThread({ title: 'one' });
    await postMessage(thread);
    const reply = await ada('GET', `/api/threads/${thread.id}`);
    expect(reply.status).toBe(200);
    const { thread: read } = reply.json as { thread: Thread };
    expect(read).toMatchObject({ id: thread.id, title: 'one', head_seq: 1 });
    const history = await client.call('fetch_history', { thread_id: thread.id });
    expect(read).toEqual(history.thread);
  });

  test('PATCH /api/threads/:id replaces each field given', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const thread = await createThread({ title: 'old', metadata: { a: 1 } });
    const reply = await ada('PATCH', `/api/threads/${thread.id}`, { title: 'new', metadata: { b: 2 } });
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({ thread: { title: 'new', metadata: { b: 2 }, members: [] } });
    expect(reply.json).toEqual(await client.call('update_thread', { thread_id: thread.id, title: 'new' }));
  });

  test('POST /api/threads/:id/messages: 201, and 200 for a duplicate', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const thread = await createThread();
    const path = `/api/threads/${thread.id}/messages`;
    const body = { content: 'hello', role: 'tool', metadata: { a: [1] }, message_id: 'm-1' };
    const first = await ada('POST', path, body);
    expect(first.status).toBe(201);
    expect(first.json).toMatchObject({
      duplicate: false,
      message: { ...body, thread_id: thread.id, sender: { id: 'ada' }, seq: 1, position: 1, status: 'complete' },
    });

    const { message } = first.json as { message: Message };
    const again = await ada('POST', path, { ...body, content: 'another' });
    expect(again.status).toBe(200);
    expect(again.json).toEqual({ message, duplicate: true });
    expect(again.json).toEqual(
      await client.call('send_message', { thread_id: thread.id, content: 'x', message_id: 'm-1' }),
    );
  });

  test('PATCH and DELETE /api/threads/:id/messages/:mid', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const thread = await createThread();
    const { id } = await postMessage(thread);
    const path = `/api/threads/${thread.id}/messages/${id}`;
    const edit = { content: 'better', metadata: { v: 2 } };
    const edited = await ada('PATCH', path, edit);
    expect(edited.status).toBe(200);
    expect(edited.json).toMatchObject({ message: { id, ...edit, seq: 2, position: 1, status: 'complete' } });
    expect(edited.json).toEqual(await client.call('edit_message', { thread_id: thread.id, id, ...edit }));

    const deleted = await ada('DELETE', path);
    expect(deleted.status).toBe(200);
    expect(deleted.json).toMatchObject({ message: { id, content: '', status: 'deleted', seq: 3, position: 1 } });
    expect(deleted.json).toEqual(await client.call('delete_message', { thread_id: thread.id, id }));
  });

  test('GET /api/threads/:id/messages without a cursor and with each one', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const thread = await createThread();
    for (let i = 1; i <= 5; i++) await postMessage(thread, { content: `message ${i}` });
    const path = `/api/threads/${thread.id}/messages`;
    const pages = [
      { query: '', fields: {}, positions: [1, 2, 3, 4, 5], rest: { recovered: false, has_more: false } },
      { query: '?limit=2', fields: { limit: 2 }, positions: [4, 5], rest: { recovered: false, has_more: true } },
      { query: '?limit=0', fields: { limit: 0 }, positions: [], rest: { recovered: false, has_more: true } },
      {
        query: '?before_position=4&limit=2',
        fields: { before_position: 4, limit: 2 },
        positions: [2, 3],
        rest: { recovered: false, has_more: true },
      },
      {
        query: '?after_seq=3',
        fields: { after_seq: 3 },
        positions: [4, 5],
        rest: { recovered: true, has_more: false },
      },
      {
        query: '?after_seq=0&limit=4',
        fields: { after_seq: 0, limit: 4 },
        positions: [1, 2, 3, 4],
        rest: { recovered: true, has_more: true },
      },
      {
        query: '?after_seq=9',
        fields: { after_seq: 9 },
        positions: [1, 2, 3, 4, 5],
        rest: { recovered: false, has_more: false },
      },
    ];
    for (const { query, fields, positions, rest } of pages) {
      const reply = await ada('GET', `${path}${query}`);
      expect(reply.status).toBe(200);
      expect(reply.json).toMatchObject({ head_seq: 5, streaming: [], ...rest });
      expect((reply.json as { messages: Message[] }).messages.map(({ position }) => position)).toEqual(positions);
      expect(reply.json).toEqual(await client.call('fetch_history', { thread_id: thread.id, ...fields }));
    }
  });
});

describe('what HTTP and connections do to each other', () => {
  test('what is sent, edited and deleted by HTTP reaches subscribers', async () => {
    await using client = await connectClient(app.url, { user: 'bob' });
    const thread = await createThread();
    await client.call('subscribe_thread', { thread_id: thread.id });
    const message = await postMessage(thread);
    expect(await client.next('thread_message')).toEqual(message);
    const path = `/api/threads/${thread.id}/messages/${message.id}`;
    const edited = (await ada('PATCH', path, { content: 'better' })).json as { message: Message };
    expect(await client.next('message_updated')).toEqual(edited.message);
    const deleted = (await ada('DELETE', path)).json as { message: Message };
    expect(await client.next('message_updated')).toEqual(deleted.message);
  });

  test('a duplicate and an edit that changes nothing are not announced', async () => {
    await using client = await connectClient(app.url, { user: 'bob' });
    const thread = await createThread();
    await client.call('subscribe_thread', { thread_id: thread.id, limit: 0 });
    const message = await postMessage(thread, { content: 'once', message_id: 'm-1' });
    await postMessage(thread, { content: 'once', message_id: 'm-1' });
    const path = `/api/threads/${thread.id}/messages/${message.id}`;
    expect((await ada('PATCH', path, { content: 'once' })).json).toEqual({ message });
    const marker = await postMessage(thread, { content: 'marker' });
    const before = await client.drainUntil('thread_message', ({ id }) => id === marker.id);
    expect(before.map(({ payload }) => payload)).toEqual([message]);
    expect(marker.seq).toBe(2);
  });

  test('what is sent over a connection is read by HTTP', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const { thread } = await client.call('create_thread', {});
    const { message } = await client.call('send_message', { thread_id: thread.id, content: 'from a socket' });
    const reply = await bob('GET', `/api/threads/${thread.id}/messages`);
    expect((reply.json as { messages: Message[] }).messages).toEqual([message]);
  });

  test('a repeat over the other way is the same message', async () => {
    await using client = await connectClient(app.url, { user: 'ada' });
    const thread = await createThread();
    const request = { content: 'once', message_id: randomUUID() };
    const { message } = await client.call('send_message', { thread_id: thread.id, ...request });
    const reply = await ada('POST', `/api/threads/${thread.id}/messages`, request);
    expect(reply.status).toBe(200);
    expect(reply.json).toEqual({ message, duplicate: true });
  });

  test('a subscriber who is taken out of the members by HTTP is told, and receives nothing more', async () => {
    await using client = await connectClient(app.url, { user: 'bob' });
    const thread = await createThread({ members: ['bob'] });
    const open = await createThread();
    await client.call('subscribe_threads', { threads: [{ thread_id: thread.id }, { thread_id: open.id }] });
    await ada('PATCH', `/api/threads/${thread.id}`, { members: ['carol'] });
    expect(await client.next('error')).toMatchObject({ code: 'forbidden', thread_id: thread.id });
    await postMessage(thread);
    const marker = await postMessage(open);
    const before = await client.drainUntil('thread_message', ({ id }) => id === marker.id);
    expect(before).toEqual([]);
  });

  test('a thread that is created or changed by HTTP reaches watchers', async () => {
    await using client = await connectClient(app.url, { user: 'bob' });
    await client.call('watch_threads', {});
    const thread = await createThread({ title: 'new' });
    const isTold = (title: string) => (update: { threads: Thread[] }) =>
      update.threads.some((each) => each.id === thread.id && each.title === title);
    await client.next('threads_updated', isTold('new'));
    await ada('PATCH', `/api/threads/${thread.id}`, { title: 'changed' });
    await client.next('threads_updated', isTold('changed'));
  });

  test('many equal posts at once leave one message: one 201, the others 200', async () => {
    const thread = await createThread();
    const body = { content: 'once', message_id: randomUUID() };
    const path = `/api/threads/${thread.id}/messages`;
    const replies = await Promise.all(Array.from({ length: 12 }, () => ada('POST', path, body)));
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([...Array(11).fill(200), 201]);
    expect(new Set(replies.map(({ json }) => (json as { message: Message }).message.id)).size).toBe(1);
    expect((await ada('GET', `/api/threads/${thread.id}`)).json).toMatchObject({ thread: { head_seq: 1 } });
  });
});

describe('who may do what', () => {
  test('X-Threadwire-User says who it is', async () => {
    const thread = await createThread({}, as('some.body@example:1'));
    expect(thread.created_by).toBe('some.body@example:1');
  });

  test('without the header everybody is somebody new', async () => {
    const anonymous: Call = (method, path, body) => httpRequest(`${app.url}${path}`, { method, body: body ?? {} });
    const [first, second] = [await createThread({}, anonymous), await createThread({}, anonymous)];
    expect(first.created_by).toMatch(/^anon-.{8,}$/);
    expect(second.created_by).toMatch(/^anon-/);
    expect(second.created_by).not.toBe(first.created_by);
  });

  test.each(['', ' ', 'a b', 'x'.repeat(65), 'ada, bob', 'ä'])(
    'X-Threadwire-User %j is no user id: 400',
    async (user) => {
      expectError(await as(user)('GET', '/api/threads'), 400, 'invalid_payload');
    },
  );

  test('somebody else creating a thread with a taken id: 409 thread_exists', async () => {
    const { id } = await createThread();
    expectError(await bob('POST', '/api/threads', { id }), 409, 'thread_exists');
  });

  test('a thread that is not there, and one that the user may not read: the same 404', async () => {
    const { id } = await createThread({ members: ['carol'] });
    const message = { content: 'x' };
    for (const thread of [id, 'there-is-none']) {
      const path = `/api/threads/${thread}`;
      for (const reply of [
        await bob('GET', path),
        await bob('PATCH', path, { title: 'mine' }),
        await bob('GET', `${path}/messages`),
        await bob('POST', `${path}/messages`, message),
        await bob('PATCH', `${path}/messages/m`, message),
        await bob('DELETE', `${path}/messages/m`),
      ]) {
        expectError(reply, 404, 'thread_not_found', { thread_id: thread });
        expect(reply.error.message.replace(thread, 'ID')).toBe('There is no thread ID that you may read.');
      }
    }
    expect((await as('carol')('GET', `/api/threads/${id}`)).status).toBe(200);
    expect((await bob('GET', '/api/threads?limit=100')).text).not.toContain(id);
  });

  test('only its creator changes a thread: 403', async () => {
    const { id } = await createThread({ members: ['bob'] });
    expectError(await bob('PATCH', `/api/threads/${id}`, { title: 'mine' }), 403, 'forbidden');
  });

  test('only its sender edits or deletes a message: 403', async () => {
    const thread = await createThread();
    const { id } = await postMessage(thread);
    const path = `/api/threads/${thread.id}/messages/${id}`;
    expectError(await bob('PATCH', path, { content: 'mine' }), 403, 'forbidden');
    expectError(await bob('DELETE', path), 403, 'forbidden');
    expect((await ada('GET', `/api/threads/${thread.id}/messages`)).json).toMatchObject({
      head_seq: 1,
      messages: [{ id, content: 'hello' }],
    });
  });

  test('a message that is not in this thread: 404 message_not_found', async () => {
    const [thread, other] = [await createThread(), await createThread()];
    const { id } = await postMessage(other);
    for (const mid of [id, 'there-is-none']) {
      const path = `/api/threads/${thread.id}/messages/${mid}`;
      expectError(await ada('PATCH', path, { content: 'x' }), 404, 'message_not_found');
      expectError(await ada('DELETE', path), 404, 'message_not_found');
    }
  });

  test('if_seq that is not the seq of the message: 409 seq_conflict, with the seq it has', async () => {
    const thread = await createThread();
    const { id } = await postMessage(thread);
    const path = `/api/threads/${thread.id}/messages/${id}`;
    await ada('PATCH', path, { content: 'two', if_seq: 1 });
    const conflict = { details: { seq: 2 } };
    expectError(await ada('PATCH', path, { content: 'three', if_seq: 1 }), 409, 'seq_conflict', conflict);
    expectError(await ada('DELETE', path, { if_seq: 1 }), 409, 'seq_conflict', conflict);
    expectError(await ada('DELETE', `${path}?if_seq=1`), 409, 'seq_conflict', conflict);
    const deleted = await ada('DELETE', path, { if_seq: 2 });
    expect(deleted.json).toMatchObject({ message: { status: 'deleted', seq: 3 } });
  });

  test('a deleted message is not edited, and deleted again only in name', async () => {
    const thread = await createThread();
    const { id } = await postMessage(thread);
    const path = `/api/threads/${thread.id}/messages/${id}`;
    const deleted = await ada('DELETE', path);
    expectError(await ada('PATCH', path, { content: 'back' }), 404, 'message_not_found');
    expect((await ada('DELETE', path)).json).toEqual(deleted.json);
    expect((await ada('GET', `/api/threads/${thread.id}`)).json).toMatchObject({ thread: { head_seq: 2 } });
  });
});

describe('requests that are wrong', () => {
  let thread: Thread;
  beforeAll(async () => {
    thread = await createThread();
  });
  const messages = () => `/api/threads/${thread.id}/messages`;

  test('both cursors at once', async () => {
    const reply = await ada('GET', `${messages()}?after_seq=1&before_position=3`);
    expectError(reply, 400, 'invalid_payload', { details: { issues: [{ path: 'before_position' }] } });
  });

  test.each([
    ['colour=red', 'colour'],
    ['token=secret', 'token'],
    ['__proto__=x', '__proto__'],
    ['limit=1&limit=2', 'limit'],
    ['limit[]=1', 'limit[]'],
    ['limit=201', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=', 'limit'],
    ['limit=1e1', 'limit'],
    ['limit=%201', 'limit'],
    ['limit=%E0%A4%A', 'limit'],
    ['after_seq=99999999999999999', 'after_seq'],
    ['before_position=x', 'before_position'],
  ])('the query ?%s', async (query, path) => {
    const reply = await ada('GET', `${messages()}?${query}`);
    expectError(reply, 400, 'invalid_payload', { details: { issues: [{ path }] } });
  });

  test.each(['limit=0', 'limit=101', 'limit=2&limit=2', 'cursor=', 'cursor=x', 'cursor=a&cursor=b', 'thread_id=x'])(
    'the query of a list ?%s',
    async (query) => {
      expectError(await ada('GET', `/api/threads?${query}`), 400, 'invalid_payload');
    },
  );

  test('fields that GET /api/threads/:id does not have', async () => {
    expectError(await ada('GET', `/api/threads/${thread.id}?limit=1`), 400, 'invalid_payload');
  });

  test('a query where the fields come from the body: it is not ignored', async () => {
    const issue = (path: string) => ({ details: { issues: [{ path }] } });
    expectError(await ada('POST', '/api/threads?token=x', {}), 400, 'invalid_payload', issue('token'));
    expectError(await ada('POST', `${messages()}?a=b`, { content: 'x' }), 400, 'invalid_payload', issue('a'));
    const edit = { content: 'x' };
    expectError(await ada('PATCH', `${messages()}/m?if_seq=1`, edit), 400, 'invalid_payload', issue('if_seq'));
  });

  test('a query with a name that is long or not clean is refused without repeating it as it is', async () => {
    const long = await ada('POST', `/api/threads?${'x'.repeat(5000)}=1`, {});
    expectError(long, 400, 'invalid_payload');
    expect(long.text.length).toBeLessThan(1000);
    const unclean = await ada('POST', '/api/threads?a%00b=1', {});
    expectError(unclean, 400, 'invalid_payload', { details: { issues: [{ path: 'a\uFFFDb' }] } });
  });

  test('a field both in the query and in the body: neither is preferred', async () => {
    for (const if_seq of [1, 7]) {
      expectError(await ada('DELETE', `${messages()}/m?if_seq=7`, { if_seq }), 400, 'invalid_payload', {
        details: { issues: [{ path: 'if_seq', message: 'is given twice' }] },
      });
    }
  });

  test('fields of the path given again', async () => {
    const issue = (path: string) => ({ details: { issues: [{ path }] } });
    const body = { thread_id: thread.id, content: 'x' };
    expectError(await ada('POST', messages(), body), 400, 'invalid_payload', issue('thread_id'));
    const query = `?thread_id=${thread.id}`;
    expectError(await ada('GET', `${messages()}${query}`), 400, 'invalid_payload', issue('thread_id'));
    expectError(await ada('PATCH', `${messages()}/m`, { id: 'm', content: 'x' }), 400, 'invalid_payload', issue('id'));
  });

  test.each(['/api/threads/%E0%A4%A', '/api/threads/%', '/api/threads/%ff/messages', '/api/threads/x/messages/%zz'])(
    'percent-encoding that is none: %s',
    async (path) => {
      expectError(await ada(path.includes('/x/') ? 'DELETE' : 'GET', path), 400, 'invalid_payload');
    },
  );

  test.each(['a%20b', '%00', '%2e%2e%2f', 'x'.repeat(65), '%F0%9F%98%80'])(
    'a thread id that is none: %s',
    async (id) => {
      expectError(await ada('GET', `/api/threads/${id}`), 400, 'invalid_payload', {
        details: { issues: [{ path: 'thread_id' }] },
      });
    },
  );

  test.each(['{', '', 'hello', '{"content":"x"', '{"content":"x"}}', "{'content':'x'}", '\u{FEFF}{'])(
    'the body %j, which is not JSON or lacks what is needed',
    async (body) => {
      const headers = { 'Content-Type': 'application/json' };
      expectError(await ada('POST', messages(), body, headers), 400, 'invalid_payload');
    },
  );

  test('the message_id of a request is in the error that answers it', async () => {
    const body = { content: 'x', message_id: 'mine' };
    expectError(await ada('POST', '/api/threads/none/messages', body), 404, 'thread_not_found', { message_id: 'mine' });
  });

  test('a body that is not UTF-8: nothing else is put in its place', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const body = Buffer.from('{"content":"caf\xe9"}', 'latin1');
    expectError(await ada('POST', messages(), body, headers), 400, 'invalid_payload');
  });

  test.each(['[]', '"text"', '5', 'null', 'true', '[{"content":"x"}]'])(
    'the body %s, which is no object',
    async (body) => {
      const headers = { 'Content-Type': 'application/json' };
      expectError(await ada('POST', messages(), body, headers), 400, 'invalid_payload');
      expectError(await ada('POST', '/api/threads', body, headers), 400, 'invalid_payload');
    },
  );

  test.each([
    undefined,
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'nonsense',
  ])('a body sent as %s', async (type) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type };
    const reply = await ada('POST', '/api/threads', '{"title":"foreign"}', headers);
    expectError(reply, 400, 'invalid_payload');
    expect(reply.error.message).toContain('application/json');
  });

  test.each([
    { 'Content-Type': 'application/json; charset=klingon' },
    { 'Content-Type': 'application/json', 'Content-Encoding': 'klingon' },
    { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' },
  ])('a body encoded in a way that cannot be read: %j', async (headers) => {
    expectError(await ada('POST', messages(), '{"content":"x"}', headers), 400, 'invalid_payload');
  });

  test('a body that JSON declares in another case, with a charset', async () => {
    const headers = { 'Content-Type': 'Application/JSON; charset=UTF-8' };
    expect((await ada('POST', messages(), '{"content":"x"}', headers)).status).toBe(201);
  });

  test('unknown fields are named', async () => {
    const reply = await ada('POST', messages(), { content: 'x', colour: 'red' });
    expectError(reply, 400, 'invalid_payload', {
      details: { issues: [{ path: 'colour', message: 'is not a known field' }] },
    });
  });

  test.each([
    ['content with U+0000', '{"content":"a\\u0000b"}'],
    ['content with a lone surrogate', '{"content":"\\ud800"}'],
    ['metadata with U+0000 in a key', '{"content":"x","metadata":{"a\\u0000":1}}'],
    ['metadata with a lone surrogate', '{"content":"x","metadata":{"a":["\\udc00"]}}'],
    ['metadata nine levels deep', `{"content":"x","metadata":${'{"a":'.repeat(9)}1${'}'.repeat(9)}}`],
    ['metadata a hundred thousand levels deep', `{"content":"x","metadata":${nested(100_000)}}`],
    ['content a hundred thousand levels deep', `{"content":${nested(100_000)}}`],
    ['an unknown field a hundred thousand levels deep', `{"content":"x","more":${nested(100_000)}}`],
    ['metadata with __proto__', '{"content":"x","metadata":{"__proto__":{"polluted":true}}}'],
    ['metadata with constructor, deep inside', '{"content":"x","metadata":{"a":[{"constructor":{"prototype":{}}}]}}'],
    ['metadata with prototype', '{"content":"x","metadata":{"prototype":{}}}'],
    ['metadata with an operator', '{"content":"x","metadata":{"$where":"1"}}'],
    ['__proto__ beside the fields', '{"content":"x","__proto__":{"polluted":true}}'],
    ['constructor beside the fields', '{"content":"x","constructor":{"polluted":true}}'],
    ['metadata that is a list', '{"content":"x","metadata":[]}'],
    ['metadata that is null', '{"content":"x","metadata":null}'],
    ['metadata above 8 KiB', JSON.stringify({ content: 'x', metadata: { a: 'x'.repeat(8192) } })],
    ['an operator for content', '{"content":{"$ne":""}}'],
    ['an unknown role', '{"content":"x","role":"admin"}'],
    ['a message_id with a blank', '{"content":"x","message_id":"a b"}'],
    ['empty content', '{"content":""}'],
  ])('%s', async (_what, body) => {
    const reply = await ada('POST', messages(), body, { 'Content-Type': 'application/json' });
    expectError(reply, 400, 'invalid_payload');
    expect(reply.error.details!.issues!.length).toBeGreaterThan(0);
    expect({}).not.toHaveProperty('polluted');
  });

  test.each([
    ['a title above 200 characters', { title: 'x'.repeat(201) }],
    ['members above 1,000', { members: Array.from({ length: 1001 }, (_, i) => `user-${i}`) }],
    ['members that are no ids', { members: ['a b'] }],
    ['an id with a slash', { id: 'a/b' }],
  ])('a thread with %s', async (_what, body) => {
    expectError(await ada('POST', '/api/threads', body), 400, 'invalid_payload');
    if (!('id' in body)) expectError(await ada('PATCH', `/api/threads/${thread.id}`, body), 400, 'invalid_payload');
  });

  test('content above 64 KiB: 413', async () => {
    const content = 'é'.repeat(limits.maxContentBytes / 2);
    expect((await ada('POST', messages(), { content })).status).toBe(201);
    expectError(await ada('POST', messages(), { content: `${content}x` }), 413, 'payload_too_large');
    expectError(await ada('PATCH', `${messages()}/m`, { content: `${content}x` }), 413, 'payload_too_large');
  });

  test('a body above 1 MiB: 413, also where it is compressed or its length not told', async () => {
    const body = JSON.stringify({ content: 'x'.repeat(limits.maxFrameBytes) });
    const headers = { 'Content-Type': 'application/json' };
    expectError(await ada('POST', messages(), body, headers), 413, 'payload_too_large');
    const gzipped = { ...headers, 'Content-Encoding': 'gzip' };
    expectError(await ada('POST', messages(), gzipSync(body), gzipped), 413, 'payload_too_large');
    const unmeasured = await fetch(`${app.url}${messages()}`, {
      method: 'POST',
      headers: { ...headers, 'X-Threadwire-User': 'ada' },
      body: new Blob([body]).stream(),
      duplex: 'half',
    });
    expect(unmeasured.status).toBe(413);
  });

  test('none of this has changed anything', async () => {
    const { messages: stored } = (await ada('GET', messages())).json as { messages: Message[] };
    expect(stored.map(({ content }) => content.length)).toEqual([1, limits.maxContentBytes / 2]);
  });

  test.each([
    ['GET', '/api'],
    ['GET', '/api/thread'],
    ['GET', '/api/threads/x/messages/y'],
    ['DELETE', '/api/threads/x'],
    ['PUT', '/api/threads'],
    ['PATCH', '/api/threads'],
    ['GET', '/api/threads/x/stream'],
    ['POST', '/healthz'],
    ['GET', '/../etc/passwd'],
  ])('%s %s is no route: 404', async (method, path) => {
    const reply = await ada(method, path);
    expectError(reply, 404, 'unknown_event');
  });

  test('a route that is long and no route is not repeated in full', async () => {
    const reply = await ada('GET', `/${'x'.repeat(5000)}`);
    expectError(reply, 404, 'unknown_event');
    expect(reply.error.message.length).toBeLessThan(300);
  });
});

function nested(levels: number): string {
  return `${'['.repeat(levels)}${']'.repeat(levels)}`;
}

test('POST /api/threads/:id/stream answers the message that the body became: 200', async () => {
  const thread = await createThread();
  const path = `/api/threads/${thread.id}/stream?message_id=m-1&role=assistant`;
  const reply = await ada('POST', path, 'some text', { 'Content-Type': 'text/plain; charset=utf-8' });
  expect(reply.status).toBe(200);
  expect(reply.json).toMatchObject({ message: { content: 'some text', status: 'complete', message_id: 'm-1' } });
});

describe('too many requests', () => {
  test('of one TCP connection, while nobody proves who they are: 429 with Retry-After', async () => {
    let now = Date.now();
    await using limited = await startApp({ ratePerSecond: 2, now: () => now });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const get = (user: string, by?: Agent) =>
      httpRequest(`${limited.url}/api/threads`, { headers: { 'X-Threadwire-User': user }, ...(by && { agent: by }) });
    for (let i = 0; i < 8; i++) expect((await get(`user-${i}`, agent)).status).toBe(200);

    const refused = await get('somebody-else', agent);
    expectError(refused, 429, 'rate_limited', { retry: 'later', retry_after_ms: 500 });
    expect(refused.headers['retry-after']).toBe('1');
    expect((await get('user-0')).status).toBe(200);
    now += 500;
    expect((await get('user-0', agent)).status).toBe(200);
    expect((await get('user-0', agent)).status).toBe(429);
    agent.destroy();
  });

  test('of one user with a token, over however many TCP connections: 429', async () => {
    const now = Date.now();
    await using limited = await startApp({
      auth: { mode: 'jwt', key: { secret: jwtSecret } },
      ratePerSecond: 1,
      now: () => now,
    });
    const get = async (user: string) =>
      httpRequest(`${limited.url}/api/threads`, { headers: { Authorization: `Bearer ${await tokenFor(user)}` } });
    for (let i = 0; i < 4; i++) expect((await get('ada')).status).toBe(200);
    expectError(await get('ada'), 429, 'rate_limited', { retry_after_ms: 1000 });
    expect((await get('bob')).status).toBe(200);
  });
});

test('while the store is away, requests are answered with 503 and Retry-After', async () => {
  let isAway = false;
  await using away = await startApp({
    wrapStore: (store) =>
      storeWith(store, {
        threads: async (ids) => {
          if (isAway) throw new StoreUnavailable('the disk with the password "hunter2" is gone');
          return store.threads(ids);
        },
      }),
  });
  const thread = await httpRequest(`${away.url}/api/threads`, { method: 'POST', body: { id: 'a-thread' } });
  expect(thread.status).toBe(201);
  isAway = true;
  const reply = await httpRequest(`${away.url}/api/threads/a-thread`);
  expectError(reply, 503, 'unavailable', { retry: 'later' });
  expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
  expect(reply.text).not.toContain('hunter2');
  isAway = false;
  expect((await httpRequest(`${away.url}/api/threads/a-thread`)).status).toBe(200);
});

test('a fault of the server is a 500 that tells nothing of it, and is logged without its text', async () => {
  await using faulty = await startApp({
    wrapStore: (store) =>
      storeWith(store, { threads: () => Promise.reject(new TypeError('hunter2 is not a function')) }),
  });
  const reply = await httpRequest(`${faulty.url}/api/threads/a-thread`);
  expectError(reply, 500, 'internal', { retry: 'later' });
  expect(reply.text).not.toContain('hunter2');
  const { err, request_id: requestId } = faulty.logs.find(({ msg }) => msg === 'request failed')!;
  expect(err).toMatchObject({
    type: 'TypeError',
    stack: expect.arrayContaining([expect.stringContaining('http-api')]),
  });
  expect(requestId).toBe(reply.headers['x-request-id']);
  expect(JSON.stringify(faulty.logs)).not.toContain('hunter2');
});

test('in token mode a request without a token: 401, whatever X-Threadwire-User says', async () => {
  await using closed = await startApp({ auth: { mode: 'jwt', key: { secret: jwtSecret } } });
  for (const headers of [{}, { 'X-Threadwire-User': 'ada' }] as Record<string, string>[]) {
    const reply = await httpRequest(`${closed.url}/api/threads`, { headers });
    expectError(reply, 401, 'unauthenticated', { retry: 'reauth' });
    expect(reply.headers['www-authenticate']).toBe('Bearer');
  }
});
