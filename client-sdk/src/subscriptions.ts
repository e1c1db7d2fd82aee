import type { ClientPayload, ThreadHistory } from '@threadwire/protocol';
import { backoffMs } from './backoff.ts';
import type { BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Connection } from './connection.ts';
import { ThreadwireError, closedError } from './errors.ts';
import type { Requests } from './requests.ts';
import type { ThreadNews } from './thread-log.ts';
import type { ThreadState } from './thread-state.ts';

export interface SubscriptionPorts {
  readonly connection: Pick<Connection, 'emit' | 'state'>;
  readonly requests: Pick<Requests, 'call'>;
  readonly clock: Clock;
  readonly backoff: BackoffOptions;
  /** A change is now part of the thread: once each, in order of seq. Text between them: once, without a gap. */
  readonly onNews: (news: ThreadNews) => void;
  /** A page was taken: the first one, a recovery, or a reload. */
  readonly onHistory: (page: ThreadHistory) => void;
}

/** Entries of one `subscribe_threads`. */
const maxBatch = 1000;
/** Threads whose pages are read at a time. */
const maxRecoveries = 8;
/** Threads that are kept after the last subscription to them has ended, so that coming back shows them at once. */
const maxKept = 20;

/**
 * Joins the threads that somebody holds a subscription to, all that are due in one request, and again after every break,
 * going on where each had got to. Live events wait while a recovery reads what came before them.
 */
export class Subscriptions {
  readonly #ports: SubscriptionPorts;
  readonly #held = new Map<string, ThreadState>();
  /** Left, but still in memory: the longest left first. */
  readonly #kept = new Set<ThreadState>();
  readonly #recoveries: (() => Promise<void>)[] = [];
  #running = 0;
  #isFlushing = false;

  constructor(ports: SubscriptionPorts) {
    this.#ports = ports;
  }

  /** One more subscription. */
  hold(state: ThreadState): void {
    state.holders += 1;
    // Also where the last one let go of it in this turn.
    if (this.#held.has(state.id)) return;
    this.#held.set(state.id, state);
    this.#kept.delete(state);
    if (this.#ports.connection.state.phase === 'closed') {
      this.#fail(state, closedError('The client is closed.'));
      return;
    }
    this.#wait(state);
    this.#flushSoon();
  }

  /** One less. */
  release(state: ThreadState): void {
    state.holders -= 1;
    if (state.holders > 0) return;
    // Not at once: whoever changes from one view of a thread to another lets go of it for a moment.
    queueMicrotask(() => {
      if (state.holders === 0 && this.#held.get(state.id) === state) this.#leave(state);
    });
  }

  /** Asks again for a thread that was refused. */
  retry(state: ThreadState): void {
    if (state.phase !== 'failed' || this.#ports.connection.state.phase === 'closed') return;
    this.#wait(state);
    this.#flushSoon();
  }

  /** A durable event, or text of a stream, has arrived. */
  receive(threadId: string, news: ThreadNews): void {
    const state = this.#held.get(threadId);
    if (state) this.#receive(state, news);
  }

  /** The user may no longer read this thread. */
  lostAccess(threadId: string, error: ThreadwireError): void {
    const state = this.#held.get(threadId);
    if (!state) return;
    state.log.clear();
    this.#fail(state, error);
  }

  /** There is a connection, and nothing was sent on it yet: joins everything. */
  connected(): void {
    for (const state of this.#held.values()) {
      // A listener may have closed the client.
      if (this.#ports.connection.state.phase === 'connected') this.#wait(state);
    }
    this.#flush();
  }

  /** The connection broke. */
  lost(): void {
    for (const state of this.#held.values()) if (state.phase !== 'failed') this.#wait(state);
  }

  /** There will be no connection. */
  closed(error: ThreadwireError): void {
    for (const state of this.#held.values()) this.#fail(state, error);
  }

  #wait(state: ThreadState): void {
    state.cancelRetry();
    state.epoch += 1;
    state.phase = 'waiting';
    state.error = undefined;
    state.buffer = [];
    state.repairedFor = undefined;
    state.changed();
  }

  #fail(state: ThreadState, error: ThreadwireError): void {
    state.cancelRetry();
    state.epoch += 1;
    state.phase = 'failed';
    state.error = error;
    state.buffer = [];
    state.settle(error);
    state.changed();
  }

  #leave(state: ThreadState): void {
    const wasAsked = state.phase !== 'waiting' && state.phase !== 'failed';
    this.#held.delete(state.id);
    this.#wait(state);
    state.phase = 'idle';
    state.attempt = 0;
    state.settle(closedError('The subscription was ended before the thread was there.'));
    state.changed();
    const { connection } = this.#ports;
    if (wasAsked && connection.state.phase === 'connected') {
      connection.emit('unsubscribe_thread', { thread_id: state.id }, () => undefined);
    }
    this.#kept.add(state);
    const [oldest] = this.#kept;
    if (this.#kept.size > maxKept && oldest) {
      this.#kept.delete(oldest);
      oldest.log.clear();
      oldest.changed();
    }
  }

  /** What is asked for in one turn goes out together. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#ports.connection.state.phase !== 'connected') return;
    const due = [...this.#held.values()].filter(({ phase }) => phase === 'waiting');
    for (let i = 0; i < due.length; i += maxBatch) this.#join(due.slice(i, i + maxBatch));
  }

  #join(states: readonly ThreadState[]): void {
    const asked = states.map((state) => {
      state.phase = 'joining';
      state.epoch += 1;
      return { state, epoch: state.epoch };
    });
    const threads = states.map(({ id, log }): ClientPayload<'subscribe_threads'>['threads'][number] => ({
      thread_id: id,
      ...(log.applied !== undefined && { after_seq: log.applied }),
    }));
    this.#ports.connection.emit('subscribe_threads', { threads }, (answer) => {
      for (const [i, { state, epoch }] of asked.entries()) {
        if (state.epoch !== epoch) continue;
        const entry = answer.ok ? answer.data.threads[i]! : answer;
        if (entry.ok) this.#joined(state, entry.data);
        else this.#refused(state, new ThreadwireError(entry.error));
      }
    });
  }

  #refused(state: ThreadState, error: ThreadwireError): void {
    if (error.code === 'thread_not_found') this.lostAccess(state.id, error);
    else if (error.retry === 'never') this.#fail(state, error);
    else this.#joinLater(state, error);
  }

  #joinLater(state: ThreadState, refusal: ThreadwireError): void {
    this.#wait(state);
    // Not with the next flush, which others may cause: when its own time has come.
    state.phase = 'joining';
    this.#later(state, refusal, () => {
      state.phase = 'waiting';
      this.#flushSoon();
    });
  }

  #later(state: ThreadState, { retryAfterMs }: ThreadwireError, again: () => void): void {
    const { clock, backoff } = this.#ports;
    const pauseMs = retryAfterMs ?? backoffMs(state.attempt, backoff, () => clock.random());
    state.attempt += 1;
    state.cancelRetry = clock.after(pauseMs, again);
  }

  #joined(state: ThreadState, page: ThreadHistory): void {
    const { epoch } = state;
    // Of a large batch's last threads the answer had no room for anything.
    const isWithoutPage = page.messages.length === 0 && page.has_more && !page.recovered;
    state.phase = 'recovering';
    if (!isWithoutPage) this.#take(state, page);
    // A handler may have closed the client.
    if (state.epoch !== epoch) return;
    const isComplete = !isWithoutPage && !(page.recovered && page.has_more);
    if (isComplete) this.#goLive(state);
    else this.#recoverInTurn(state);
  }

  #take(state: ThreadState, page: ThreadHistory): void {
    const found = state.log.recover(page);
    state.invalidate();
    // A repair is nobody's business, unless all begins anew.
    if (state.phase !== 'repairing' || !page.recovered) this.#ports.onHistory(page);
    for (const news of found) this.#ports.onNews(asItCame(news, state.buffer));
    state.changed();
  }

  #goLive(state: ThreadState): void {
    const { buffer, epoch } = state;
    state.buffer = [];
    state.phase = 'live';
    state.attempt = 0;
    for (const news of buffer) if (state.epoch === epoch) this.#receive(state, news);
    if (state.epoch !== epoch) return;
    state.changed();
    state.settle();
  }

  #recoverInTurn(state: ThreadState): void {
    const { epoch } = state;
    this.#recoveries.push(() => this.#recover(state, epoch));
    this.#runRecoveries();
  }

  #runRecoveries(): void {
    while (this.#running < maxRecoveries) {
      const recovery = this.#recoveries.shift();
      if (!recovery) return;
      this.#running += 1;
      void recovery().finally(() => {
        this.#running -= 1;
        this.#runRecoveries();
      });
    }
  }

  /** Reads page after page until nothing is missing. */
  async #recover(state: ThreadState, epoch: number): Promise<void> {
    while (state.epoch === epoch) {
      const { applied } = state.log;
      try {
        const page = await this.#ports.requests.call('fetch_history', {
          thread_id: state.id,
          ...(applied !== undefined && { after_seq: applied }),
        });
        if (state.epoch !== epoch) return;
        this.#take(state, page);
        if (page.recovered && page.has_more) continue;
        if (state.epoch === epoch) this.#goLive(state);
      } catch (error) {
        if (state.epoch !== epoch) return;
        const refusal = error as ThreadwireError;
        // It is joined: what comes meanwhile still waits for the pages.
        if (refusal.retry === 'later') this.#later(state, refusal, () => this.#recoverInTurn(state));
        else this.#refused(state, refusal);
      }
      return;
    }
  }

  #receive(state: ThreadState, news: ThreadNews): void {
    if (state.phase === 'live') this.#apply(state, news);
    // While joining too: a thread that is asked for again may be joined already.
    else if (['joining', 'recovering', 'repairing'].includes(state.phase)) state.buffer.push(news);
  }

  #apply(state: ThreadState, news: ThreadNews): void {
    if (state.log.isAhead(news) && state.repairedFor !== news) {
      this.#repair(state, news);
      return;
    }
    const found = state.log.apply(news);
    if (found.length === 0) return;
    // First, so that handlers find it in the snapshot.
    state.invalidate();
    for (const each of found) this.#ports.onNews(each);
    if (news.event === 'stream_chunk') state.grown();
    else state.changed();
  }

  /** Text before this was left out: reads what is stored by now, while everything that comes waits, so that it stays in order. */
  #repair(state: ThreadState, news: ThreadNews): void {
    state.phase = 'repairing';
    state.repairedFor = news;
    state.buffer = [news];
    this.#recoverInTurn(state);
  }
}

/** The end of a stream that a page tells of as a change, where its event has come as well. */
function asItCame(news: ThreadNews, buffer: readonly ThreadNews[]): ThreadNews {
  if (news.event !== 'message_updated') return news;
  const { seq } = news.payload;
  return buffer.find((other) => other.event === 'stream_end' && other.payload.seq === seq) ?? news;
}
