import { limits, utf8Bytes } from '@threadwire/protocol';
import type { ServerPayload, Thread } from '@threadwire/protocol';
import type { Connection } from '../connection/connection.ts';
import type { Logger } from '../logger.ts';
import type { ThreadStore } from '../store/thread-store.ts';
import { readersOf } from './access.ts';
import type { Actor } from './access.ts';

export interface ThreadWatchPorts {
  readonly store: Pick<ThreadStore, 'threads'>;
  /** Sends one event to all of these connections. */
  readonly send: (connections: readonly Connection[], payload: ServerPayload<'threads_updated'>) => void;
  readonly logger: Logger;
  readonly now: () => number;
  /** Calls back after `delayMs`; injected by tests. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** A watcher is told at most this often. */
const intervalMs = 1000;
/** One event has so many bytes of threads at most, but at least one thread; the others follow a second later. */
const maxEventBytes = 64 * 1024;
/** Admins read everything, and must not hold up everybody. */
const maxAdminBytes = limits.maxHistoryBytes;
/** A round reads so many threads at most, a few at a time, and no more when it has read so many bytes. */
const maxThreadsPerRound = 500;
const maxBytesPerRound = limits.maxHistoryBytes;
const threadsPerRead = 20;
/** A round that has worked so long lets others have their turn; it looks after each thread and each so many sockets. */
const maxTurnMs = 10;
const socketsPerTurn = 32;

/** A thread as it is now. */
interface Read {
  readonly thread: Thread;
  /** Of its JSON, in bytes. */
  readonly size: number;
  /** The ids of the users who lost it. */
  readonly losers: ReadonlySet<string>;
}

/** What a user is to be told in one round. */
interface Update {
  readonly actor: Actor;
  readonly watchers: Connection[];
  readonly threads: Thread[];
  readonly removed: string[];
  bytes: number;
}

/** Tells those who watch the thread list what changed in it: `threads_updated`, at most once a second. */
export class ThreadWatch {
  readonly #ports: ThreadWatchPorts;
  readonly #watchers = new Set<Connection>();
  /** Threads that changed since they were told, each with the ids of the users who lost it meanwhile. */
  readonly #changed = new Map<string, Set<string>>();
  #isScheduled = false;
  #lastRoundAt = Number.NEGATIVE_INFINITY;
  #turnBeganAt = 0;

  constructor(ports: ThreadWatchPorts) {
    this.#ports = ports;
  }

  add(connection: Connection): void {
    if (!connection.isClosed) this.#watchers.add(connection);
  }

  remove(connection: Connection): void {
    this.#watchers.delete(connection);
  }

  has(connection: Connection): boolean {
    return this.#watchers.has(connection);
  }

  /** A thread was created, or updated from what it was `before`. */
  changed(thread: Thread, before?: Thread): void {
    if (this.#watchers.size === 0) return;
    const losers = before ? this.#losers(thread, before) : [];
    this.#note(thread.id, losers);
    this.#scheduleRound();
  }

  /** A message of the thread changed. */
  active(threadId: string): void {
    if (this.#watchers.size === 0) return;
    this.#note(threadId, []);
    this.#scheduleRound();
  }

  /** The watching users who could read it, and no longer can. */
  *#losers(thread: Thread, before: Thread): Iterable<string> {
    const [could, can] = [readersOf(before), readersOf(thread)];
    for (const { actor } of this.#watchers) if (could(actor) && !can(actor)) yield actor.id;
  }

  #note(id: string, losers: Iterable<string>): void {
    const noted = this.#changed.get(id) ?? new Set();
    for (const loser of losers) noted.add(loser);
    this.#changed.set(id, noted);
  }

  #scheduleRound(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const delayMs = Math.max(0, this.#lastRoundAt + intervalMs - this.#ports.now());
    this.#ports.schedule(() => void this.#round(), delayMs);
  }

  async #round(): Promise<void> {
    if (this.#watchers.size === 0) {
      // Nobody is left to be told; a store that is away is not asked for ever.
      this.#changed.clear();
      this.#isScheduled = false;
      return;
    }
    const read: Read[] = [];
    await this.#read(read).catch((error: unknown) => {
      this.#ports.logger.warn({ err: error }, 'changed threads could not be read, trying again');
    });
    await this.#tell(await this.#updates(read));
    // At its end: those who were told last have their second too.
    this.#lastRoundAt = this.#ports.now();
    this.#isScheduled = false;
    if (this.#changed.size > 0) this.#scheduleRound();
  }

  /** Reads what changed, as far as a round goes. */
  async #read(read: Read[]): Promise<void> {
    const ids = [...this.#changed.keys()].slice(0, maxThreadsPerRound);
    let bytes = 0;
    for (let i = 0; i < ids.length && bytes < maxBytesPerRound; i += threadsPerRead) {
      const losers = this.#take(ids.slice(i, i + threadsPerRead));
      const threads = await this.#ports.store.threads([...losers.keys()]).catch((error: unknown) => {
        for (const [id, users] of losers) this.#note(id, users);
        throw error;
      });
      for (const thread of threads) {
        const size = utf8Bytes(JSON.stringify(thread));
        bytes += size;
        read.push({ thread, size, losers: losers.get(thread.id)! });
      }
    }
  }

  #take(ids: readonly string[]): Map<string, Set<string>> {
    const taken = new Map(ids.map((id) => [id, this.#changed.get(id)!]));
    for (const id of ids) this.#changed.delete(id);
    return taken;
  }

  /** What each user who watches is to be told of it; what does not fit is left for the next round. */
  async #updates(read: readonly Read[]): Promise<Update[]> {
    this.#turnBeganAt = this.#ports.now();
    const byUser = new Map<string, Update>();
    // Not before everything was read: whoever came meanwhile hears of what changed meanwhile.
    for (const watcher of this.#watchers) {
      const { actor } = watcher;
      const key = `${actor.id} ${actor.admin}`;
      const update = byUser.get(key) ?? { actor, watchers: [], threads: [], removed: [], bytes: 0 };
      update.watchers.push(watcher);
      byUser.set(key, update);
    }
    const updates = [...byUser.values()];
    for (const each of read) {
      if (!put(updates, each)) this.#note(each.thread.id, []);
      await this.#giveWay();
    }
    return updates;
  }

  async #tell(updates: readonly Update[]): Promise<void> {
    this.#turnBeganAt = this.#ports.now();
    for (const { watchers, threads, removed } of merged(updates)) {
      for (let i = 0; i < watchers.length; i += socketsPerTurn) {
        const present = watchers.slice(i, i + socketsPerTurn).filter((watcher) => this.has(watcher));
        this.#ports.send(present, { threads, removed });
        await this.#giveWay();
      }
    }
  }

  async #giveWay(): Promise<void> {
    if (this.#ports.now() - this.#turnBeganAt < maxTurnMs) return;
    await new Promise<void>((resolve) => this.#ports.schedule(resolve, 0));
    this.#turnBeganAt = this.#ports.now();
  }
}

/** Puts the thread into the updates of all who may read it, or, where it is too much for one of them, into none. */
function put(updates: readonly Update[], { thread, size, losers }: Read): boolean {
  const mayRead = readersOf(thread);
  const readers: Update[] = [];
  for (const update of updates) {
    if (mayRead(update.actor)) readers.push(update);
    else if (losers.has(update.actor.id)) update.removed.push(thread.id);
  }
  if (readers.some(({ actor, bytes }) => bytes > 0 && bytes + size > (actor.admin ? maxAdminBytes : maxEventBytes))) {
    return false;
  }
  for (const reader of readers) {
    reader.threads.push(thread);
    reader.bytes += size;
  }
  return true;
}

/** Those who are to be told the same are told by one event, which is encoded once. */
function merged(updates: readonly Update[]): Iterable<Update> {
  const byContent = new Map<string, Update>();
  for (const update of updates) {
    const { threads, removed, watchers } = update;
    if (threads.length === 0 && removed.length === 0) continue;
    const content = [...threads.map(({ id }) => id), '', ...removed].join(' ');
    const same = byContent.get(content);
    if (same) same.watchers.push(...watchers);
    else byContent.set(content, update);
  }
  return byContent.values();
}
