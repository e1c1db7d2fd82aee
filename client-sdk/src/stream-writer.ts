import type { JsonObject, Message, MessageStatus } from '@threadwire/protocol';
import type { StreamSender } from './stream-sender.ts';

export interface StreamEndOptions {
  /** Replaces the metadata that it was started with. */
  readonly metadata?: JsonObject;
}

/** The longest `error` of a stream, in bytes. */
const maxErrorBytes = 1024;

/**
 * Writes one message piece by piece. Goes on by itself after every break: what is not known to be stored is kept, and sent
 * from where the server says. Where others end it, `signal` aborts, and everything rejects with its reason.
 */
export class StreamWriter {
  readonly #sender: StreamSender;

  constructor(sender: StreamSender) {
    this.#sender = sender;
  }

  /** Of the stream, and of the message that it becomes. */
  get id(): string {
    return this.#sender.message.id;
  }

  /** As the server last answered it: as it was started, and then as it ended. */
  get message(): Message {
    return this.#sender.message;
  }

  /** How much text it has, in UTF-16 code units: what was there when a stream was gone on with, and what was written. */
  get length(): number {
    return this.#sender.length;
  }

  get status(): MessageStatus {
    return this.#sender.status;
  }

  /**
   * Aborts when the stream is over otherwise than by `end()` or `fail()`: for whatever makes the text. The reason is a
   * ThreadwireError: `stream_closed` where it was cancelled or interrupted (`details.status`), `stream_conflict` with
   * `details.fenced` where another connection took it over, or why it was refused.
   */
  get signal(): AbortSignal {
    return this.#sender.signal;
  }

  /**
   * Adds text. Resolves when there is room for more, which is at once while less than 64 Ki code units are on their way: wait for it, or
   * memory fills. What is written in one turn goes out together. @throws {ThreadwireError} `payload_too_large` above
   * 256 Ki code units in all, and nothing of it is taken; or the signal's reason
   */
  write(text: string): Promise<void> {
    const written = this.#sender.write(text);
    // Whoever does not wait sees it in the signal, and at the end.
    written.catch(() => undefined);
    return written;
  }

  /** Ends it when all of its text is stored, be that after a break. May be repeated. @throws {ThreadwireError} */
  end({ metadata }: StreamEndOptions = {}): Promise<Message> {
    return this.#sender.end({ status: 'complete', ...(metadata !== undefined && { metadata }) });
  }

  /** Ends it as `failed`, with the text so far; `error`, for its readers, is cut to 1 KiB. @throws {ThreadwireError} */
  fail(error?: string, { metadata }: StreamEndOptions = {}): Promise<Message> {
    return this.#sender.end({
      status: 'failed',
      ...(error !== undefined && { error: cut(error) }),
      ...(metadata !== undefined && { metadata }),
    });
  }

  /** Ends it as `cancelled`, with the text that is stored; what is still on its way is dropped. @throws {ThreadwireError} */
  cancel(reason?: string): Promise<Message> {
    return this.#sender.cancel(reason);
  }

  /**
   * Writes each piece as fast as the server takes it, and ends the stream with the last. Where the source throws the stream
   * `failed`, with that error's message; where the signal aborts the source is left. Rejects with either.
   */
  async pipeFrom(source: AsyncIterable<string> | Iterable<string>, options?: StreamEndOptions): Promise<Message> {
    // An earlier run of the same work has ended it.
    if (this.status === 'complete') return this.end(options);
    let iterator: AsyncIterator<string> | Iterator<string> | undefined;
    let isAtPiece = false;
    try {
      iterator = iteratorOf(source);
      for (;;) {
        isAtPiece = false;
        const next = await this.#unlessAborted(iterator.next());
        if (next.done) break;
        isAtPiece = true;
        await this.write(next.value);
      }
    } catch (error) {
      const { signal } = this;
      // Not waited for: it may be stuck in what it waits for itself. One that threw is over.
      if (iterator && (isAtPiece || signal.aborted)) void leave(iterator);
      signal.throwIfAborted();
      // Waited for: whoever is told may close the client next.
      await this.fail(error instanceof Error ? error.message : String(error)).catch(() => undefined);
      throw error;
    }
    return this.end(options);
  }

  async #unlessAborted<T>(promise: Promise<T> | T): Promise<T> {
    const { signal } = this;
    let stop!: () => void;
    const aborted = new Promise<never>((_resolve, reject) => {
      stop = () => reject(signal.reason as Error);
    });
    signal.addEventListener('abort', stop);
    try {
      if (signal.aborted) stop();
      return await Promise.race([aborted, promise]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

/** Of a string too, whose pieces are its characters. @throws what the source throws, or where it is none */
function iteratorOf(source: AsyncIterable<string> | Iterable<string>): AsyncIterator<string> | Iterator<string> {
  const { [Symbol.asyncIterator]: begin } = source as Partial<AsyncIterable<string>>;
  return begin ? begin.call(source) : (source as Iterable<string>)[Symbol.iterator]();
}

async function leave(iterator: AsyncIterator<string> | Iterator<string>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // Why the source is left is what counts.
  }
}

/** At most 1 KiB of it, as text that can be stored. */
function cut(text: string): string {
  const clean = text.replaceAll('\0', '\uFFFD').toWellFormed();
  const { read } = new TextEncoder().encodeInto(clean, new Uint8Array(maxErrorBytes));
  return clean.slice(0, read);
}
