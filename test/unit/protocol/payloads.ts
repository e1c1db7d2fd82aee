import type { ClientEvent, ClientPayload } from '@threadwire/protocol';

const metadata = { plain: 'text', nested: { list: ['a', { deep: 'b' }], number: 1.5, yes: true, nothing: null } };
const thread_id = 'support-42';
const message_id = '0d6b7c1e-6d53-4a0e-9f0b-9b1f6f0d2a11';

/** Valid payloads of every client event, which together have every field. */
export const payloads: { readonly [E in ClientEvent]: readonly ClientPayload<E>[] } = {
  ping: [{ message_id }],
  reauth: [{ token: 'a.b.c', message_id }],
  create_thread: [{ id: thread_id, title: 'Order 42', members: ['ada', 'bo'], metadata, message_id }],
  update_thread: [{ thread_id, title: 'Order 42', members: ['ada', 'bo'], metadata, message_id }],
  list_threads: [{ cursor: 'abc', limit: 20, message_id }],
  watch_threads: [{ message_id }],
  unwatch_threads: [{ message_id }],
  subscribe_thread: [{ thread_id, after_seq: 7, limit: 20, message_id }],
  subscribe_threads: [{ threads: [{ thread_id, after_seq: 7, limit: 20 }], message_id }],
  unsubscribe_thread: [{ thread_id, message_id }],
  fetch_history: [
    { thread_id, after_seq: 7, limit: 20, message_id },
    { thread_id, before_position: 7, limit: 20, message_id },
  ],
  send_message: [{ thread_id, content: 'Hello', role: 'user', metadata, message_id }],
  edit_message: [{ thread_id, id: 'msg-1', content: 'Hello', metadata, if_seq: 7, message_id }],
  delete_message: [{ thread_id, id: 'msg-1', if_seq: 7, message_id }],
  stream_start: [{ thread_id, role: 'assistant', metadata, message_id }],
  stream_chunk: [{ stream_id: 'msg-1', offset: 0, delta: 'Hello', message_id }],
  stream_end: [{ stream_id: 'msg-1', offset: 5, status: 'failed', error: 'no model', metadata, message_id }],
  stream_cancel: [{ stream_id: 'msg-1', reason: 'enough', message_id }],
};

/** Where a value stands inside a payload. */
export type Path = readonly (string | number)[];

/** Every value below the root of a payload, with its path. */
export function* valuesIn(value: unknown, path: Path = []): Generator<{ path: Path; value: unknown }> {
  if (path.length > 0) yield { path, value };
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    yield* valuesIn(child, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

/** A copy in which the value at the path is another one. */
export function replaced<T>(root: T, path: Path, value: unknown): T {
  const [step, ...below] = path;
  if (step === undefined) return value as T;
  // Not by structuredClone: under Jest its objects are of another realm, and no plain objects here.
  const copy = (Array.isArray(root) ? [...(root as unknown[])] : { ...root }) as Record<string | number, unknown>;
  copy[step] = replaced(copy[step], below, value);
  return copy as T;
}

/** JSON's own names for types. */
export function jsonType(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** So deep that a function that recurses into it runs out of stack. */
export function bottomless(): unknown {
  const levels = 100_000;
  return JSON.parse('['.repeat(levels) + ']'.repeat(levels));
}
