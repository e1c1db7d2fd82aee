import { io } from 'socket.io-client';
import type { ManagerOptions, Socket, SocketOptions } from 'socket.io-client';
import type {
  Answer,
  ClientEvent,
  ClientPayload,
  ClientToServerEvents,
  ConnectAuth,
  ErrorObject,
  ServerEvent,
  ServerPayload,
  ServerToClientEvents,
} from '@threadwire/protocol';
import { backoffMs } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import { transition } from './connection-state.ts';
import type { ConnectionEvent, ConnectionState } from './connection-state.ts';
import { ThreadwireError } from './errors.ts';

/** What socket.io-client may be told besides: headers in Node, certificates, and the like. */
export type TransportOptions = Partial<Omit<ManagerOptions & SocketOptions, 'auth' | 'path' | 'reconnection'>>;

export interface ConnectionOptions {
  /** Where the server is; undefined: where the page came from. */
  readonly url: string | undefined;
  /** Asked before every attempt. */
  readonly auth: () => ConnectAuth | Promise<ConnectAuth>;
  /** Whether `auth` may answer with a new token after one that did not hold. */
  readonly renewsTokens: () => boolean;
  readonly backoff: BackoffOptions;
  readonly transport: TransportOptions;
  readonly clock: Clock;
  readonly onState: (state: ConnectionState, before: ConnectionState) => void;
  /** Called in the order of arrival, and only while connected. */
  readonly onEvent: <E extends ServerEvent>(event: E, payload: ServerPayload<E>) => void;
}

/** Where there is a page, it says when the network is back. */
const page = globalThis as {
  addEventListener?(type: 'online', listener: () => void): void;
  removeEventListener?(type: 'online', listener: () => void): void;
};

/** An attempt that has no session by then has failed. */
const attemptMs = 20_000;
/** A connection that held for so long was not a mistake: the next loss begins with short pauses. */
const settledMs = 5000;

/**
 * The one connection. Opens it, and opens it again whenever it is lost, with pauses of its own; socket.io-client's
 * would end at one instant for everybody, and not begin where the server closed the connection.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket<ServerToClientEvents, ClientToServerEvents>;
  #state: ConnectionState = { phase: 'closed', error: undefined };
  /** What the server said about the end of this connection before it came. */
  #farewell: { error?: ThreadwireError; retryAfterMs?: number | undefined } = {};
  #cancelTimer: () => void = () => undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = io(options.url ?? '', {
      transports: ['websocket'],
      ...options.transport,
      path: '/api/ws',
      auth: (give) => void this.#giveAuth(give),
      autoConnect: false,
      forceNew: true,
      reconnection: false,
    });
    this.#socket.on('connect_error', (error) => {
      const { data } = error as Error & { data?: ErrorObject };
      this.#lose(data ? new ThreadwireError(data) : unreachable(error));
    });
    this.#socket.on('disconnect', (reason) => this.#cutOff(reason));
    this.#socket.onAny((event: ServerEvent, payload: unknown) => this.#receive(event, payload as never));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Sends a request. Only while connected: what is sent is never kept for later. */
  emit<E extends ClientEvent>(event: E, payload: ClientPayload<E>, answered: (answer: Answer<E>) => void): void {
    if (this.#state.phase !== 'connected') throw new Error('there is no connection to send this on');
    (this.#socket as Socket).emit(event, payload, answered);
  }

  /** Begins, for the first time or after {@link close}. */
  open(): void {
    this.#apply({ type: 'open' });
    page.addEventListener?.('online', this.hurry);
    this.#attempt();
  }

  /** Ends it for good. */
  close(error?: ThreadwireError): void {
    if (this.#state.phase === 'closed') return;
    this.#cancelTimer();
    page.removeEventListener?.('online', this.hurry);
    this.#apply({ type: 'close', error });
    this.#socket.disconnect();
  }

  /** Ends the pause before the next attempt. */
  readonly hurry = (): void => {
    if (this.#state.phase !== 'waiting') return;
    this.#cancelTimer();
    this.#retry();
  };

  #retry(): void {
    this.#apply({ type: 'retry' });
    this.#attempt();
  }

  #attempt(): void {
    this.#farewell = {};
    // A connection that ended while the machine slept leaves behind what was emitted before that showed.
    this.#socket.sendBuffer = [];
    this.#timer(attemptMs, () => this.#lose(unreachable(new Error('no session in time'))));
    this.#socket.connect();
    const { engine } = this.#socket.io;
    // A transport that closes before its handshake goes unnoticed in socket.io-client; what that closes itself does not.
    engine.once('close', (reason) => {
      if (reason !== 'forced close' && this.#socket.io.engine === engine) this.#cutOff(reason);
    });
  }

  async #giveAuth(give: (auth: ConnectAuth) => void): Promise<void> {
    const attempt = this.#state;
    try {
      const auth = await this.#options.auth();
      // It may have taken longer than the attempt lasted; the next one asks for its own.
      if (this.#state === attempt) give(auth);
    } catch (cause) {
      if (this.#state !== attempt) return;
      const error = new ThreadwireError({
        code: 'unauthenticated',
        message: 'The token could not be had.',
        retry: 'reauth',
      });
      this.#lose(Object.assign(error, { cause }));
    }
  }

  #receive<E extends ServerEvent>(event: E, payload: ServerPayload<E>): void {
    if (event === 'session') {
      this.#apply({ type: 'session', session: payload as ServerPayload<'session'> });
      if (this.#state.phase === 'connected') this.#timer(settledMs, () => this.#apply({ type: 'settled' }));
    } else if (event === 'system_status') {
      const { status, retry_after_ms: retryAfterMs } = payload as ServerPayload<'system_status'>;
      if (status === 'draining') this.#farewell.retryAfterMs = retryAfterMs;
    } else if (event === 'error') {
      const error = payload as ErrorObject;
      if (error.fatal) this.#farewell = { error: new ThreadwireError(error), retryAfterMs: error.retry_after_ms };
    }
    this.#options.onEvent(event, payload);
  }

  #cutOff(reason: string): void {
    const message = `The connection was lost: ${reason}`;
    this.#lose(this.#farewell.error ?? new ThreadwireError({ code: 'unavailable', message, retry: 'later' }));
  }

  #lose(error: ThreadwireError): void {
    if (this.#state.phase !== 'connecting' && this.#state.phase !== 'connected') return;
    const isHopeless = error.retry === 'never' || (error.retry === 'reauth' && !this.#options.renewsTokens());
    if (isHopeless) {
      this.close(error);
      return;
    }
    this.#apply({ type: 'lost', error });
    this.#socket.disconnect();
    const { state } = this;
    if (state.phase !== 'waiting') return;
    const { backoff, clock } = this.#options;
    const pauseMs = this.#farewell.retryAfterMs ?? backoffMs(state.attempt - 1, backoff, () => clock.random());
    this.#timer(pauseMs, () => this.#retry());
  }

  #timer(delayMs: number, callback: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(delayMs, callback);
  }

  #apply(event: ConnectionEvent): void {
    const before = this.#state;
    this.#state = transition(before, event);
    if (this.#state !== before) this.#options.onState(this.#state, before);
  }
}

function unreachable(cause: Error): ThreadwireError {
  const error = new ThreadwireError({
    code: 'unavailable',
    message: `The server cannot be reached: ${cause.message}`,
    retry: 'later',
  });
  return Object.assign(error, { cause });
}
