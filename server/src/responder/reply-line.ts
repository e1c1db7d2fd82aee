import { limits } from '@threadwire/protocol';
import type { Reply } from './reply.ts';
import type { Overlap } from './responder-config.ts';

const superseded = 'A newer message came.';

/** The replies of a thread, in the order in which their messages came: those that run, and those that wait. */
export class ReplyLine {
  readonly #onEmpty: () => void;
  readonly #entries: { readonly reply: Reply; readonly overlap: Overlap }[] = [];
  #isStopped = false;

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#entries.length;
  }

  has(messageId: string): boolean {
    return this.#entries.some(({ reply }) => reply.message.id === messageId);
  }

  /** The reply begins when those before it leave room for it, as their overlap says. */
  add(reply: Reply, overlap: Overlap): void {
    if (overlap === 'cancel_previous') this.#cancelOlder(reply);
    this.#entries.push({ reply, overlap });
    this.#proceed();
    reply.hasWaited = !reply.isStarted;
  }

  /** Goes on at once with a reply that has its place among the thread's streams already. */
  takeUp(reply: Reply): void {
    this.#entries.push({ reply, overlap: 'concurrent' });
    this.#begin(reply, true);
  }

  stop(): void {
    this.#isStopped = true;
    for (const { reply } of this.#entries.splice(0)) reply.stop();
  }

  #cancelOlder(reply: Reply): void {
    for (const { reply: other } of this.#entries) {
      // One whose message came while no server ran may have been overtaken.
      const older = other.message.position < reply.message.position ? other : reply;
      older.cancel(superseded);
    }
  }

  #proceed(): void {
    for (const { reply, overlap } of this.#entries) {
      if (reply.isStarted) continue;
      const running = this.#entries.filter((entry) => entry.reply.isStarted).length;
      // More than that would be refused, and then begin in any order.
      if (running >= (overlap === 'queue' ? 1 : limits.maxStreamsPerThread)) return;
      this.#begin(reply, false);
    }
  }

  #begin(reply: Reply, takeUp: boolean): void {
    void reply.run(takeUp).finally(() => {
      if (this.#isStopped) return;
      this.#entries.splice(
        this.#entries.findIndex((entry) => entry.reply === reply),
        1,
      );
      if (this.#entries.length === 0) this.#onEmpty();
      else this.#proceed();
    });
  }
}
