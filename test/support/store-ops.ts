import { randomUUID } from 'node:crypto';
import type { Message, ThreadHistory } from '@threadwire/protocol';
import type {
  AppendOp,
  CreateThread,
  DeleteOp,
  EditOp,
  HistoryRequest,
  Refusal,
  ResultOf,
  StreamEndOp,
  StreamStartOp,
  StreamTextOp,
  ThreadStore,
  WriteOp,
} from '../../server/src/store/thread-store.ts';
import type { Actor } from '../../server/src/threads/access.ts';

// What tests of a store say it with.

/** Times of ops: each later than the last. */
export const clock = { now: Date.parse('2025-03-01T12:00:00.000Z'), tick: () => (clock.now += 1) };

export function user(id: string, fields: Partial<Actor> = {}): Actor {
  return { id, agent: false, admin: false, ...fields };
}

export const ann = user('ann', { name: 'Ann Ångström' });
export const bob = user('bob');
export const admin = user('root', { admin: true });

export function append(threadId: string, fields: Partial<AppendOp> = {}): AppendOp {
  return {
    kind: 'append',
    threadId,
    actor: ann,
    id: randomUUID(),
    messageId: randomUUID(),
    role: 'user',
    content: 'hello',
    metadata: {},
    at: clock.tick(),
    ...fields,
  };
}

export function edit(message: Message, fields: Partial<EditOp> = {}): EditOp {
  const { thread_id: threadId, id } = message;
  return { kind: 'edit', threadId, actor: ann, id, content: 'edited', at: clock.tick(), ...fields };
}

export function remove(message: Message, fields: Partial<DeleteOp> = {}): DeleteOp {
  return { kind: 'delete', threadId: message.thread_id, actor: ann, id: message.id, at: clock.tick(), ...fields };
}

/** How long a lease is that a test does not say. */
const leaseMs = 30_000;

export function startStream(threadId: string, fields: Partial<StreamStartOp> = {}): StreamStartOp {
  const at = clock.tick();
  return {
    kind: 'stream_start',
    threadId,
    actor: ann,
    id: randomUUID(),
    messageId: randomUUID(),
    role: 'assistant',
    metadata: {},
    leaseUntil: at + leaseMs,
    at,
    ...fields,
  };
}

/** Text that begins at `offset`, from the first producer of a stream. */
export function text(
  message: Message,
  offset: number,
  added: string,
  fields: Partial<StreamTextOp> = {},
): StreamTextOp {
  const { thread_id: threadId, id } = message;
  const leaseUntil = clock.tick() + leaseMs;
  return { kind: 'stream_text', threadId, actor: ann, id, epoch: 1, offset, text: added, leaseUntil, ...fields };
}

/** The end of a stream by its sender; neither epoch nor offset has to hold. */
export function endStream(message: Message, fields: Partial<StreamEndOp> = {}): StreamEndOp {
  const { thread_id: threadId, id } = message;
  return { kind: 'stream_end', threadId, actor: ann, id, status: 'complete', at: clock.tick(), ...fields };
}

/** Creates a thread that nobody else uses, and answers its id. */
export async function newThread(store: ThreadStore, fields: Partial<CreateThread> = {}): Promise<string> {
  const id = randomUUID();
  const created = await store.createThread({
    id,
    actor: ann,
    title: '',
    members: [],
    metadata: {},
    at: clock.tick(),
    ...fields,
  });
  if (!created.ok) throw new Error(created.message);
  return created.thread.id;
}

/** The result of each op of a batch. */
export async function writeAll<Op extends WriteOp>(store: ThreadStore, ops: readonly Op[]): Promise<ResultOf<Op>[]> {
  return (await store.write(ops)) as ResultOf<Op>[];
}

/** The result of a single op. */
export async function write<Op extends WriteOp>(store: ThreadStore, op: Op): Promise<ResultOf<Op>> {
  const [result] = await writeAll(store, [op]);
  return result!;
}

/** An op whose result has a message. */
type MessageOp = Exclude<WriteOp, StreamTextOp>;

/** The message of a single op that must succeed. */
export async function stored(store: ThreadStore, op: MessageOp): Promise<Message> {
  return ok(await write(store, op)).message;
}

/** The message of each op, which must succeed. */
export async function storedAll(store: ThreadStore, ops: readonly MessageOp[]): Promise<Message[]> {
  return (await writeAll(store, ops)).map((result) => ok(result).message);
}

/** A result that must not be a refusal. */
export function ok<T extends { ok: boolean }>(result: T): Exclude<T, Refusal> {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result)}`);
  return result as Exclude<T, Refusal>;
}

/** One page of history that must not be refused. */
export async function history(
  store: ThreadStore,
  threadId: string,
  request: Partial<HistoryRequest> = {},
): Promise<ThreadHistory> {
  const [result] = await store.histories([{ threadId, actor: ann, ...request }]);
  return ok(result!).history;
}

/** Every message of a thread, by seq. */
export async function allMessages(store: ThreadStore, threadId: string): Promise<Message[]> {
  const all: Message[] = [];
  for (;;) {
    const { messages } = await store.changesAfter(threadId, all.at(-1)?.seq ?? 0, 1000);
    if (messages.length === 0) return all;
    all.push(...messages);
  }
}

/** 1, 2, … n. */
export function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

export function ascending(numbers: Iterable<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** Repeats a check until it holds; for what may lag. */
export async function eventually(check: () => Promise<void>, timeoutMs = 5_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
