import type { Message } from '@threadwire/protocol';
import type { Responder } from '../../server/src/responder/responder.ts';
import type { AppOptions } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { newGate, newThread } from './helpers.ts';

// What tests of replies by the server do.

/** Says what it was asked, in two pieces. */
export const echo: Responder = async function* ({ content }) {
  yield 'You said: ';
  yield content;
};

/** A server that answers so. */
export const of = (respond: Responder, isRepeatable = true): AppOptions => ({ responder: { respond, isRepeatable } });

/** The fields of a thread in which it answers. */
export const answered = (overlap = 'queue') => ({ metadata: { responder: { overlap } } });

/** Rejects when the reply is no longer wanted. */
export function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
}

/** Where the reply to a message ends, with the whole of it. */
export async function replyTo(client: TestClient, message: Message): Promise<Message> {
  const { thread_id } = message;
  const start = await client.next('stream_start', (started) => started.message_id === `reply:${message.id}`);
  await client.next('stream_end', ({ stream_id }) => stream_id === start.id);
  const { messages } = await client.call('fetch_history', { thread_id, limit: 200 });
  return messages.find(({ id }) => id === start.id)!;
}

/** Somebody in a new thread, who hears what happens in it. */
export async function joined(url: string, fields: Parameters<typeof newThread>[1] = answered()) {
  const client = await connectClient(url, { user: 'ada' });
  const { id } = await newThread(client, fields);
  await client.call('subscribe_thread', { thread_id: id });
  return { client, id };
}

/** The replies that a thread has. */
export async function repliesIn(client: TestClient, thread_id: string): Promise<Message[]> {
  const { messages, streaming } = await client.call('fetch_history', { thread_id, limit: 200 });
  return [...messages, ...streaming].filter(({ sender }) => sender.id === 'assistant');
}

/** Replies that go on until they are told to end, by the content of their messages. */
export function gated() {
  const gates = new Map<string, ReturnType<typeof newGate>>();
  const gateOf = (content: string) => {
    const gate = gates.get(content) ?? newGate();
    gates.set(content, gate);
    return gate;
  };
  const respond: Responder = async function* ({ content }, { signal }) {
    yield `${content} begins`;
    await Promise.race([gateOf(content).pass(), abortOf(signal)]);
    yield ' and ends';
  };
  return { respond, gateOf };
}
