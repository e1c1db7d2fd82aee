import type {
  Answer,
  ClientData,
  ClientEvent,
  ClientPayload,
  ErrorCode,
  ErrorObject,
  Message,
  RetryClass,
  Session,
  Thread,
  ThreadHistory,
} from '@threadwire/protocol';
import type { ConnectionState } from '../../client-sdk/src/connection-state.ts';

/** A request that the SDK sent, for the test to answer. */
export interface SentRequest<E extends ClientEvent = ClientEvent> {
  readonly event: E;
  readonly payload: ClientPayload<E>;
  ok(data: ClientData<E>): void;
  refuse(error: Partial<ErrorObject> & { code: ErrorCode }): void;
}

/** The connection as the parts of the SDK see it; what they send waits until the test answers it. */
export class FakeConnection {
  state: ConnectionState = { phase: 'waiting', attempt: 1, error: undefined };
  /** Everything that was sent, oldest first, over all connections. */
  readonly sent: SentRequest[] = [];
  #untaken = 0;

  readonly emit = <E extends ClientEvent>(
    event: E,
    payload: ClientPayload<E>,
    answered: (answer: Answer<E>) => void,
  ): void => {
    if (this.state.phase !== 'connected') throw new Error(`${event} was sent while there was no connection`);
    this.sent.push({
      event,
      payload,
      ok: (data: never) => answered({ ok: true, data }),
      refuse: (error) => answered({ ok: false, error: errorObject(error) }),
    });
  };

  /** The events of what was sent. */
  get events(): ClientEvent[] {
    return this.sent.map(({ event }) => event);
  }

  /** The oldest request that was not taken yet, which must be this one. */
  take<E extends ClientEvent>(event: E): SentRequest<E> {
    const request = this.sent[this.#untaken];
    if (request?.event !== event) throw new Error(`sent was ${request?.event ?? 'nothing more'}, not ${event}`);
    this.#untaken += 1;
    return request as unknown as SentRequest<E>;
  }

  /** What was sent and not taken. */
  get untaken(): readonly SentRequest[] {
    return this.sent.slice(this.#untaken);
  }

  connect(): void {
    this.state = { phase: 'connected', session: sessionOf('ada'), attempt: 0 };
  }

  lose(): void {
    this.state = { phase: 'waiting', attempt: 1, error: undefined };
  }

  close(): void {
    this.state = { phase: 'closed', error: undefined };
  }
}

const retryOf: Partial<Record<ErrorCode, RetryClass>> = {
  unavailable: 'later',
  overloaded: 'later',
  rate_limited: 'later',
  internal: 'later',
  token_expired: 'reauth',
  unauthenticated: 'reauth',
};

export function errorObject(error: Partial<ErrorObject> & { code: ErrorCode }): ErrorObject {
  return { message: error.code, retry: retryOf[error.code] ?? 'never', ...error };
}

/** Of what a request rejected with. */
export function codeOf(error: unknown): string {
  return (error as { code: string }).code;
}

/** What it resolves to or rejects with, for what must not go unhandled until the test looks at it. */
export function outcome(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}

export function sessionOf(user: string): Session {
  return {
    client_id: '5b2d4c6e-8f1a-4d3b-9c7e-2a1b3c4d5e6f',
    user: { id: user },
    server_id: 'node-1',
    protocol_version: 1,
    limits: {
      max_content_bytes: 65_536,
      max_frame_bytes: 1_048_576,
      max_subscriptions: 1000,
      max_history_page: 200,
      rate_per_second: 50,
    },
  };
}

const at = '2026-01-15T09:30:00.000Z';

export function threadOf(id: string, fields: Partial<Thread> = {}): Thread {
  return {
    id,
    title: '',
    members: [],
    metadata: {},
    created_by: 'ada',
    created_at: at,
    updated_at: at,
    head_seq: 0,
    ...fields,
  };
}

/** Message `m<position>`, as it is since `seq`. */
export function messageOf(position: number, seq = position, fields: Partial<Message> = {}): Message {
  return {
    id: `m${position}`,
    thread_id: 't',
    position,
    seq,
    message_id: `key-${position}`,
    sender: { id: 'bo' },
    role: 'user',
    content: `${position} at ${seq}`,
    metadata: {},
    status: 'complete',
    created_at: at,
    updated_at: at,
    ...fields,
  };
}

/** A page of a thread: the newest messages, if nothing else is said. */
export function pageOf(messages: readonly Message[], fields: Partial<ThreadHistory> = {}): ThreadHistory {
  const head = Math.max(0, ...messages.map(({ seq }) => seq));
  return {
    thread: threadOf(messages[0]?.thread_id ?? 't', { head_seq: head }),
    messages: [...messages],
    streaming: [],
    head_seq: head,
    recovered: false,
    has_more: false,
    ...fields,
  };
}
