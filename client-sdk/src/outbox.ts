import type { ClientPayload, Message } from '@threadwire/protocol';
import { backoffMs } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { ThreadwireError, closedError } from './errors.ts';

export type OutgoingMessage = ClientPayload<'send_message'> & { readonly message_id: string };

/** A message of this client that the server has not confirmed yet. */
export interface PendingMessage {
  readonly messageId: string;
  readonly content: string;
  readonly role: Message['role'];
  readonly metadata: Message['metadata'];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** `waiting`: for the connection, or for earlier ones. `failed`: not sent again unless asked for. */
  readonly status: 'waiting' | 'sending' | 'failed';
  readonly error: ThreadwireError | undefined;
}

interface Entry {
  readonly message: OutgoingMessage;
  readonly createdAt: number;
  status: PendingMessage['status'];
  error: ThreadwireError | undefined;
  attempt: number;
  /** The message has arrived as an event: only its answer is still due. */
  isSeen: boolean;
  cancelRetry: () => void;
  resolve: (message: Message) => void;
  reject: (error: ThreadwireError) => void;
}

export interface OutboxPorts {
  readonly connection: Pick<Connection, 'emit' | 'state'>;
  readonly clock: Clock;
  readonly backoff: BackoffOptions;
  /** A message was confirmed: called before its promise resolves. */
  readonly onSent: (message: Message) => void;
  /** What {@link Outbox.pending} says of this thread changed. */
  readonly onChange: (threadId: string) => void;
}

/**
 * Messages on their way, in memory. In each thread they go one after the other, so that they arrive in the order in which
 * they were given; each keeps its `message_id` on every attempt, so that it is stored once.
 */
export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #byThread = new Map<string, Entry[]>();

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
  }

  /** Resolves with the stored message. @throws {ThreadwireError} */
  send(message: OutgoingMessage): Promise<Message> {
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        message,
        createdAt: this.#ports.clock.now(),
        status: 'waiting',
        error: undefined,
        attempt: 0,
        isSeen: false,
        cancelRetry: () => undefined,
        resolve,
        reject,
      };
      const { thread_id: threadId } = message;
      const entries = this.#byThread.get(threadId) ?? [];
      this.#byThread.set(threadId, entries);
      entries.push(entry);
      if (this.#ports.connection.state.phase === 'closed') this.#fail(entry, closedError('The client is closed.'));
      else this.#next(threadId);
      this.#ports.onChange(threadId);
    });
  }

  /** What is on its way to a thread, or failed, in the order in which it was given. */
  pending(threadId: string): PendingMessage[] {
    const visible = (this.#byThread.get(threadId) ?? []).filter(({ isSeen }) => !isSeen);
    return visible.map(({ message, createdAt, status, error }) => ({
      messageId: message.message_id,
      content: message.content,
      role: message.role ?? 'user',
      metadata: message.metadata ?? {},
      createdAt,
      status,
      error,
    }));
  }

  /** Sends a failed message again, after those that wait. Resolves like {@link send}. */
  retry(threadId: string, messageId: string): Promise<Message> {
    const entry = this.#byThread.get(threadId)?.find(({ message, status }) => {
      return message.message_id === messageId && status === 'failed';
    });
    if (!entry) {
      const message = `No message ${messageId} has failed.`;
      return Promise.reject(new ThreadwireError({ code: 'message_not_found', message, retry: 'never' }));
    }
    this.#remove(entry);
    return this.send(entry.message);
  }

  /** Takes back a message that is not being sent right now; false where it is too late. */
  discard(threadId: string, messageId: string): boolean {
    const found = this.#find(threadId, messageId);
    if (!found || found.status === 'sending') return false;
    this.#remove(found);
    found.cancelRetry();
    found.reject(new ThreadwireError({ code: 'discarded', message: 'The message was taken back.', retry: 'never' }));
    this.#next(threadId);
    this.#ports.onChange(threadId);
    return true;
  }

  /** A message of this user has arrived. */
  seen({ thread_id: threadId, message_id: messageId }: Message): void {
    const entry = this.#find(threadId, messageId);
    if (entry) entry.isSeen = true;
  }

  /** There is a connection, and nothing was sent on it yet. */
  connected(): void {
    for (const threadId of Array.from(this.#byThread.keys())) this.#next(threadId);
  }

  /** The connection broke: what was being sent may have arrived or not. */
  lost(): void {
    for (const [threadId, entries] of this.#byThread) {
      for (const entry of entries) {
        entry.cancelRetry();
        if (entry.status === 'sending') entry.status = 'waiting';
      }
      this.#ports.onChange(threadId);
    }
  }

  /** There will be no connection. */
  closed(error: ThreadwireError): void {
    for (const [threadId, entries] of this.#byThread) {
      for (const entry of entries) if (entry.status !== 'failed') this.#fail(entry, error);
      this.#ports.onChange(threadId);
    }
  }

  #next(threadId: string): void {
    const { connection } = this.#ports;
    const entry = this.#byThread.get(threadId)?.find(({ status }) => status !== 'failed');
    if (entry?.status !== 'waiting' || connection.state.phase !== 'connected') return;
    entry.status = 'sending';
    const attempt = ++entry.attempt;
    connection.emit('send_message', entry.message, (answer) => {
      if (attempt !== entry.attempt || entry.status !== 'sending') return;
      if (answer.ok) {
        this.#remove(entry);
        this.#ports.onSent(answer.data.message);
        entry.resolve(answer.data.message);
        this.#next(threadId);
      } else {
        const error = new ThreadwireError(answer.error);
        if (error.retry === 'never') {
          this.#fail(entry, error);
          this.#next(threadId);
        } else {
          this.#sendLater(threadId, entry, error);
        }
      }
      this.#ports.onChange(threadId);
    });
  }

  /** `reauth` too: the connection sees to a new token, or ends. */
  #sendLater(threadId: string, entry: Entry, refusal: ThreadwireError): void {
    const { clock, backoff } = this.#ports;
    const pauseMs = refusal.retryAfterMs ?? backoffMs(entry.attempt, backoff, () => clock.random());
    entry.cancelRetry = clock.after(pauseMs, () => {
      if (entry.status !== 'sending') return;
      entry.status = 'waiting';
      this.#next(threadId);
      this.#ports.onChange(threadId);
    });
  }

  #fail(entry: Entry, error: ThreadwireError): void {
    entry.cancelRetry();
    entry.status = 'failed';
    entry.error = error;
    entry.reject(error);
  }

  #find(threadId: string, messageId: string): Entry | undefined {
    return this.#byThread.get(threadId)?.find(({ message }) => message.message_id === messageId);
  }

  #remove(entry: Entry): void {
    const { thread_id: threadId } = entry.message;
    const rest = this.#byThread.get(threadId)?.filter((other) => other !== entry) ?? [];
    if (rest.length > 0) this.#byThread.set(threadId, rest);
    else this.#byThread.delete(threadId);
  }
}
