import { rawReceiver } from './raw-ws.ts';
import { openWebSocket } from './web-socket.ts';
import type { WebSocketLink } from './web-socket.ts';
import type { Client, ClientEvents, Subscription, Wire } from './wire.ts';

/** A client of the old design: a WebSocket for each of its threads, subscribed by being open. */
class ThreadSocketsClient implements Client {
  messages = 0;
  readonly #links = new Map<string, WebSocketLink>();
  #lastRequest = 0;

  async open(port: number, subscriptions: readonly Subscription[], events: ClientEvents): Promise<void> {
    const onMessage = (bytes: Buffer, start: number, end: number): void => {
      this.messages += 1;
      events.onMessage?.(bytes, start, end);
    };
    const onFrame = rawReceiver(onMessage, (request) => events.onAnswer?.(request));
    for (const { threadId } of subscriptions) {
      this.#links.set(threadId, await openWebSocket({ ...events, port, path: `/api/threads/${threadId}/ws`, onFrame }));
    }
  }

  send(threadId: string, content: string, messageId: string): number {
    this.#lastRequest += 1;
    const payload = `{"content":"${content}","message_id":"${messageId}"}`;
    this.#links.get(threadId)!.send(`["send_message",${this.#lastRequest},${payload}]`);
    return this.#lastRequest;
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
  }
}

/** One WebSocket per thread. It can send to the threads that it is subscribed to only. */
export const threadSocketsWire: Wire = {
  async connect(port, subscriptions, events) {
    const client = new ThreadSocketsClient();
    await client.open(port, subscriptions, events);
    return client;
  },
};
