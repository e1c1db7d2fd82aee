import type { Socket } from 'node:net';

export type CutKind = 'fin' | 'rst';

export interface FlowStats {
  /** Bytes read from the sender. */
  readonly received: number;
  /** Bytes handed to the receiver's socket. */
  readonly forwarded: number;
  /** Bytes swallowed by the black hole. */
  readonly dropped: number;
}

/** How many bytes a pipe holds before it stops reading, so that the sender feels the receiver's slowness. */
const maxHeldBytes = 256 * 1024;
const throttleSliceMs = 20;

/** What is done to the bytes of one direction, on every connection of a proxy; may be changed at any time. */
export class Flow {
  readonly #pipes = new Set<FaultyPipe>();
  readonly #stats = { received: 0, forwarded: 0, dropped: 0 };
  #paused = false;
  #blackHole = false;
  #delayMs = 0;
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  #cut: { left: number; readonly kind: CutKind; readonly done: () => void } | undefined;

  get stats(): FlowStats {
    return { ...this.#stats };
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Holds everything back, and soon stops reading; nothing is lost. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  get blackHole(): boolean {
    return this.#blackHole;
  }

  /** Bytes are accepted and lost, ends are not passed on: what follows later on the same connection makes no sense. */
  set blackHole(on: boolean) {
    this.#blackHole = on;
    this.#wake();
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  /** What is read from now on is passed on so much later. */
  set delayMs(ms: number) {
    this.#delayMs = ms;
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** Of each connection. */
  set bytesPerSecond(rate: number) {
    if (!(rate > 0)) throw new RangeError('bytesPerSecond must be above 0; to stop everything, pause');
    this.#bytesPerSecond = rate;
    this.#wake();
  }

  /**
   * Passes exactly so many bytes on and then breaks the connection that carried the last of them, whether or not a frame
   * ends there. Resolves when it did.
   */
  cutAfter(bytes: number, kind: CutKind = 'fin'): Promise<void> {
    return new Promise((resolve) => {
      this.#cut = { left: bytes, kind, done: resolve };
      this.#wake();
    });
  }

  /** Faithful again. A cut that is still waiting is called off, and its promise stays pending. */
  heal(): void {
    this.#blackHole = false;
    this.#delayMs = 0;
    this.#bytesPerSecond = Number.POSITIVE_INFINITY;
    this.#cut = undefined;
    this.resume();
  }

  /** For the pipes: they are told when something changes. */
  join(pipe: FaultyPipe): void {
    this.#pipes.add(pipe);
  }

  leave(pipe: FaultyPipe): void {
    this.#pipes.delete(pipe);
  }

  count(what: keyof FlowStats, bytes: number): void {
    this.#stats[what] += bytes;
  }

  /** How many of so many bytes may still go; `cut` if the connection is to be broken after them. */
  allow(bytes: number): { bytes: number; cut?: { kind: CutKind; done: () => void } } {
    if (!this.#cut || bytes < this.#cut.left) {
      if (this.#cut) this.#cut.left -= bytes;
      return { bytes };
    }
    const { left, kind, done } = this.#cut;
    this.#cut = undefined;
    return { bytes: left, cut: { kind, done } };
  }

  #wake(): void {
    for (const pipe of this.#pipes) pipe.wake();
  }
}

interface Held {
  bytes: Buffer;
  readonly dueAt: number;
}

/** One direction of one connection. */
export class FaultyPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #flow: Flow;
  readonly #cut: (kind: CutKind) => void;
  #queue: Held[] = [];
  #held = 0;
  #ended = false;
  #endPassedOn = false;
  #stopped = false;
  #running = false;
  #changed = false;
  /** Ends the present wait. */
  #wakeUp: () => void = () => undefined;

  /** `cut` breaks the whole connection. */
  constructor(from: Socket, to: Socket, flow: Flow, cut: (kind: CutKind) => void) {
    this.#from = from;
    this.#to = to;
    this.#flow = flow;
    this.#cut = cut;
    flow.join(this);
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => {
      this.#ended = true;
      this.wake();
    });
    to.on('drain', () => this.wake());
  }

  /** Something may have changed: looks again at what can be done. */
  wake(): void {
    this.#changed = true;
    this.#wakeUp();
    if (!this.#running) void this.#run();
  }

  /** Passes nothing on any more; what still comes is read and forgotten. */
  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#from.resume();
    this.wake();
  }

  #take(bytes: Buffer): void {
    this.#flow.count('received', bytes.length);
    if (this.#stopped) return;
    this.#queue.push({ bytes, dueAt: performance.now() + this.#flow.delayMs });
    this.#held += bytes.length;
    if (this.#held >= maxHeldBytes) this.#from.pause();
    this.wake();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#changed) {
      this.#changed = false;
      await this.#pump();
    }
    this.#running = false;
    if (this.#from.destroyed && this.#to.destroyed) this.#flow.leave(this);
  }

  /** Passes on what may go now; returns when something must change first. */
  async #pump(): Promise<void> {
    for (let first = this.#queue[0]; first; first = this.#queue[0]) {
      if (this.#flow.paused) return;
      const early = first.dueAt - performance.now();
      if (this.#flow.blackHole) {
        this.#flow.count('dropped', first.bytes.length);
        this.#release(first, first.bytes.length);
      } else if (early > 0) {
        await this.#wait(early);
      } else if (this.#to.writableNeedDrain) {
        return;
      } else {
        await this.#pass(first);
      }
    }
    if (!this.#ended || this.#endPassedOn || this.#stopped || this.#flow.paused || this.#flow.blackHole) return;
    this.#endPassedOn = true;
    this.#to.end();
  }

  async #pass(first: Held): Promise<void> {
    const rate = this.#flow.bytesPerSecond;
    const slice = Math.min(first.bytes.length, Math.max(1, Math.floor((rate * throttleSliceMs) / 1000)));
    const { bytes, cut } = this.#flow.allow(slice);
    const chunk = first.bytes.subarray(0, bytes);
    this.#release(first, bytes);
    this.#flow.count('forwarded', bytes);
    if (cut) {
      this.#queue = [];
      // Only when they have left: a reset discards what still waits in the socket.
      this.#to.write(chunk, () => {
        this.#cut(cut.kind);
        cut.done();
      });
      return;
    }
    this.#to.write(chunk);
    if (rate === Number.POSITIVE_INFINITY) return;
    const until = performance.now() + (bytes / rate) * 1000;
    for (let left = until - performance.now(); left > 0 && !this.#stopped; left = until - performance.now()) {
      await this.#wait(left);
    }
  }

  #release(first: Held, bytes: number): void {
    first.bytes = first.bytes.subarray(bytes);
    if (first.bytes.length === 0) this.#queue.shift();
    this.#held -= bytes;
    if (this.#held < maxHeldBytes / 2 && this.#from.isPaused()) this.#from.resume();
  }

  /** Waits, but not beyond a change. */
  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wakeUp = () => undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wakeUp = done;
    });
  }
}
