import type { Message, ServerPayload } from '@threadwire/protocol';
import { ThreadwireClient } from '../../client-sdk/src/index.ts';
import type { ClientOptions, ConnectionStatus } from '../../client-sdk/src/index.ts';
import { httpRequest } from './http-request.ts';
import type { LogRecorder, ViewRecorder } from './log-checker.ts';

/** What a thread's handlers were given, in order. */
export interface Told {
  readonly event: 'thread_message' | 'message_updated';
  readonly message: Message;
}

/** A client of the SDK whose handlers keep what they are given; disposing closes it. */
export class SdkClient implements Disposable {
  readonly client: ThreadwireClient;
  readonly user: string;
  readonly told: Told[] = [];
  readonly pages: ServerPayload<'thread_history'>[] = [];
  readonly statuses: ConnectionStatus[] = [];
  readonly #view: ViewRecorder | undefined;
  /** By thread: handlers that are given this or less were told twice, or out of order. */
  readonly #last = new Map<string, number>();

  constructor(url: string, user: string, options: ClientOptions, recorder: LogRecorder | undefined) {
    this.user = user;
    this.#view = recorder?.view(user);
    this.client = new ThreadwireClient({ url, user, backoff: { baseMs: 20, maxMs: 200 }, ...options });
    // A client whose handlers work needs to know nothing of breaks: for the checker it was connected all the time.
    this.#view?.add({ kind: 'connected' });
    this.client.onStatus(() => this.statuses.push(this.client.getStatus()));
    this.client.on('thread_history', (page) => this.#turn(page));
    for (const event of ['thread_message', 'message_updated'] as const) {
      this.client.on(event, (message) => this.#take({ event, message }));
    }
  }

  /** Opens threads, and waits until they are live. */
  async follow(...threadIds: string[]): Promise<void> {
    await Promise.all(threadIds.map((id) => this.client.thread(id).subscribe().ready));
  }

  /** Sends, and has the checker hold the answer against what is stored. */
  async send(threadId: string, content: string): Promise<Message> {
    const message = await this.client.thread(threadId).send(content);
    this.#view?.sent({ message, duplicate: true }, { thread_id: threadId });
    return message;
  }

  snapshot(threadId: string) {
    return this.client.thread(threadId).getSnapshot();
  }

  contents(threadId: string): string[] {
    return this.snapshot(threadId).messages.map(({ content }) => content);
  }

  /** The seqs that handlers of a thread were given. */
  seqs(threadId: string): number[] {
    return this.told.flatMap(({ message }) => (message.thread_id === threadId ? [message.seq] : []));
  }

  [Symbol.dispose](): void {
    this.client.close();
  }

  #turn(page: ServerPayload<'thread_history'>): void {
    this.pages.push(page);
    if (page.recovered) return;
    const { id } = page.thread;
    this.#view?.add({ kind: 'history', subscribes: true, thread_id: id, history: page });
  }

  #take(told: Told): void {
    this.told.push(told);
    const { thread_id: id, seq } = told.message;
    if (seq <= (this.#last.get(id) ?? 0)) throw new Error(`${this.user} was told of ${id} ${seq} twice, or too late`);
    this.#last.set(id, seq);
    this.#view?.add({ kind: 'event', event: told.event, payload: told.message });
  }
}

/** A client of the SDK; it does not wait for the connection. */
export function openSdk(url: string, user: string, options: ClientOptions = {}, recorder?: LogRecorder): SdkClient {
  return new SdkClient(url, user, options, recorder);
}

/** How many client events of this kind a server has answered, whatever the answer was. */
export async function answered(url: string, event: string): Promise<number> {
  const { text } = await httpRequest(`${url}/metrics`);
  const lines = text.matchAll(new RegExp(`^threadwire_requests_total\\{event="${event}",[^}]*\\} (\\d+)$`, 'gm'));
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}
