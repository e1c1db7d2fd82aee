import type { Answer, ClientData, ClientEvent, ClientPayload } from '@threadwire/protocol';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { ThreadwireError, noAnswer } from './errors.ts';

const answerTimeoutMs = 10_000;

/** What one stream asks of the server: many at a time, and answered in their order. */
export class StreamRequests {
  readonly #connection: Pick<Connection, 'emit'>;
  readonly #clock: Clock;
  readonly #refused: (error: ThreadwireError) => void;
  readonly #unanswered: (error: ThreadwireError) => void;
  /** Counts how often all were forgotten: an answer to an earlier request means nothing any more. */
  #epoch = 0;
  #waiting = 0;
  #cancelTimer: () => void = () => undefined;

  constructor(
    ports: { readonly connection: Pick<Connection, 'emit'>; readonly clock: Clock },
    refused: (error: ThreadwireError) => void,
    unanswered: (error: ThreadwireError) => void,
  ) {
    this.#connection = ports.connection;
    this.#clock = ports.clock;
    this.#refused = refused;
    this.#unanswered = unanswered;
  }

  send<E extends ClientEvent>(event: E, payload: ClientPayload<E>, taken: (data: ClientData<E>) => void): void {
    const epoch = this.#epoch;
    this.#waiting += 1;
    if (this.#waiting === 1) this.#expectAnswer(event);
    this.#connection.emit(event, payload, (answer: Answer<E>) => {
      if (epoch !== this.#epoch) return;
      this.#waiting -= 1;
      this.#cancelTimer();
      if (this.#waiting > 0) this.#expectAnswer(event);
      if (answer.ok) taken(answer.data);
      else this.#refused(new ThreadwireError(answer.error));
    });
  }

  /** No answer is waited for any more. */
  forget(): void {
    this.#cancelTimer();
    this.#epoch += 1;
    this.#waiting = 0;
  }

  #expectAnswer(event: ClientEvent): void {
    this.#cancelTimer = this.#clock.after(answerTimeoutMs, () => {
      this.#unanswered(noAnswer(event, `within ${answerTimeoutMs} ms`));
    });
  }
}
