import { expect, test } from '@jest/globals';
import { serverEventNames } from '@threadwire/protocol';
import type { Message, ServerEvent, ServerPayload } from '@threadwire/protocol';
import { ThreadwireError } from '../../../client-sdk/src/errors.ts';
import type { RetryClass, ServerEventMap, ThreadEvent, ThreadwireClient } from '../../../client-sdk/src/index.ts';
import { clientsOnFakeSockets } from '../../support/sdk-fake-socket.ts';
import type { FakeSocket } from '../../support/sdk-fake-socket.ts';

/** Does not compile unless the types are the same. */
function same<A, B>(_same: [A, B] extends [B, A] ? true : false): void {
  expect(_same).toBe(true);
}

const opening = clientsOnFakeSockets();

test('there is a handler for every server event, and it is given that event', async () => {
  let socket!: FakeSocket;
  const end = { onOpen: (opened: FakeSocket) => (socket = opened), onRequest: () => undefined };
  const client = (await opening)(end);
  socket.accept();
  const others = serverEventNames.filter((event) => !isOfThread(event));
  const seen: [string, unknown][] = [];
  for (const event of serverEventNames) client.on(event, (payload) => seen.push([event, payload]));
  const payload = { code: 'internal', threads: [], removed: [], thread_id: 't' };
  for (const event of others) socket.deliver(event, payload);
  expect(seen).toEqual(others.map((event) => [event, payload]));
  client.close();
});

function isOfThread(event: ServerEvent): boolean {
  // Those come from the threads that are subscribed to.
  return ['thread_message', 'message_updated', 'stream_start', 'stream_chunk', 'stream_end'].includes(event);
}

test('every handler is given the payload of its event', () => {
  same<keyof ServerEventMap, ServerEvent>(true);
  const check = (client: ThreadwireClient): void => {
    client.on('session', (payload) => same<typeof payload, ServerPayload<'session'>>(true));
    client.on('pong', (payload) => same<typeof payload, ServerPayload<'pong'>>(true));
    client.on('thread_history', (payload) => same<typeof payload, ServerPayload<'thread_history'>>(true));
    client.on('thread_message', (payload) => same<typeof payload, Message>(true));
    client.on('message_updated', (payload) => same<typeof payload, Message>(true));
    client.on('stream_start', (payload) => same<typeof payload, Message>(true));
    client.on('stream_chunk', (payload) => same<typeof payload, ServerPayload<'stream_chunk'>>(true));
    client.on('stream_end', (payload) => same<typeof payload, ServerPayload<'stream_end'>>(true));
    client.on('stream_cancel', (payload) => same<typeof payload, ServerPayload<'stream_cancel'>>(true));
    client.on('threads_updated', (payload) => same<typeof payload, ServerPayload<'threads_updated'>>(true));
    client.on('system_status', (payload) => same<typeof payload, ServerPayload<'system_status'>>(true));
    client.on('error', (payload) => same<typeof payload, ServerPayload<'error'>>(true));
    // @ts-expect-error there is no such event
    client.on('thread_mesage', () => undefined);
    // @ts-expect-error Socket.IO's own events are not the server's: see onStatus
    client.on('disconnect', () => undefined);
    // @ts-expect-error a message has no such field
    client.on('thread_message', ({ text }) => void text);

    const thread = client.thread('t');
    thread.on('thread_message', (payload) => same<typeof payload, Message>(true));
    // @ts-expect-error not of one thread
    thread.on('session', () => undefined);
    // @ts-expect-error no such role
    void thread.send('x', { role: 'robot' });
    // @ts-expect-error a snapshot is not to be changed
    thread.getSnapshot().messages.push();
    // @ts-expect-error no such field
    void client.createThread({ name: 'x' });
  };
  expect(check).toBeDefined();
  same<
    ThreadEvent,
    'thread_message' | 'message_updated' | 'stream_start' | 'stream_chunk' | 'stream_end' | 'stream_cancel'
  >(true);
});

test('an error is one class, with its code and its retry class', () => {
  const error = new ThreadwireError({ code: 'no_answer', message: 'm', retry: 'later' });
  same<typeof error.retry, RetryClass>(true);
  expect(error).toBeInstanceOf(Error);
  expect([error.name, error.message, error.code, error.retry]).toEqual(['ThreadwireError', 'm', 'no_answer', 'later']);
  // @ts-expect-error no such code
  expect(() => new ThreadwireError({ code: 'oops', message: 'm', retry: 'later' })).not.toThrow();
});
