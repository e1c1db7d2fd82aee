import { randomUUID } from 'node:crypto';
import { toMessage } from '../servers/messages.ts';
import { numberAt } from './digits.ts';
import { openWebSocket } from './web-socket.ts';
import type { WebSocketLink } from './web-socket.ts';
import type { Client, ClientEvents, Subscription, Wire } from './wire.ts';

// Its JSON protocol: objects, several of them in a frame on a line each. What we send is {"id":N,…}, and so are the
// answers; {"push":…} is a publication; {} is a ping, answered by {}.
// https://centrifugal.dev/docs/transports/client_protocol
const newline = 0x0a;
const [push, answer, ping] = Buffer.from('pi}');
const letterAt = '{"'.length;
const idAt = '{"id":'.length;
const error = Buffer.from(',"error"');

class CentrifugoClient implements Client {
  messages = 0;
  readonly #events: ClientEvents;
  readonly #user = `user-${randomUUID().slice(0, 4)}`;
  #link!: WebSocketLink;
  #lastId = 0;
  /** Ids up to this are of connecting and subscribing. */
  #lastSetUpId = Number.POSITIVE_INFINITY;
  #isSetUp!: () => void;

  private constructor(events: ClientEvents) {
    this.#events = events;
  }

  static async open(port: number, subscriptions: readonly Subscription[], events: ClientEvents): Promise<Client> {
    const client = new CentrifugoClient(events);
    const setUp = new Promise<void>((resolve) => {
      client.#isSetUp = resolve;
    });
    const onFrame = (bytes: Buffer, start: number, end: number): void => client.#receive(bytes, start, end);
    client.#link = await openWebSocket({ ...events, port, path: '/connection/websocket', onFrame });
    client.#command('connect', '{}');
    for (const { threadId } of subscriptions) client.#command('subscribe', `{"channel":"${threadId}"}`);
    client.#lastSetUpId = client.#lastId;
    await setUp;
    return client;
  }

  send(threadId: string, content: string, messageId: string): number {
    // It relays what it is given, so the object that the other servers make is made here.
    const message = toMessage({ thread_id: threadId, content, message_id: messageId }, this.#user, this.#lastId);
    return this.#command('publish', `{"channel":"${threadId}","data":${JSON.stringify(message)}}`);
  }

  close(): void {
    this.#link.close();
  }

  #command(name: string, json: string): number {
    this.#lastId += 1;
    this.#link.send(`{"id":${this.#lastId},"${name}":${json}}`);
    return this.#lastId;
  }

  #receive(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end;) {
      const found = bytes.indexOf(newline, at);
      const lineEnd = found < 0 || found > end ? end : found;
      if (lineEnd > at) this.#line(bytes, at, lineEnd);
      at = lineEnd + 1;
    }
  }

  #line(bytes: Buffer, start: number, end: number): void {
    const letter = bytes[start + letterAt];
    if (bytes[start + 1] === ping) {
      this.#link.send('{}');
    } else if (letter === push) {
      this.messages += 1;
      this.#events.onMessage?.(bytes, start, end);
    } else if (letter === answer) {
      this.#answered(bytes, start, end);
    } else {
      this.#events.onLost(`the server sent ${bytes.toString('utf8', start, Math.min(end, start + 200))}`);
    }
  }

  #answered(bytes: Buffer, start: number, end: number): void {
    const id = numberAt(bytes, start + idAt, end);
    if (bytes.subarray(start, end).includes(error)) {
      this.#events.onLost(`a request failed: ${bytes.toString('utf8', start, end)}`);
    } else if (id === this.#lastSetUpId) {
      this.#isSetUp();
    } else if (id > this.#lastSetUpId) {
      this.#events.onAnswer?.(id);
    }
  }
}

/** Centrifugo (Go), which keeps messages in memory only. */
export const centrifugoWire: Wire = {
  connect: (port, subscriptions, events) => CentrifugoClient.open(port, subscriptions, events),
};
