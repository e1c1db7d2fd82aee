import type { Message, MessageStatus } from '@threadwire/protocol';
import { ThreadwireError, closedError } from './errors.ts';
import type { Requests } from './requests.ts';
import type { ThreadState } from './thread-state.ts';

/** One message of a thread, as this client sees it: nothing is sent to get it, and it follows what the thread holds. */
export class ThreadMessage {
  readonly #state: ThreadState;
  readonly #requests: Pick<Requests, 'call'>;
  readonly id: string;

  constructor(state: ThreadState, requests: Pick<Requests, 'call'>, id: string) {
    this.#state = state;
    this.#requests = requests;
    this.id = id;
  }

  /** As it is held; undefined where it is not: not there yet, or above the first message held. */
  get current(): Message | undefined {
    return this.#state.log.get(this.id);
  }

  /** The text so far; empty where the message is not held. */
  get content(): string {
    return this.current?.content ?? '';
  }

  get status(): MessageStatus | undefined {
    return this.current?.status;
  }

  /**
   * The text as it grows: what there is at first, then each new piece, to the end of the stream, however it ends (see
   * `status`); what comes while nobody asks is one piece. The thread has to be subscribed to. Waits for a message that is
   * not there yet. Every loop over it begins anew, and leaving one ends it.
   * @throws {ThreadwireError} where the thread is lost, left, or begins anew without the message, or the client is closed
   */
  stream(): AsyncIterable<string> {
    return { [Symbol.asyncIterator]: () => new Pieces(this.#state, this.id) };
  }

  /** Stops a reply that is being written; one that has ended stays as it is. @throws {ThreadwireError} */
  async cancel(reason?: string): Promise<Message> {
    const payload = { stream_id: this.id, ...(reason !== undefined && { reason }) };
    const { message } = await this.#requests.call('stream_cancel', payload);
    this.#state.log.merge(message);
    this.#state.changed();
    return message;
  }
}

interface Waiter {
  readonly resolve: (result: IteratorResult<string, undefined>) => void;
  readonly reject: (error: ThreadwireError) => void;
}

/** One loop over a message's text. Not a generator: leaving it while it waits must not wait too. */
class Pieces implements AsyncIterator<string, undefined> {
  readonly #state: ThreadState;
  readonly #id: string;
  /** What was given out so far is its content. */
  #seen: Message | undefined;
  #isOver = false;
  #waiters: Waiter[] = [];
  /** While somebody waits, and no longer: whoever forgets a loop leaves nothing behind. */
  #stopListening: (() => void) | undefined;

  constructor(state: ThreadState, id: string) {
    this.#state = state;
    this.#id = id;
  }

  next(): Promise<IteratorResult<string, undefined>> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#look();
    });
  }

  return(): Promise<IteratorResult<string, undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #look(): void {
    if (this.#isOver) {
      this.#end();
      return;
    }
    const seen = this.#seen;
    const message = this.#state.log.get(this.#id);
    const piece = message ? textAfter(seen, message) : '';
    this.#seen = message ?? seen;
    if (piece) {
      this.#waiters.shift()?.resolve({ done: false, value: piece });
      if (this.#waiters.length > 0) this.#look();
    } else if (message && message.status !== 'streaming') {
      this.#end();
    } else {
      const error = this.#obstacle(message, seen);
      if (error) {
        this.#waiters.shift()?.reject(error);
        this.#end();
      }
    }
    this.#listen();
  }

  #listen(): void {
    if (this.#waiters.length === 0) {
      this.#stopListening?.();
      this.#stopListening = undefined;
    } else {
      this.#stopListening ??= this.#state.onChange(() => this.#look());
    }
  }

  /** Why no text will come any more. */
  #obstacle(message: Message | undefined, seen: Message | undefined): ThreadwireError | undefined {
    const { phase, error } = this.#state;
    if (phase === 'failed') return error;
    if (phase === 'idle') return closedError('The thread is not subscribed to.');
    if (message || !seen) return undefined;
    return new ThreadwireError({
      code: 'message_not_found',
      message: 'The message is no longer held.',
      retry: 'never',
      thread_id: this.#state.id,
    });
  }

  #end(): void {
    this.#isOver = true;
    for (const { resolve } of this.#waiters.splice(0)) resolve({ done: true, value: undefined });
    this.#listen();
  }
}

/** What a message has grown by; nothing where it has become another one: edited since, deleted, or of a restored store. */
function textAfter(before: Message | undefined, { seq, content }: Message): string {
  if (!before) return content;
  // While it streams it can only grow.
  if (seq === before.seq || content.startsWith(before.content)) return content.slice(before.content.length);
  return '';
}
