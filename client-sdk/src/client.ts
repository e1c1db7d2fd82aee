import type {
  ClientData,
  ClientPayload,
  ConnectAuth,
  Message,
  ServerEvent,
  ServerPayload,
  Session,
  Thread as ThreadObject,
} from '@threadwire/protocol';
import type { BackoffOptions } from './backoff.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { Connection } from './connection.ts';
import type { TransportOptions } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import { Emitter } from './emitter.ts';
import { ThreadwireError, closedError } from './errors.ts';
import { Listeners } from './listeners.ts';
import { newId } from './new-id.ts';
import { Outbox } from './outbox.ts';
import { Requests } from './requests.ts';
import type { RequestOptions } from './requests.ts';
import type { ServerEventMap } from './server-event-map.ts';
import { Streams } from './streams.ts';
import { Subscriptions } from './subscriptions.ts';
import { Thread } from './thread.ts';
import { ThreadList } from './thread-list.ts';
import type { ThreadNews } from './thread-log.ts';
import { ThreadState } from './thread-state.ts';
import { TokenRenewal } from './token-renewal.ts';

export interface ClientOptions {
  /** Where the server is, as `https://chat.example.org`; in a page: where the page came from, unless given. */
  readonly url?: string;
  /** The JWT, or how to get one: called before every attempt to connect, and in time before the last one runs out. */
  readonly token?: string | (() => string | Promise<string>);
  /** Who this is, where the server takes anonymous users. */
  readonly user?: string;
  /** Shown to operators. */
  readonly app?: { readonly name: string; readonly version: string };
  /** The pauses between attempts to connect, in milliseconds: anywhere from 0 to `baseMs`, then twice that, up to `maxMs`. */
  readonly backoff?: Partial<BackoffOptions>;
  /** Anything else that socket.io-client is to be told. */
  readonly transport?: TransportOptions;
  /** Time and chance, for tests. */
  readonly clock?: Clock;
}

/** How the one connection stands. Never changes; a change makes another one. */
export interface ConnectionStatus {
  readonly state: 'connecting' | 'connected' | 'reconnecting' | 'closed';
  /** While connected: who this is, and what is allowed. */
  readonly session: Session | undefined;
  /** Why there is no connection. */
  readonly error: ThreadwireError | undefined;
}

/** What of the client depends on the connection. */
interface Part {
  /** There is a connection, and nothing was sent on it yet. */
  connected(): void;
  /** It broke. */
  lost(): void;
  /** There will be none. */
  closed(error: ThreadwireError): void;
}

const defaultBackoff: BackoffOptions = { baseMs: 500, maxMs: 20_000 };

/**
 * A client of a Threadwire server: one connection, opened at once and kept, for every thread. Make one when the app
 * starts.
 */
export class ThreadwireClient {
  readonly #options: ClientOptions;
  readonly #events = new Emitter<ServerEventMap>();
  readonly #statusListeners = new Listeners();
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #outbox: Outbox;
  readonly #streams: Streams;
  readonly #subscriptions: Subscriptions;
  readonly #renewal: TokenRenewal;
  readonly #threads = new Map<string, { readonly state: ThreadState; readonly thread: Thread }>();
  #token: ClientOptions['token'];
  /** That of the last attempt to connect. */
  #tokenGiven: string | undefined;
  #status: ConnectionStatus = { state: 'connecting', session: undefined, error: undefined };
  #userId: string | undefined;

  /** The live list of threads. */
  readonly threadList: ThreadList;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#token = options.token;
    const clock = options.clock ?? systemClock;
    const backoff = { ...defaultBackoff, ...options.backoff };
    const connection = new Connection({
      url: options.url,
      auth: () => this.#auth(),
      renewsTokens: () => typeof this.#token === 'function' || this.#token !== this.#tokenGiven,
      backoff,
      transport: options.transport ?? {},
      clock,
      onState: (state, before) => this.#onState(state, before),
      onEvent: (event, payload) => this.#onEvent(event, payload),
    });
    this.#connection = connection;
    this.#requests = new Requests(connection, clock, backoff);
    this.#outbox = new Outbox({
      connection,
      clock,
      backoff,
      onSent: (message) => this.#threads.get(message.thread_id)?.state.log.merge(message),
      onChange: (threadId) => this.#threads.get(threadId)?.state.changed(),
    });
    this.#streams = new Streams({
      connection,
      requests: this.#requests,
      clock,
      backoff,
      onMessage: (message) => {
        const state = this.#threads.get(message.thread_id)?.state;
        state?.log.merge(message);
        state?.changed();
      },
    });
    this.#subscriptions = new Subscriptions({
      connection,
      requests: this.#requests,
      clock,
      backoff,
      onNews: (news) => this.#announce(news),
      onHistory: (page) => {
        for (const message of page.messages) this.#seen(message);
        this.#events.emit('thread_history', page);
      },
    });
    this.threadList = new ThreadList(connection, this.#requests);
    this.#renewal = new TokenRenewal(connection, clock, () => this.#currentToken());
    connection.open();
  }

  /** The connection as it stands: the same object until something changes. */
  getStatus(): ConnectionStatus {
    return this.#status;
  }

  /** Calls back after each change of the status; returns a function that ends it. */
  onStatus(listener: () => void): () => void {
    return this.#statusListeners.add(listener);
  }

  /** Resolves with the session when there is a connection; rejects when there will be none. */
  connected(): Promise<Session> {
    const { state, session, error } = this.#status;
    if (session) return Promise.resolve(session);
    if (state === 'closed') return Promise.reject(error ?? closedError('The client is closed.'));
    return new Promise((resolve, reject) => {
      const stop = this.onStatus(() => {
        if (this.#status.state === 'reconnecting' || this.#status.state === 'connecting') return;
        stop();
        this.connected().then(resolve, reject);
      });
    });
  }

  /**
   * Calls back with each event of this type; returns a function that ends it. Durable events come once each, in order of
   * seq, for the threads subscribed to; what was missed during a break comes as `thread_message` where the message is
   * new, and as `message_updated` where it changed, in its latest state. `stream_chunk` brings each piece of a stream's text
   * once, in order and before its end, be it after a break. `thread_history` tells of every page that was
   * taken: the first of a thread, a recovery, and with `recovered: false` a reload, where some changes are left out.
   */
  on<E extends ServerEvent>(type: E, handler: (payload: ServerPayload<E>) => void): () => void {
    return this.#events.on(type, handler);
  }

  /** The thread with this id; nothing is sent. The same object each time. */
  thread(id: string): Thread {
    return this.#entry(id).thread;
  }

  /** Creates a thread. @throws {ThreadwireError} */
  async createThread(thread: Omit<ClientPayload<'create_thread'>, 'message_id'> = {}): Promise<ThreadObject> {
    // With an id of its own a repeat creates nothing.
    const answer = await this.#requests.call('create_thread', { ...thread, id: thread.id ?? newId() });
    this.threadList.merge(answer.thread);
    return answer.thread;
  }

  /** One page of threads, newest activity first; {@link threadList} is the live list. @throws {ThreadwireError} */
  listThreads(page: Omit<ClientPayload<'list_threads'>, 'message_id'> = {}): Promise<ClientData<'list_threads'>> {
    return this.#requests.call('list_threads', page);
  }

  /** A page of a thread that need not be subscribed to. @throws {ThreadwireError} */
  fetchHistory(page: Omit<ClientPayload<'fetch_history'>, 'message_id'>): Promise<ClientData<'fetch_history'>> {
    return this.#requests.call('fetch_history', page);
  }

  /** Keeps {@link threadList} live until the function returned is called. */
  watchThreads(): () => void {
    return this.threadList.watch();
  }

  /** The milliseconds that the server takes to answer. @throws {ThreadwireError} */
  async ping(options?: Pick<RequestOptions, 'timeoutMs'>): Promise<number> {
    const startedAt = performance.now();
    await this.#requests.call('ping', {}, options);
    return performance.now() - startedAt;
  }

  /** Another token of the same user, or another way to get one: used at once. */
  setToken(token: ClientOptions['token']): void {
    this.#token = token;
    if (this.#connection.state.phase === 'connected') this.#renewal.renew();
    else if (this.#status.error?.retry === 'reauth' && this.#status.state === 'closed') this.#connection.open();
  }

  /** Tries to connect now, where the next attempt is still some time away: for a button beside "connection lost". */
  reconnect(): void {
    this.#connection.hurry();
  }

  /** Ends the connection; whatever waits fails with `closed`. */
  close(): void {
    this.#connection.close();
  }

  async #currentToken(): Promise<string | undefined> {
    return typeof this.#token === 'function' ? await this.#token() : this.#token;
  }

  async #auth(): Promise<ConnectAuth> {
    const { user, app } = this.#options;
    const token = await this.#currentToken();
    this.#tokenGiven = token;
    return {
      protocol_version: 1,
      ...(token !== undefined && { token }),
      ...(user !== undefined && { user }),
      ...(app !== undefined && { client: { ...app } }),
    };
  }

  #entry(id: string): { readonly state: ThreadState; readonly thread: Thread } {
    let entry = this.#threads.get(id);
    if (!entry) {
      const state = new ThreadState(id, () => this.#outbox.pending(id));
      const thread = new Thread(state, {
        subscriptions: this.#subscriptions,
        requests: this.#requests,
        outbox: this.#outbox,
        streams: this.#streams,
        events: this.#events,
      });
      entry = { state, thread };
      this.#threads.set(id, entry);
    }
    return entry;
  }

  #onState(state: ConnectionState, before: ConnectionState): void {
    if (state.phase === 'connected' && before.phase === 'connected') return;
    switch (state.phase) {
      case 'connected':
        this.#userId = state.session.user.id;
        this.#status = { state: 'connected', session: state.session, error: undefined };
        this.#renewal.schedule(state.session.expires_at);
        // Threads first: they are what is on the screen.
        this.#tell((part) => part.connected());
        return;
      case 'waiting':
        this.#status = { state: 'reconnecting', session: undefined, error: state.error };
        this.#renewal.cancel();
        this.#tell((part) => part.lost());
        return;
      case 'closed': {
        const error = state.error ?? closedError('The client was closed.');
        this.#status = { state: 'closed', session: undefined, error: state.error };
        this.#renewal.cancel();
        this.#tell((part) => part.closed(error));
        return;
      }
      case 'connecting':
        if (before.phase !== 'closed') return;
        this.#status = { state: 'connecting', session: undefined, error: undefined };
        this.#statusListeners.notify();
    }
  }

  /** Every part, and then whoever listens. */
  #tell(tell: (part: Part) => void): void {
    const parts = [this.#subscriptions, this.threadList, this.#requests, this.#streams, this.#outbox];
    for (const part of parts) tell(part);
    this.#statusListeners.notify();
  }

  #onEvent<E extends ServerEvent>(event: E, payload: ServerPayload<E>): void {
    switch (event) {
      case 'thread_message':
      case 'message_updated':
      case 'stream_start':
      case 'stream_chunk':
      case 'stream_end': {
        const news = { event, payload } as ThreadNews;
        this.#subscriptions.receive(news.payload.thread_id, news);
        if (news.event === 'stream_end') {
          const { stream_id: id, status, reason } = news.payload;
          this.#streams.ended(id, status, reason);
        }
        // Handlers get it from there: in order, and once.
        return;
      }
      case 'threads_updated': {
        const { threads, removed } = payload as ServerPayload<'threads_updated'>;
        for (const thread of threads) {
          const state = this.#threads.get(thread.id)?.state;
          if (!state?.log.thread) continue;
          state.log.thread = thread;
          state.changed();
        }
        this.threadList.updated(threads, removed);
        break;
      }
      case 'stream_cancel': {
        const { stream_id: id, reason } = payload as ServerPayload<'stream_cancel'>;
        this.#streams.cancelled(id, reason);
        break;
      }
      case 'error': {
        const error = payload as ServerPayload<'error'>;
        // That of a request comes in its ack.
        if (error.code === 'forbidden' && error.thread_id !== undefined) {
          this.#subscriptions.lostAccess(error.thread_id, new ThreadwireError(error));
        }
        break;
      }
      default:
    }
    this.#events.emit(event, payload as ServerEventMap[E]);
  }

  #announce(news: ThreadNews): void {
    if (news.event === 'thread_message') this.#seen(news.payload);
    this.#events.emit(news.event, news.payload);
  }

  #seen(message: Message): void {
    if (message.sender.id === this.#userId) this.#outbox.seen(message);
  }
}
