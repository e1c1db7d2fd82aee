import type { JsonObject, MessageStatus, Role } from '@threadwire/protocol';
import { closedError } from './errors.ts';
import type { ThreadwireError } from './errors.ts';
import { newId } from './new-id.ts';
import { StreamSender } from './stream-sender.ts';
import type { StreamPorts } from './stream-sender.ts';
import { StreamWriter } from './stream-writer.ts';

export interface StreamOptions {
  /** `assistant` unless given. */
  readonly role?: Role;
  readonly metadata?: JsonObject;
  /** The idempotency key, a new UUID unless given: the same one again in this thread goes on with that stream. */
  readonly messageId?: string;
  /** Aborted, it cancels the stream. */
  readonly signal?: AbortSignal;
}

/** The streams that this client writes. */
export class Streams {
  readonly #ports: StreamPorts;
  readonly #senders = new Set<StreamSender>();

  constructor(ports: StreamPorts) {
    this.#ports = ports;
  }

  /** Resolves when the server has answered. @throws {ThreadwireError} or the signal's reason */
  async start(threadId: string, { role, metadata, messageId = newId(), signal }: StreamOptions): Promise<StreamWriter> {
    signal?.throwIfAborted();
    if (this.#ports.connection.state.phase === 'closed') throw closedError('The client is closed.');
    const start = {
      thread_id: threadId,
      message_id: messageId,
      ...(role !== undefined && { role }),
      ...(metadata !== undefined && { metadata }),
    };
    const sender = new StreamSender(this.#ports, start, () => {
      this.#senders.delete(sender);
      signal?.removeEventListener('abort', abandon);
    });
    let stopWaiting!: (reason: Error) => void;
    const aborted = new Promise<never>((_resolve, reject) => (stopWaiting = reject));
    const abandon = (): void => {
      stopWaiting(signal!.reason as Error);
      sender.abandon();
    };
    // Nobody waits for it once there is a writer.
    aborted.catch(() => undefined);
    signal?.addEventListener('abort', abandon);
    this.#senders.add(sender);
    await Promise.race([sender.started(), aborted]);
    return new StreamWriter(sender);
  }

  /** There is a connection, and nothing was sent on it yet. */
  connected(): void {
    for (const sender of Array.from(this.#senders)) sender.connected();
  }

  /** The connection broke. */
  lost(): void {
    for (const sender of Array.from(this.#senders)) sender.lost();
  }

  /** There will be no connection. */
  closed(error: ThreadwireError): void {
    for (const sender of Array.from(this.#senders)) sender.closed(error);
  }

  /** Readers were told that one has ended. */
  ended(streamId: string, status: MessageStatus, reason: string | undefined): void {
    for (const sender of Array.from(this.#senders)) {
      if (sender.id === streamId) sender.endedElsewhere(status, reason);
    }
  }

  /** Somebody cancelled one. */
  cancelled(streamId: string, reason: string | undefined): void {
    for (const sender of Array.from(this.#senders)) if (sender.id === streamId) sender.cancelled(reason);
  }
}
