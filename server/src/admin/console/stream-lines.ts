import type { StreamEndStatus, StreamEndOp, WriteOp, WriteResult } from '../../store/thread-store.ts';
import type { ActiveStream } from '../../streams/active-stream.ts';
import type { ConsoleAnswers, GrowingLine, StreamLine } from './console-protocol.ts';

const maxEnded = 200;
/** So much of a text that grows is shown, each time. */
const beginningUnits = 4 * 1024;

/** The streams of this node as operators see them: those that run, and those that were ended here last. */
export class StreamLines {
  readonly #active: ReadonlyMap<string, ActiveStream>;
  readonly #now: () => number;
  readonly #steadyNow: () => number;
  readonly #ended: ConsoleAnswers['streams']['ended'][number][] = [];

  constructor(active: ReadonlyMap<string, ActiveStream>, now: () => number, steadyNow: () => number) {
    this.#active = active;
    this.#now = now;
    this.#steadyNow = steadyNow;
  }

  /** A stream of this node is about to end, for whatever reason; its text is still there. */
  ending(stream: ActiveStream, { status }: Pick<StreamEndOp, 'status'>): void {
    this.#add({ ...this.#line(stream, status), ended_at: new Date(this.#now()).toISOString() });
  }

  /** What an op came to: of a stream that nobody wrote here, as where its server has gone, the end is all that is known. */
  settled(op: WriteOp, result: WriteResult): void {
    if (op.kind !== 'stream_end' || !result.ok || !('message' in result) || !result.changed) return;
    const { message, stream } = result;
    if (this.#ended.some(({ id }) => id === message.id)) return;
    const { id, thread_id, sender, created_at, updated_at } = message;
    this.#add({
      id,
      thread_id,
      user_id: sender.id,
      state: op.status,
      length: stream!.length,
      age_ms: Math.max(0, Date.parse(updated_at) - Date.parse(created_at)),
      first_text_ms: null,
      last_text_ms: null,
      units_per_second: null,
      ended_at: updated_at,
    });
  }

  /** Those that run, the oldest first. */
  get running(): StreamLine[] {
    return [...this.#active.values()].map((stream) => this.#line(stream));
  }

  /** Those of a thread that run. */
  of(threadId: string): StreamLine[] {
    return this.#in(threadId).map((stream) => this.#line(stream));
  }

  /** How many those are. */
  count(threadId: string): number {
    return this.#in(threadId).length;
  }

  /** The same as messages that grow, with how their text begins where that may be seen. */
  growing(threadId: string, hasBodies: boolean): GrowingLine[] {
    return this.#in(threadId).map(({ id, text }) => {
      const { storedLength: length } = text;
      return { id, length, beginning: hasBodies ? text.slice(0, Math.min(length, beginningUnits)) : null };
    });
  }

  /** The newest first. */
  get ended(): ConsoleAnswers['streams']['ended'] {
    return this.#ended.toReversed();
  }

  #add(ended: ConsoleAnswers['streams']['ended'][number]): void {
    this.#ended.push(ended);
    if (this.#ended.length > maxEnded) this.#ended.shift();
  }

  #in(threadId: string): ActiveStream[] {
    return [...this.#active.values()].filter((stream) => stream.threadId === threadId);
  }

  #line(stream: ActiveStream, ended?: StreamEndStatus): StreamLine {
    const { id, threadId, senderId, text, startedAt, pace, lengthAtStart, leaseOverAt } = stream;
    const now = this.#steadyNow();
    const ageMs = Math.max(0, now - startedAt);
    const { firstAt, lastAt } = pace;
    const length = text.storedLength;
    return {
      id,
      thread_id: threadId,
      user_id: senderId,
      state: ended ?? (leaseOverAt === undefined ? 'streaming' : 'waiting'),
      length,
      age_ms: Math.round(ageMs),
      first_text_ms: firstAt === undefined || lengthAtStart > 0 ? null : Math.round(firstAt - startedAt),
      last_text_ms: lastAt === undefined ? null : Math.round(now - lastAt),
      units_per_second: Math.round(
        ended ? (length - lengthAtStart) / (Math.max(ageMs, 1) / 1000) : pace.perSecond(now),
      ),
    };
  }
}
