import type { JsonObject, Message, Role, Thread as ThreadObject } from '@threadwire/protocol';
import type { Emitter } from './emitter.ts';
import { newId } from './new-id.ts';
import type { Outbox } from './outbox.ts';
import type { Requests } from './requests.ts';
import type { ServerEventMap } from './server-event-map.ts';
import type { StreamOptions, Streams } from './streams.ts';
import type { StreamWriter } from './stream-writer.ts';
import type { Subscriptions } from './subscriptions.ts';
import { ThreadMessage } from './thread-message.ts';
import type { ThreadSnapshot, ThreadState } from './thread-state.ts';

/** What one `subscribe()` holds. */
export interface Subscription {
  /** Resolves when the thread is live; rejects where it cannot be opened. */
  readonly ready: Promise<void>;
  /** Ends it; the last one to end leaves the thread. */
  readonly unsubscribe: () => void;
}

export interface SendOptions {
  readonly role?: Role;
  readonly metadata?: JsonObject;
  /** The idempotency key, a new UUID unless given: the same one again in this thread stores nothing. */
  readonly messageId?: string;
}

export interface EditOptions {
  /** Replaces the metadata. */
  readonly metadata?: JsonObject;
  /** Fails with `seq_conflict` unless the message still has this seq. */
  readonly ifSeq?: number;
}

/** The events that say which thread they belong to. */
export type ThreadEvent = {
  [E in keyof ServerEventMap]: ServerEventMap[E] extends { readonly thread_id: string } ? E : never;
}[keyof ServerEventMap];

export interface ThreadPorts {
  readonly subscriptions: Subscriptions;
  readonly requests: Requests;
  readonly outbox: Outbox;
  readonly streams: Streams;
  readonly events: Emitter<ServerEventMap>;
}

/** One thread, as this client sees it. `client.thread(id)` gives the same object each time. */
export class Thread {
  readonly #state: ThreadState;
  readonly #ports: ThreadPorts;

  constructor(state: ThreadState, ports: ThreadPorts) {
    this.#state = state;
    this.#ports = ports;
  }

  get id(): string {
    return this.#state.id;
  }

  /**
   * Follows the thread until `unsubscribe()`, across every break. May be called as often as there are parts that need
   * the thread: the server is asked once.
   */
  subscribe(): Subscription {
    const { subscriptions } = this.#ports;
    subscriptions.hold(this.#state);
    const ready = this.#state.whenLive();
    // Whoever does not ask sees it in the snapshot.
    ready.catch(() => undefined);
    let isHeld = true;
    return {
      ready,
      unsubscribe: () => {
        if (isHeld) subscriptions.release(this.#state);
        isHeld = false;
      },
    };
  }

  /** The thread as it is now: the same object until something changes. */
  getSnapshot(): ThreadSnapshot {
    return this.#state.snapshot;
  }

  /** Calls back after each change of the snapshot; returns a function that ends it. */
  onChange(listener: () => void): () => void {
    return this.#state.onChange(listener);
  }

  /** Like `client.on`, for the events of this thread. */
  on<E extends ThreadEvent>(type: E, handler: (payload: ServerEventMap[E]) => void): () => void {
    return this.#ports.events.on(type, (payload) => {
      if ((payload as { readonly thread_id: string }).thread_id === this.id) handler(payload);
    });
  }

  /**
   * Sends a message; it is in the snapshot's `pending` at once. While there is no connection it waits in memory.
   * Resolves when it is stored, which may take until the connection is back. @throws {ThreadwireError}
   */
  send(content: string, { role, metadata, messageId = newId() }: SendOptions = {}): Promise<Message> {
    return shown(
      this.#ports.outbox.send({
        thread_id: this.id,
        content,
        message_id: messageId,
        ...(role !== undefined && { role }),
        ...(metadata !== undefined && { metadata }),
      }),
    );
  }

  /** Sends a failed message again. @throws {ThreadwireError} */
  resend(messageId: string): Promise<Message> {
    return shown(this.#ports.outbox.retry(this.id, messageId));
  }

  /** Takes back a message that waits or failed; false where it is being sent right now. */
  discard(messageId: string): boolean {
    return this.#ports.outbox.discard(this.id, messageId);
  }

  /** One message of it, to follow as it is written, or to stop. Nothing is sent. */
  message(id: string): ThreadMessage {
    return new ThreadMessage(this.#state, this.#ports.requests, id);
  }

  /**
   * Starts a message that is written piece by piece, or goes on with the one that was started with this `messageId`. Waits
   * for the connection, and where the server has too much to do for the moment; `signal` ends that too. The thread need not
   * be subscribed to. @throws {ThreadwireError}
   */
  startStream(options: StreamOptions = {}): Promise<StreamWriter> {
    return this.#ports.streams.start(this.id, options);
  }

  /** Replaces a message's content. @throws {ThreadwireError} */
  async edit(id: string, content: string, { metadata, ifSeq }: EditOptions = {}): Promise<Message> {
    const { message } = await this.#ports.requests.call(
      'edit_message',
      {
        thread_id: this.id,
        id,
        content,
        ...(metadata !== undefined && { metadata }),
        ...(ifSeq !== undefined && { if_seq: ifSeq }),
      },
      { isRepeatable: ifSeq === undefined },
    );
    return this.#merge(message);
  }

  /** Leaves a tombstone of a message. @throws {ThreadwireError} */
  async delete(id: string, { ifSeq }: Pick<EditOptions, 'ifSeq'> = {}): Promise<Message> {
    const payload = { thread_id: this.id, id, ...(ifSeq !== undefined && { if_seq: ifSeq }) };
    const { message } = await this.#ports.requests.call('delete_message', payload, {
      isRepeatable: ifSeq === undefined,
    });
    return this.#merge(message);
  }

  /** Replaces the thread's title, members or metadata. @throws {ThreadwireError} */
  async update(changes: { title?: string; members?: string[]; metadata?: JsonObject }): Promise<ThreadObject> {
    const { thread } = await this.#ports.requests.call('update_thread', { thread_id: this.id, ...changes });
    this.#state.log.thread = thread;
    this.#state.changed();
    return thread;
  }

  /** Adds the page before the first message held, where there is one. @throws {ThreadwireError} */
  async loadOlder(limit?: number): Promise<void> {
    const state = this.#state;
    if (state.isLoadingOlder || !state.log.hasOlder) return;
    state.isLoadingOlder = true;
    state.log.expectOlder();
    state.changed();
    try {
      const page = await this.#ports.requests.call('fetch_history', {
        thread_id: this.id,
        before_position: state.log.floor,
        ...(limit !== undefined && { limit }),
      });
      state.log.prepend(page);
    } finally {
      state.log.forgetOlder();
      state.isLoadingOlder = false;
      state.changed();
    }
  }

  /** Lets go of all but the newest messages; `loadOlder()` brings them back. */
  keepNewest(count: number): void {
    this.#state.log.keepNewest(count);
    this.#state.changed();
  }

  /** Asks again for a thread that could not be opened. */
  retry(): void {
    this.#ports.subscriptions.retry(this.#state);
  }

  #merge(message: Message): Message {
    this.#state.log.merge(message);
    this.#state.changed();
    return message;
  }
}

/** A failure is in the snapshot too: whoever only looks there need not handle it here. */
function shown(sending: Promise<Message>): Promise<Message> {
  sending.catch(() => undefined);
  return sending;
}
