import { joinFrames } from './frame.ts';
import type { Frame } from './frame.ts';

/** What a room got in a turn, for those who were in it all that time. */
export type Batch = readonly Frame[];

/**
 * Some rooms' batches of one turn. Connections that are due the same batches hold the same bundle, whatever other rooms
 * they are in: its frames are put together once for all of them.
 */
export class Bundle {
  readonly #before: Bundle | undefined;
  readonly #batch: Batch;
  #next: Map<Batch, Bundle> | undefined;
  // Connections of a room come one after the other: mostly the last answer is the next one, too.
  #lastBatch: Batch | undefined;
  #lastNext: Bundle | undefined;
  #frames: readonly Frame[] | undefined;
  #joined: Buffer | undefined;

  private constructor(before: Bundle | undefined, batch: Batch) {
    this.#before = before;
    this.#batch = batch;
  }

  /** That of a turn in which nothing was sent yet. */
  static empty(): Bundle {
    return new Bundle(undefined, []);
  }

  get isEmpty(): boolean {
    return this.#before === undefined;
  }

  /** This one and another batch. Connections have to add their batches in one and the same order. */
  plus(batch: Batch): Bundle {
    if (this.#lastBatch === batch) return this.#lastNext!;
    this.#next ??= new Map();
    let next = this.#next.get(batch);
    if (!next) {
      next = new Bundle(this, batch);
      this.#next.set(batch, next);
    }
    this.#lastBatch = batch;
    this.#lastNext = next;
    return next;
  }

  /** All frames, in the order in which they were sent. */
  get frames(): readonly Frame[] {
    if (this.#frames) return this.#frames;
    if (!this.#before || this.#before.isEmpty) return (this.#frames = this.#batch);
    const frames: Frame[] = [];
    // eslint-disable-next-line typescript/no-this-alias
    for (let bundle: Bundle | undefined = this; bundle; bundle = bundle.#before) {
      for (const frame of bundle.#batch) frames.push(frame);
    }
    this.#frames = frames.sort((a, b) => a.order - b.order);
    return this.#frames;
  }

  /** {@link frames}, as they are sent. */
  get joined(): Buffer {
    return (this.#joined ??= joinFrames(this.frames));
  }
}
