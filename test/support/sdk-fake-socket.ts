import { jest } from '@jest/globals';
import type { ConnectAuth, ErrorObject, ServerEvent, ServerPayload } from '@threadwire/protocol';
import type { ClientOptions, ThreadwireClient } from '../../client-sdk/src/client.ts';
import { sessionOf } from './sdk-fake-connection.ts';

type Ack = (answer: unknown) => void;

/** What the server's end does with what comes. */
export interface FakeServerEnd {
  /** The client wants a connection. */
  onOpen(socket: FakeSocket): void;
  /** CONNECT, with what `auth` gave. */
  onAuth?(socket: FakeSocket, auth: ConnectAuth): void;
  onRequest(event: string, payload: unknown, ack: Ack): void;
  /** The client ended the connection. */
  onClose?(socket: FakeSocket): void;
}

/** Stands in for socket.io-client's socket, as far as the SDK uses it: no network, and nothing happens by itself. */
export class FakeSocket {
  readonly #end: FakeServerEnd;
  readonly #auth: (give: (auth: ConnectAuth) => void) => void;
  readonly #listeners = new Map<string, (value: unknown) => void>();
  #onAny: (event: string, payload: unknown) => void = () => undefined;
  /** Which of its connections this is; answers belong to one. */
  #epoch = 0;
  state: 'closed' | 'opening' | 'open' = 'closed';
  sendBuffer: unknown[] = [];
  /** The manager; that its engine closes shows as {@link drop} here. */
  readonly io = { engine: { once: (): void => undefined } };

  constructor(end: FakeServerEnd, options: { auth: (give: (auth: ConnectAuth) => void) => void }) {
    this.#end = end;
    this.#auth = options.auth;
  }

  // What the SDK calls.

  on(event: string, listener: (value: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  onAny(listener: (event: string, payload: unknown) => void): void {
    this.#onAny = listener;
  }

  connect(): void {
    this.state = 'opening';
    this.#end.onOpen(this);
  }

  emit(event: string, payload: unknown, answered: Ack): void {
    if (this.state !== 'open') throw new Error(`${event} was emitted while disconnected`);
    const epoch = this.#epoch;
    this.#end.onRequest(event, structuredClone(payload), (answer) => {
      if (epoch === this.#epoch && this.state === 'open') answered(structuredClone(answer));
    });
  }

  disconnect(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#epoch += 1;
    this.#end.onClose?.(this);
  }

  // What the server does.

  /** The transport is open: asks for `auth`. */
  handshake(): void {
    this.#auth((auth) => this.#end.onAuth?.(this, auth));
  }

  /** CONNECT was accepted: the session follows. */
  accept(session = sessionOf('ada')): void {
    this.state = 'open';
    this.deliver('session', session);
  }

  deliver<E extends ServerEvent>(event: E, payload: ServerPayload<E>): void {
    if (this.state === 'open') this.#onAny(event, structuredClone(payload));
  }

  /** The attempt fails: with an error of the server's, or because nobody listens. */
  refuse(error?: ErrorObject): void {
    this.state = 'closed';
    this.#listeners.get('connect_error')!(Object.assign(new Error('websocket error'), error && { data: error }));
  }

  /** The connection, open or not yet, ends without the client. */
  drop(reason = 'transport close'): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#epoch += 1;
    this.#listeners.get('disconnect')!(reason);
  }
}

/** The SDK on a {@link FakeSocket}: `open` makes a client whose connection ends at `end`. */
export async function clientsOnFakeSockets(): Promise<
  (end: FakeServerEnd, options?: ClientOptions) => ThreadwireClient
> {
  let next: FakeServerEnd | undefined;
  jest.doMock('socket.io-client', () => ({
    io: (_url: string, options: ConstructorParameters<typeof FakeSocket>[1]) => new FakeSocket(next!, options),
  }));
  const sdk = await import('../../client-sdk/src/client.ts');
  return (end, options) => {
    next = end;
    return new sdk.ThreadwireClient(options);
  };
}
