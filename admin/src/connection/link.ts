import { io } from 'socket.io-client';
import type { Socket } from 'socket.io-client';
import type { ConsoleAnswer, ConsoleAnswers, ConsolePayload, ConsoleRequest } from './protocol.ts';
import { RequestFailure } from './request-failure.ts';

/** `ended`: the session is over, and the operator has to log in again. */
export type LinkState = 'connecting' | 'online' | 'offline' | 'ended';

const answerMs = 10_000;
const retryMs = 3000;

/** The page's one connection to the server: asks, and says how it stands. */
export class Link {
  readonly #socket: Socket;
  readonly #listeners = new Set<() => void>();
  #state: LinkState = 'connecting';
  #offlineSince = Date.now();
  #isLeaving = false;

  constructor() {
    this.#socket = io('/admin', {
      path: '/api/ws',
      transports: ['websocket'],
      // By this the server knows that the page does not want what the official UI is sent.
      auth: { page: 'console' },
      reconnectionDelay: 500,
      reconnectionDelayMax: 5000,
    });
    this.#socket.on('connect', () => this.#become('online'));
    this.#socket.on('disconnect', (reason) => {
      this.#become('offline');
      // After this one Socket.IO does not come back by itself.
      if (reason !== 'io server disconnect') return;
      if (this.#isLeaving) setTimeout(() => void this.#askSession(), retryMs);
      else void this.#askSession();
    });
    this.#socket.on('connect_error', (error: Error & { data?: { code?: string } }) => {
      if (error.data?.code === 'unauthenticated') this.#become('ended');
      else {
        this.#become('offline');
        // Refused by the namespace: nobody else tries again.
        if (!this.#socket.active) setTimeout(() => this.#socket.connect(), retryMs);
      }
    });
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Milliseconds since the epoch: since when nothing new has come, where it is not online. */
  get offlineSince(): number {
    return this.#offlineSince;
  }

  /** For `useSyncExternalStore`. */
  readonly getState = (): LinkState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The operator logs out: that the server ends the connection then is no news. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Asks once. Rejects with a RequestFailure; what was not answered in time may have been done all the same. */
  async request<R extends ConsoleRequest>(name: R, payload: Partial<ConsolePayload<R>>): Promise<ConsoleAnswers[R]> {
    // Socket.IO would keep it and send it later, when nobody wants it any more.
    if (!this.#socket.connected) throw new RequestFailure('offline', 'The page is offline.');
    const answer = await this.#answerTo(name, payload);
    if (answer.ok) return answer.data;
    if (answer.error.code === 'unauthenticated') this.#become('ended');
    throw new RequestFailure(answer.error.code, answer.error.message);
  }

  async #answerTo<R extends ConsoleRequest>(name: R, payload: object): Promise<ConsoleAnswer<R>> {
    try {
      return (await this.#socket.timeout(answerMs).emitWithAck('console', name, payload)) as ConsoleAnswer<R>;
    } catch {
      throw this.#socket.connected
        ? new RequestFailure('no_answer', 'The server did not answer.')
        : new RequestFailure('no_answer', 'The connection broke before the answer came.');
    }
  }

  /** The server ended the connection: because the session is over, or for another reason. */
  async #askSession(): Promise<void> {
    try {
      const { status } = await fetch('/admin/session');
      if (status === 401) {
        this.#become('ended');
        return;
      }
    } catch {
      // It is away: connecting will tell.
    }
    setTimeout(() => this.#socket.connect(), retryMs);
  }

  #become(state: LinkState): void {
    if (this.#state === state || this.#state === 'ended') return;
    if (this.#state === 'online') this.#offlineSince = Date.now();
    this.#state = state;
    if (state === 'ended') this.#socket.disconnect();
    for (const listener of this.#listeners) listener();
  }
}
