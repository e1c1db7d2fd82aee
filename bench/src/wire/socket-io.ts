import { numberAt } from './digits.ts';
import { openWebSocket } from './web-socket.ts';
import type { WebSocketLink } from './web-socket.ts';
import type { Client, ClientEvents, Subscription, Wire } from './wire.ts';

// The engine's packet types, and Socket.IO's within its messages. https://socket.io/docs/v4/socket-io-protocol/
const [open, ping, message] = Buffer.from('024');
const [connect, event, ack, connectError] = Buffer.from('0234');
/** The first letter of `thread_message`, in `42["thread_message",…`; no other event of ours begins with it. */
const [threadMessage] = Buffer.from('t');
const threadMessageAt = 4;
/** Of `stream_chunk`, in the same place; no other event that a reader gets has this letter there. */
const [streamChunk] = Buffer.from('c');
const streamChunkAt = threadMessageAt + 'stream_'.length;
const okAnswer = Buffer.from('[{"ok":true');

/** A Socket.IO client, as far as its frames have to be told apart. */
export class SocketIoClient implements Client {
  messages = 0;
  readonly #events: ClientEvents;
  #link!: WebSocketLink;
  #lastRequest = -1;
  #connected!: () => void;
  /** Replaced as soon as the connection is open. */
  #fail: (reason: string) => void = () => undefined;
  readonly #waiting = new Map<number, (json: string) => void>();

  private constructor(events: ClientEvents) {
    this.#events = events;
  }

  /** Opens a connection and the namespace, as this user. */
  static async open(port: number, user: string, events: ClientEvents): Promise<SocketIoClient> {
    const client = new SocketIoClient(events);
    const connected = new Promise<void>((resolve, reject) => {
      client.#connected = resolve;
      client.#fail = (reason) => reject(new Error(reason));
    });
    connected.catch(() => undefined);
    client.#link = await openWebSocket({
      port,
      path: '/api/ws/?EIO=4&transport=websocket',
      onFrame: (bytes, start, end) => client.#receive(bytes, start, end),
      onChunk: events.onChunk,
      onLost: (reason) => client.#fail(reason),
    });
    client.#link.send(`40${JSON.stringify({ user })}`);
    await connected;
    client.#fail = events.onLost;
    return client;
  }

  send(threadId: string, content: string, messageId: string): number {
    // By hand: it costs the load less than a serializer, and nothing in it needs to be escaped.
    return this.#request(
      `["send_message",{"thread_id":"${threadId}","content":"${content}","message_id":"${messageId}"}]`,
    );
  }

  /** Sends an event that asks for no answer; `json` is its payload. */
  tell(name: string, json: string): void {
    this.#link.send(`42["${name}",${json}]`);
  }

  /** Sends any event, and gives the JSON of its answer's arguments. */
  request(name: string, payload: unknown): Promise<string> {
    return new Promise((resolve) => {
      this.#waiting.set(this.#lastRequest + 1, resolve);
      this.#request(JSON.stringify([name, payload]));
    });
  }

  close(): void {
    this.#link.close();
  }

  #request(json: string): number {
    this.#lastRequest += 1;
    this.#link.send(`42${this.#lastRequest}${json}`);
    return this.#lastRequest;
  }

  #receive(bytes: Buffer, start: number, end: number): void {
    const type = bytes[start];
    const subtype = bytes[start + 1];
    if (type === message && subtype === event) {
      if (bytes[start + streamChunkAt] === streamChunk) this.#events.onText?.(bytes, start, end);
      if (bytes[start + threadMessageAt] !== threadMessage) return;
      this.messages += 1;
      this.#events.onMessage?.(bytes, start, end);
    } else if (type === message && subtype === ack) {
      this.#answered(bytes, start + 2, end);
    } else if (type === ping) {
      this.#link.send('3');
    } else if (type === message && subtype === connect) {
      this.#connected();
    } else if (type === message && subtype === connectError) {
      this.#fail(bytes.toString('utf8', start, end));
    } else if (type !== open) {
      this.#fail(`the server sent the packet ${bytes.toString('utf8', start, Math.min(end, start + 100))}`);
    }
  }

  #answered(bytes: Buffer, start: number, end: number): void {
    const request = numberAt(bytes, start, end);
    const json = bytes.indexOf(okAnswer[0]!, start);
    if (bytes.compare(okAnswer, 0, okAnswer.length, json, json + okAnswer.length) !== 0) {
      this.#fail(`a request failed: ${bytes.toString('utf8', json, Math.min(end, json + 500))}`);
      return;
    }
    const resolve = this.#waiting.get(request);
    if (!resolve) {
      this.#events.onAnswer?.(request);
      return;
    }
    this.#waiting.delete(request);
    resolve(bytes.toString('utf8', json, end));
  }
}

let users = 0;

/** Threadwire, and bare Socket.IO with the same events: both get the same bytes. */
export const socketIoWire: Wire = {
  async connect(port, subscriptions, events) {
    users += 1;
    const client = await SocketIoClient.open(port, `user-${users}`, events);
    if (subscriptions.length > 0) await resume(client, subscriptions);
    return client;
  },
};

/** Subscribes by one request; gives the JSON of its answer. */
export function resume(client: SocketIoClient, subscriptions: readonly Subscription[]): Promise<string> {
  return client.request('subscribe_threads', { threads: subscriptions.map(toEntry) });
}

function toEntry({ threadId, afterSeq }: Subscription): { thread_id: string; after_seq?: number } {
  return afterSeq === undefined ? { thread_id: threadId } : { thread_id: threadId, after_seq: afterSeq };
}
