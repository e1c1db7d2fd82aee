import type { ErrorObject } from '@threadwire/protocol';
import type { ClientLink, ConnectionFacts } from '../../server/src/connection/connection.ts';

/** What a client got: an event and its payload, or `ack` and the answer. */
export type Received = readonly [name: string, content: unknown];

/** A client's end of a connection, without a network: keeps what it was sent, in order, and what was done to it. */
export class FakeLink implements ClientLink {
  readonly id: string;
  /** Everything that was sent, even after the link had closed. */
  readonly received: Received[] = [];
  state: 'open' | 'disconnected' | 'transport closed' = 'open';
  /** Each time reading was stopped (false) or resumed (true). */
  readonly reading: boolean[] = [];
  /** How many packets were refused before anything was done. */
  refused = 0;
  /** Called when the server ends the connection, as Socket.IO would call its `disconnect` listener. */
  onEnd: () => void = () => undefined;

  constructor(id = 'link') {
    this.id = id;
  }

  get facts(): ConnectionFacts {
    const known = { address: '127.0.0.1', transport: 'websocket', connectedAt: 0, roundTripMs: undefined };
    return { ...known, bufferedBytes: 0, isSlow: false };
  }

  emit(event: string, payload: unknown): void {
    this.received.push([event, payload]);
  }

  ackOf(id: number): (answer: unknown) => void {
    return (answer) => this.received.push([`ack ${id}`, answer]);
  }

  disconnect(): void {
    this.#end('disconnected');
  }

  closeTransport(): void {
    this.#end('transport closed');
  }

  setReading(on: boolean): void {
    this.reading.push(on);
  }

  answer(send: () => void): void {
    send();
  }

  delivered(): Promise<void> {
    return Promise.resolve();
  }

  wasted(): void {
    this.refused += 1;
  }

  cut(): void {
    this.#end('transport closed');
  }

  /** The names of what was received, in order. */
  get names(): string[] {
    return this.received.map(([name]) => name);
  }

  /** The error objects received as events, in order. */
  get errors(): ErrorObject[] {
    return this.received.filter(([name]) => name === 'error').map(([, content]) => content as ErrorObject);
  }

  #end(state: 'disconnected' | 'transport closed'): void {
    this.state = state;
    this.onEnd();
  }
}
