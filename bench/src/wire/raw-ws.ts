import { numberAt } from './digits.ts';
import { openWebSocket } from './web-socket.ts';
import type { WebSocketLink } from './web-socket.ts';
import type { Client, ClientEvents, Wire } from './wire.ts';

/** Text frames that are JSON arrays: `["thread_message",{…}]` and `["ack",N]` come, requests are `[EVENT,N,PAYLOAD]`. */
const [ack] = Buffer.from('a');
const nameAt = 2;
const ackNumberAt = '["ack",'.length;

/** Tells what comes on a WebSocket of ours without Socket.IO. */
export function rawReceiver(
  onMessage: (bytes: Buffer, start: number, end: number) => void,
  onAnswer: (request: number) => void,
): (bytes: Buffer, start: number, end: number) => void {
  return (bytes, start, end) => {
    if (bytes[start + nameAt] === ack) onAnswer(numberAt(bytes, start + ackNumberAt, end));
    else onMessage(bytes, start, end);
  };
}

class RawClient implements Client {
  messages = 0;
  #link!: WebSocketLink;
  #lastRequest = 0;

  static async open(port: number, threadIds: readonly string[], events: ClientEvents): Promise<RawClient> {
    const client = new RawClient();
    let subscribed!: () => void;
    const isSubscribed = new Promise<void>((resolve) => {
      subscribed = resolve;
    });
    const onMessage = (bytes: Buffer, start: number, end: number): void => {
      client.messages += 1;
      events.onMessage?.(bytes, start, end);
    };
    const onFrame = rawReceiver(onMessage, (request) => (request === 0 ? subscribed() : events.onAnswer?.(request)));
    client.#link = await openWebSocket({ ...events, port, path: '/', onFrame });
    client.#link.send(JSON.stringify(['subscribe', 0, threadIds]));
    await isSubscribed;
    return client;
  }

  send(threadId: string, content: string, messageId: string): number {
    this.#lastRequest += 1;
    const payload = `{"thread_id":"${threadId}","content":"${content}","message_id":"${messageId}"}`;
    this.#link.send(`["send_message",${this.#lastRequest},${payload}]`);
    return this.#lastRequest;
  }

  close(): void {
    this.#link.close();
  }
}

/** The server that has nothing but sockets and a map of rooms. */
export const rawWire: Wire = {
  connect: (port, subscriptions, events) =>
    RawClient.open(
      port,
      subscriptions.map(({ threadId }) => threadId),
      events,
    ),
};
