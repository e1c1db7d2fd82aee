import type { ClientData, ClientEvent, ClientPayload } from '@threadwire/protocol';
import { backoffMs } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { ThreadwireError, closedError, noAnswer } from './errors.ts';

export interface RequestOptions {
  /** By then there must be an answer; it covers waiting for the connection too. */
  readonly timeoutMs?: number;
  /** False: never sent twice, because the second time would be taken for something else. */
  readonly isRepeatable?: boolean;
}

const defaultTimeoutMs = 10_000;

/**
 * Requests that somebody waits for. They wait for the connection, are sent again on the next one where it broke before
 * the answer came, and again where the server says that it may work later: until their time is up.
 */
export class Requests {
  readonly #connection: Pick<Connection, 'emit' | 'state'>;
  readonly #clock: Clock;
  readonly #backoff: BackoffOptions;
  readonly #pending = new Set<Request<ClientEvent>>();

  constructor(connection: Pick<Connection, 'emit' | 'state'>, clock: Clock, backoff: BackoffOptions) {
    this.#connection = connection;
    this.#clock = clock;
    this.#backoff = backoff;
  }

  /** Resolves with the `data` of the answer. @throws {ThreadwireError} */
  call<E extends ClientEvent>(
    event: E,
    payload: ClientPayload<E>,
    { timeoutMs = defaultTimeoutMs, isRepeatable = true }: RequestOptions = {},
  ): Promise<ClientData<E>> {
    return new Promise((resolve, reject) => {
      const request: Request<E> = {
        event,
        payload,
        isRepeatable,
        attempt: 0,
        isSent: false,
        refusal: undefined,
        cancelTimeout: this.#clock.after(timeoutMs, () =>
          this.#fail(request, request.refusal ?? noAnswer(event, `within ${timeoutMs} ms`)),
        ),
        cancelRetry: () => undefined,
        resolve,
        reject,
      };
      this.#pending.add(request);
      const { phase } = this.#connection.state;
      if (phase === 'connected') this.#send(request);
      else if (phase === 'closed') this.#fail(request, closedError('The client is closed.'));
    });
  }

  /** There is a new connection. */
  connected(): void {
    // Whoever heard of it first may have sent one already.
    for (const request of Array.from(this.#pending)) if (!request.isSent) this.#send(request);
  }

  /** The connection broke. */
  lost(): void {
    for (const request of Array.from(this.#pending)) {
      request.cancelRetry();
      const isOpen = request.isSent && request.refusal === undefined;
      request.isSent = false;
      if (isOpen && !request.isRepeatable) this.#fail(request, noAnswer(request.event, 'before the connection broke'));
    }
  }

  /** There will be no connection. */
  closed(error: ThreadwireError): void {
    for (const request of Array.from(this.#pending)) this.#fail(request, error);
  }

  #send<E extends ClientEvent>(request: Request<E>): void {
    const attempt = ++request.attempt;
    request.isSent = true;
    request.refusal = undefined;
    this.#connection.emit(request.event, request.payload, (answer) => {
      // A late answer to an earlier attempt says nothing about this one.
      if (attempt !== request.attempt || !this.#isPending(request)) return;
      if (answer.ok) {
        this.#end(request);
        request.resolve(answer.data);
        return;
      }
      const error = new ThreadwireError(answer.error);
      if (error.retry === 'later') this.#sendLater(request, error);
      else this.#fail(request, error);
    });
  }

  #sendLater<E extends ClientEvent>(request: Request<E>, refusal: ThreadwireError): void {
    request.refusal = refusal;
    const pauseMs = refusal.retryAfterMs ?? backoffMs(request.attempt, this.#backoff, () => this.#clock.random());
    request.cancelRetry = this.#clock.after(pauseMs, () => {
      if (this.#connection.state.phase === 'connected') this.#send(request);
    });
  }

  #isPending<E extends ClientEvent>(request: Request<E>): boolean {
    return this.#pending.has(request);
  }

  #end<E extends ClientEvent>(request: Request<E>): void {
    this.#pending.delete(request);
    request.cancelTimeout();
    request.cancelRetry();
  }

  #fail<E extends ClientEvent>(request: Request<E>, error: ThreadwireError): void {
    this.#end(request);
    request.reject(error);
  }
}

interface Request<E extends ClientEvent> {
  readonly event: E;
  readonly payload: ClientPayload<E>;
  readonly isRepeatable: boolean;
  /** How often it was sent. */
  attempt: number;
  /** On this connection. */
  isSent: boolean;
  /** Why it has to wait; undefined while an answer is due. */
  refusal: ThreadwireError | undefined;
  readonly cancelTimeout: () => void;
  cancelRetry: () => void;
  readonly resolve: (data: ClientData<E>) => void;
  readonly reject: (error: ThreadwireError) => void;
}
