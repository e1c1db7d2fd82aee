import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ClientEvents } from '../wire/wire.ts';

/** Some 200 bytes, as a message between people has. */
const content = 'The quick brown fox jumps over the lazy dog. '.repeat(5).slice(0, 200);
/** Without any progress for so long, what is missing does not come. */
const stallMs = 10_000;
/** What should not have come has come by then. */
const lateMs = 50;

export interface SaturationOptions {
  readonly threadIds: readonly string[];
  /** How many clients get each message. */
  readonly readers: number;
  /** Messages under way at a time: one is under way until it is answered and every reader has it. */
  readonly window: number;
}

/** What happened from the first message of a run to its last delivery. */
export interface SaturatedRun {
  readonly messages: number;
  readonly deliveries: number;
  readonly elapsedMs: number;
  /** From each send to its answer. */
  readonly answersMs: readonly number[];
}

/**
 * Keeps a number of messages under way, over the threads in turn, from a few senders in turn. What is slower, the server or
 * this process, sets the pace, and nothing piles up; so a run ends with nothing under way, and what the server spent
 * between two quiet moments was spent on just these messages.
 */
export class Saturation {
  readonly #options: SaturationOptions;
  /** When what a client sent and has no answer to was sent. */
  readonly #unanswered = new Map<Client, Map<number, number>>();
  #answersMs: number[] = [];
  #senders: readonly Client[] = [];
  #isSending = false;
  #sent = 0;
  #answered = 0;
  #delivered = 0;
  #settle: ((error?: Error) => void) | undefined;
  #failure: Error | undefined;

  constructor(options: SaturationOptions) {
    this.#options = options;
  }

  /** Connects a client that takes part, as a reader, a sender or both. */
  async connect(open: (events: ClientEvents) => Promise<Client>): Promise<Client> {
    const unanswered = new Map<number, number>();
    const client = await open({
      onMessage: () => (this.#delivered += 1),
      onAnswer: (send) => this.#answer(unanswered, send),
      onChunk: () => this.#advance(),
      onLost: (reason) => this.#fail(new Error(reason)),
    });
    this.#unanswered.set(client, unanswered);
    return client;
  }

  /** Sends for so long, and resolves when all is answered and delivered; rejects where that does not happen. */
  async run(senders: readonly Client[], durationMs: number): Promise<SaturatedRun> {
    this.#senders = senders;
    this.#answersMs = [];
    const [sentBefore, deliveredBefore, beganAt] = [this.#sent, this.#delivered, performance.now()];
    const settled = new Promise<void>((resolve, reject) => {
      this.#settle = (error) => (error ? reject(error) : resolve());
    });
    settled.catch(() => undefined);
    const watchdog = this.#watch();
    if (this.#failure) this.#settle!(this.#failure);
    this.#isSending = true;
    this.#advance();
    try {
      await Promise.race([delay(durationMs), settled]);
      this.#isSending = false;
      this.#advance();
      await settled;
    } finally {
      this.#isSending = false;
      this.#settle = undefined;
      clearInterval(watchdog);
    }
    const elapsedMs = performance.now() - beganAt;
    return {
      messages: this.#sent - sentBefore,
      deliveries: this.#delivered - deliveredBefore,
      elapsedMs,
      answersMs: this.#answersMs,
    };
  }

  /** Rejects unless each of the readers got each message, once. */
  async check(readers: readonly Client[]): Promise<void> {
    await delay(lateMs);
    if (this.#failure) throw this.#failure;
    const wrong = readers.findIndex(({ messages }) => messages !== this.#sent);
    if (wrong >= 0) throw new Error(`reader ${wrong} got ${readers[wrong]!.messages} of ${this.#sent} messages`);
    if (this.#answered !== this.#sent) throw new Error(`${this.#answered} answers to ${this.#sent} messages`);
  }

  #answer(unanswered: Map<number, number>, send: number): void {
    const sentAt = unanswered.get(send);
    if (sentAt === undefined) {
      this.#fail(new Error(`the send ${send} was answered twice, or never sent`));
      return;
    }
    unanswered.delete(send);
    this.#answersMs.push(performance.now() - sentAt);
    this.#answered += 1;
  }

  /** Messages that every reader has, and that are answered. */
  get #done(): number {
    const { readers } = this.#options;
    return readers === 0 ? this.#answered : Math.min(this.#answered, Math.floor(this.#delivered / readers));
  }

  #advance(): void {
    const { window, threadIds } = this.#options;
    if (this.#isSending) {
      for (let free = window - (this.#sent - this.#done); free > 0; free--) {
        const sender = this.#senders[this.#sent % this.#senders.length]!;
        const sentAt = performance.now();
        const send = sender.send(threadIds[this.#sent % threadIds.length]!, content, randomUUID());
        this.#unanswered.get(sender)!.set(send, sentAt);
        this.#sent += 1;
      }
    } else if (this.#done === this.#sent) {
      this.#settle?.();
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settle?.(error);
  }

  #watch(): NodeJS.Timeout {
    let [seen, seenAt] = [-1, 0];
    return setInterval(() => {
      const progress = this.#delivered + this.#answered;
      const now = performance.now();
      if (progress !== seen) [seen, seenAt] = [progress, now];
      else if (now - seenAt > stallMs) this.#fail(new Error(this.#describe()));
    }, 1000);
  }

  #describe(): string {
    const expected = this.#sent * this.#options.readers;
    return (
      `nothing came for ${stallMs / 1000} s: ${this.#sent} messages were sent, ${this.#answered} answered, ` +
      `and ${this.#delivered} of ${expected} deliveries came`
    );
  }
}
