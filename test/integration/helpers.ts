import { randomUUID } from 'node:crypto';
import type { ClientPayload, Message, Thread } from '@threadwire/protocol';
import { SignJWT } from 'jose';
import type { AuthConfig } from '../../server/src/config.ts';
import type { ThreadStore } from '../../server/src/store/thread-store.ts';
import type { TestClient } from '../support/client.ts';

// What several of these tests do, in one line each.

const secret = 'a secret of the tests, which has more than 32 bytes';

/** For tests about scopes: everything else runs anonymously, where everybody has the scope agent. */
export const jwtAuth: AuthConfig = { mode: 'jwt', key: { secret } };

export function tokenFor(user: string, scope = ''): Promise<string> {
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
}

/** An id that no other test uses. */
export function fresh(prefix: string): string {
  return `${prefix}-${randomUUID()}`;
}

export async function newThread(client: TestClient, fields: ClientPayload<'create_thread'> = {}): Promise<Thread> {
  return (await client.call('create_thread', fields)).thread;
}

export async function sendText(client: TestClient, threadId: string, content: string): Promise<Message> {
  return (await client.call('send_message', { thread_id: threadId, content })).message;
}

/** Sends so many messages, in order, and gives them as they were acknowledged. */
export async function sendMany(client: TestClient, threadId: string, count: number): Promise<Message[]> {
  const sends = Array.from({ length: count }, (_, i) => sendText(client, threadId, `message ${i + 1}`));
  return Promise.all(sends);
}

/** Whole numbers from one to another, both included. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** The store, but for these methods. */
export function withMethods(store: ThreadStore, methods: Partial<ThreadStore>): ThreadStore {
  return new Proxy(store, {
    get(target, name: keyof ThreadStore) {
      const value: unknown = methods[name] ?? target[name];
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export interface Gate {
  /** Resolves when somebody waits at the gate. */
  readonly reached: Promise<void>;
  /** For who has to wait: resolves when it is opened. */
  pass(): Promise<void>;
  open(): void;
}

/** Holds up whoever comes to it, until it is opened. */
export function newGate(): Gate {
  let reach!: () => void;
  let open!: () => void;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    reached,
    pass: () => {
      reach();
      return opened;
    },
    open,
  };
}

/** Numbers from 0 (inclusive) to 1 (exclusive) that are the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
