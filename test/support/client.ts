import type {
  Answer,
  ClientData,
  ClientEvent,
  ClientPayload,
  ClientToServerEvents,
  ConnectAuth,
  ErrorObject,
  Message,
  ServerEvent,
  ServerPayload,
  ServerToClientEvents,
  Session,
} from '@threadwire/protocol';
import { io } from 'socket.io-client';
import type { ManagerOptions, Socket, SocketOptions } from 'socket.io-client';
import { ArrivalQueue, describePredicate } from './arrival-queue.ts';

/** A server event as it was received. */
export type ServerEventArrival = {
  [E in ServerEvent]: { readonly kind: 'event'; readonly event: E; readonly payload: ServerPayload<E> };
}[ServerEvent];

/** The ack of a request, with the request that it answers. */
export type AnswerArrival = {
  [E in ClientEvent]: {
    readonly kind: 'answer';
    readonly event: E;
    readonly request: ClientPayload<E>;
    readonly answer: Answer<E>;
  };
}[ClientEvent];

/** What reaches a client, in the order in which it does. */
export type Arrival =
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly reason: string }
  | ServerEventArrival
  | AnswerArrival;

export interface ClientOptions {
  readonly user?: string;
  readonly token?: string;
  /** The whole CONNECT auth object, well-formed or not, instead of `user` and `token`. */
  readonly auth?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called synchronously with each arrival: an `await` on an answer may go on only after later events came. */
  readonly tap?: (arrival: Arrival) => void;
  readonly timeoutMs?: number;
  /** Anything else of socket.io-client; `reconnection` is off unless it is set here. */
  readonly socketOptions?: Partial<ManagerOptions & SocketOptions>;
}

/** The handshake failed: `data` is the error object of a `connect_error`, `status` that of a refused upgrade. */
export class ConnectRefused extends Error {
  override readonly name = 'ConnectRefused';
  readonly data: ErrorObject | undefined;
  readonly status: number | undefined;

  constructor(cause: Error & { data?: ErrorObject; description?: { message?: string } | number }) {
    const { description } = cause;
    // Long-polling has the status itself.
    const text = typeof description === 'number' ? `status ${description}` : (description?.message ?? cause.message);
    super(`the connection was refused: ${cause.data ? JSON.stringify(cause.data) : text}`, { cause });
    this.data = cause.data;
    const status = /^(?:Unexpected server response:|status) (\d+)/.exec(text)?.[1];
    this.status = status === undefined ? undefined : Number(status);
  }
}

/** A request of {@link TestClient.call} was answered with an error. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';
  readonly error: ErrorObject;

  constructor(event: string, error: ErrorObject) {
    super(`${event} was refused: ${JSON.stringify(error)}`);
    this.error = error;
  }
}

const defaultTimeoutMs = 5000;

/** One stock Socket.IO connection; every server event is kept in order until somebody takes it. */
export class TestClient implements AsyncDisposable {
  readonly socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  readonly #tap: (arrival: Arrival) => void;
  readonly #queue = new ArrivalQueue<ServerEventArrival>(({ event, payload }) => `${event} ${JSON.stringify(payload)}`);
  readonly #unanswered = new Set<(reason: Error) => void>();
  readonly #reconnects: boolean;
  #session: Session | undefined;
  #disconnectReason: string | undefined;

  constructor(url: string, options: ClientOptions) {
    this.#tap = options.tap ?? (() => undefined);
    this.#reconnects = options.socketOptions?.reconnection ?? false;
    const auth: ConnectAuth = {
      ...(options.user === undefined ? {} : { user: options.user }),
      ...(options.token === undefined ? {} : { token: options.token }),
    };
    this.socket = io(url, {
      path: '/api/ws',
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth: (options.auth ?? auth) as Record<string, unknown>,
      ...(options.headers === undefined ? {} : { extraHeaders: { ...options.headers } }),
      ...options.socketOptions,
    });
    this.socket.on('connect', () => {
      this.#disconnectReason = undefined;
      this.#tap({ kind: 'connected' });
    });
    this.socket.onAny((event: ServerEvent, payload: unknown) => {
      this.#receive({ kind: 'event', event, payload } as ServerEventArrival);
    });
    this.socket.on('disconnect', (reason) => this.#disconnected(reason));
  }

  /** That of the connection now, or of the last one. */
  get session(): Session {
    if (!this.#session) throw new Error('no session yet');
    return this.#session;
  }

  /** What came and was not taken yet, oldest first. */
  get buffered(): readonly ServerEventArrival[] {
    return this.#queue.items;
  }

  /** Sends a request and gives its ack, ok or not; rejects where none came in time or the connection ended. */
  async request<E extends ClientEvent>(
    event: E,
    payload: ClientPayload<E>,
    timeoutMs: number = defaultTimeoutMs,
  ): Promise<Answer<E>> {
    const onAnswer = (answer: unknown) =>
      this.#tap({ kind: 'answer', event, request: payload, answer } as AnswerArrival);
    return (await this.requestRaw(event, [payload], timeoutMs, onAnswer)) as Answer<E>;
  }

  /** Like {@link request}, but gives the answer's data, and rejects with {@link RequestRefused} where it is not ok. */
  async call<E extends ClientEvent>(
    event: E,
    payload: ClientPayload<E>,
    timeoutMs: number = defaultTimeoutMs,
  ): Promise<ClientData<E>> {
    const answer = await this.request(event, payload, timeoutMs);
    if (!answer.ok) throw new RequestRefused(event, answer.error);
    return answer.data;
  }

  /** Any event with any arguments, for what the types forbid. */
  requestRaw(
    event: string,
    args: readonly unknown[],
    timeoutMs: number = defaultTimeoutMs,
    onAnswer: (answer: unknown) => void = () => undefined,
  ): Promise<unknown> {
    // socket.io-client would keep it and send it on the next connection.
    if (!this.socket.connected) return Promise.reject(new Error(`${event} was not sent: there is no connection`));
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#unanswered.delete(fail);
      };
      const fail = (reason: Error) => {
        settle();
        reject(new Error(`no answer to ${event}: ${reason.message}; ${this.#queue.describe()}`));
      };
      const timer = setTimeout(() => fail(new Error(`none within ${timeoutMs} ms`)), timeoutMs);
      this.#unanswered.add(fail);
      (this.socket as unknown as Socket).emit(event, ...args, (answer: unknown) => {
        settle();
        onAnswer(answer);
        resolve(answer);
      });
    });
  }

  /** Sends a request without an ack: its answer comes as an event. */
  send(event: string, ...args: readonly unknown[]): void {
    (this.socket as unknown as Socket).emit(event, ...args);
  }

  /** Takes the first event of this name that the predicate accepts, of those that came or are to come. */
  async next<E extends ServerEvent>(
    event: E,
    predicate?: (payload: ServerPayload<E>) => boolean,
    timeoutMs: number = defaultTimeoutMs,
  ): Promise<ServerPayload<E>> {
    const what = `${event}${describePredicate(predicate)}`;
    return (await this.#queue.take(what, matcher(event, predicate), timeoutMs)).payload as ServerPayload<E>;
  }

  /**
   * Takes everything up to the marker, and gives what came before it: the way to prove that something did not come is to
   * cause an event that would have come later.
   */
  drainUntil<E extends ServerEvent>(
    event: E,
    predicate?: (payload: ServerPayload<E>) => boolean,
    timeoutMs: number = defaultTimeoutMs,
  ): Promise<ServerEventArrival[]> {
    const what = `${event}${describePredicate(predicate)}`;
    return this.#queue.drainUntil(what, matcher(event, predicate), timeoutMs);
  }

  /** Resolves with the reason when the connection closes, or at once where it has. */
  disconnected(timeoutMs: number = defaultTimeoutMs): Promise<string> {
    if (this.#disconnectReason !== undefined) return Promise.resolve(this.#disconnectReason);
    return new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`still connected after ${timeoutMs} ms; ${this.#queue.describe()}`));
      }, timeoutMs);
      this.socket.once('disconnect', (reason) => {
        clearTimeout(timer);
        resolve(reason);
      });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.socket.disconnect();
    this.#end('the client was closed');
    return Promise.resolve();
  }

  #receive(arrival: ServerEventArrival): void {
    if (arrival.event === 'session') this.#session = arrival.payload;
    this.#tap(arrival);
    this.#queue.push(arrival);
  }

  #disconnected(reason: string): void {
    this.#disconnectReason = reason;
    this.#tap({ kind: 'disconnected', reason });
    if (this.#reconnects) this.#failRequests(`the connection closed (${reason})`);
    else this.#end(`the connection closed (${reason})`);
  }

  #failRequests(why: string): void {
    for (const fail of this.#unanswered) fail(new Error(why));
  }

  #end(why: string): void {
    this.#failRequests(why);
    this.#queue.close(why);
  }
}

function matcher<E extends ServerEvent>(event: E, predicate?: (payload: ServerPayload<E>) => boolean) {
  return (arrival: ServerEventArrival) =>
    arrival.event === event && (!predicate || predicate(arrival.payload as ServerPayload<E>));
}

/** Connects and waits for `session`. Rejects with {@link ConnectRefused} where the handshake is refused. */
export async function connectClient(url: string, options: ClientOptions = {}): Promise<TestClient> {
  const client = new TestClient(url, options);
  const refused = new Promise<never>((_resolve, reject) => {
    client.socket.once('connect_error', (error) => reject(new ConnectRefused(error)));
  });
  try {
    // With reconnection the first failures are part of what is tested.
    const session = client.next('session', undefined, options.timeoutMs ?? defaultTimeoutMs);
    await (options.socketOptions?.reconnection === true ? session : Promise.race([session, refused]));
    return client;
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
}

/** Every message of a thread in its present state, by position, read page by page. */
export async function readThread(client: Pick<TestClient, 'call'>, threadId: string): Promise<Message[]> {
  const messages = new Map<string, Message>();
  let before: number | undefined;
  for (;;) {
    const page = await client.call('fetch_history', {
      thread_id: threadId,
      limit: 200,
      ...(before === undefined ? {} : { before_position: before }),
    });
    for (const message of [...page.streaming, ...page.messages]) messages.set(message.id, message);
    if (!page.has_more) break;
    if (!page.messages[0]) throw new Error(`a page of ${threadId} before ${before} is empty, but there is more`);
    before = page.messages[0].position;
  }
  return [...messages.values()].toSorted((a, b) => a.position - b.position);
}
