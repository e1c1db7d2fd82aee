import type { Message } from '@threadwire/protocol';
import { ThreadFacts, violationKinds } from './log-facts.ts';
import type { Report, Source, Violation } from './log-facts.ts';
import type { RecordedLog, View, ViewEntry } from './recorded-log.ts';
import { ThreadReplay } from './view-replay.ts';

export type { Violation, ViolationKind } from './log-facts.ts';
export { LogRecorder } from './recorded-log.ts';
export type { RecordedLog, ViewRecorder } from './recorded-log.ts';

export interface CheckOptions {
  /** The log ends while events were still under way: subscribers may be behind. */
  readonly unfinished?: boolean;
}

/**
 * Everything in a log that the contract's guarantees G1 to G5 and G8 forbid, and what of G6 shows in a stream's text. It
 * knows nothing of how the server works. Writes must have come to rest before the final state was read.
 */
export function check(log: RecordedLog, { unfinished = false }: CheckOptions = {}): Violation[] {
  const violations: Violation[] = [];
  const report: Report = (kind, { thread_id, view, seq }, text) => {
    violations.push({
      kind,
      guarantee: violationKinds[kind],
      thread_id,
      ...(view === undefined ? {} : { view }),
      ...(seq === undefined ? {} : { seq }),
      text,
    });
  };
  const threads = new Map(threadIds(log).map((id) => [id, new ThreadFacts(id, log, report)]));
  for (const facts of threads.values()) checkStore(facts, report);
  checkAcks(log, threads, report);
  for (const view of log.views) learnFromView(view, threads);
  for (const view of log.views) replay(view, threads, report, unfinished);
  return violations;
}

/** Throws with every violation by name. */
export function expectClean(log: RecordedLog, options?: CheckOptions): void {
  const violations = check(log, options);
  if (violations.length === 0) return;
  const shown = violations.slice(0, 30).map(({ kind, guarantee, thread_id, seq, text }) => {
    return `- ${guarantee} ${kind}, thread ${thread_id}${seq === undefined ? '' : `, seq ${seq}`}: ${text}`;
  });
  throw new Error(`the log breaks the contract ${violations.length} times:\n${shown.join('\n')}`);
}

/** Every thread of the log; the final state of each must have been read, or nothing could be held against it. */
function threadIds(log: RecordedLog): string[] {
  const ids = new Set<string>();
  for (const { thread_id } of log.sends) ids.add(thread_id);
  for (const { thread_id } of log.changes) ids.add(thread_id);
  for (const view of log.views) {
    for (const entry of view.entries) {
      const id = threadOf(entry);
      if (id !== undefined) ids.add(id);
    }
  }
  for (const id of ids) {
    if (!log.final[id]) throw new Error(`the final state of thread ${id} was not recorded`);
  }
  return Object.keys(log.final);
}

function threadOf(entry: ViewEntry): string | undefined {
  switch (entry.kind) {
    case 'connected':
    case 'disconnected':
      return undefined;
    case 'event':
      return entry.payload.thread_id;
    case 'history':
    case 'unsubscribed':
    case 'removed':
      return entry.thread_id;
  }
}

function checkStore(facts: ThreadFacts, report: Report): void {
  const { final, head, threadId } = facts;
  const taken = { seq: new Set<number>(), position: new Set<number>(), id: new Set<unknown>() };
  for (const message of final) {
    for (const field of ['seq', 'position', 'id'] as const) {
      if (taken[field].has(message[field] as never)) {
        report(
          'shared_number',
          { thread_id: threadId, seq: message.seq },
          `two messages have ${field} ${message[field]}`,
        );
      }
      taken[field].add(message[field] as never);
    }
  }
  for (let seq = 1; seq < head; seq += 1) {
    if (!taken.seq.has(seq) && !facts.wasSuperseded(seq)) {
      report('gap_in_store', { thread_id: threadId, seq }, `no change can have taken seq ${seq} of ${head}`);
    }
  }
}

function checkAcks(log: RecordedLog, threads: ReadonlyMap<string, ThreadFacts>, report: Report): void {
  const source: Source = { name: 'an ack', ifLost: 'acked_message_missing' };
  const acked = new Map<string, { id: string; isNew: boolean }>();
  for (const { thread_id, sender, message_id, message, duplicate } of log.sends) {
    const where = { thread_id, seq: message.seq };
    if (message.thread_id !== thread_id || message.sender.id !== sender || message.message_id !== message_id) {
      report('wrong_ack', where, `${sender} sent ${message_id} and was answered ${JSON.stringify(message)}`);
    }
    const key = JSON.stringify([thread_id, sender, message_id]);
    const before = acked.get(key);
    if (before && before.id !== message.id) {
      report('two_messages_for_one_key', where, `${key} was acknowledged as ${before.id} and as ${message.id}`);
    } else if (before?.isNew === true && !duplicate) {
      report('acked_as_new_twice', where, `${key} was acknowledged twice with duplicate: false`);
    }
    acked.set(key, { id: message.id, isNew: !duplicate || before?.isNew === true });
    threads.get(thread_id)!.observe(message, source);
  }
  for (const message of log.changes) {
    threads.get(message.thread_id)!.observe(message, { name: 'an ack', ifLost: 'acked_change_lost' });
  }
}

function learnFromView(view: View, threads: ReadonlyMap<string, ThreadFacts>): void {
  const source: Source = { name: view.name, view: view.name, ifLost: 'seen_but_not_stored' };
  for (const entry of view.entries) {
    if (entry.kind === 'history') {
      for (const message of messagesOf(entry.history)) threads.get(entry.thread_id)!.observe(message, source);
    } else if (entry.kind === 'event') {
      const facts = threads.get(entry.payload.thread_id)!;
      if (entry.event === 'stream_end') facts.observeEnd(entry.payload, source);
      else if (entry.event !== 'stream_chunk') facts.observe(entry.payload, source);
    }
  }
}

function messagesOf(history: { messages: readonly Message[]; streaming: readonly Message[] }): Message[] {
  return [...history.messages, ...history.streaming];
}

function replay(view: View, threads: ReadonlyMap<string, ThreadFacts>, report: Report, unfinished: boolean): void {
  const replays = new Map([...threads].map(([id, facts]) => [id, new ThreadReplay(facts, view, report)]));
  for (const entry of view.entries) {
    switch (entry.kind) {
      case 'connected':
        for (const thread of replays.values()) thread.connected();
        break;
      case 'disconnected':
        for (const thread of replays.values()) thread.disconnected();
        break;
      case 'history':
        replays.get(entry.thread_id)!.history(entry);
        break;
      case 'unsubscribed':
        replays.get(entry.thread_id)!.unsubscribed();
        break;
      case 'removed':
        replays.get(entry.thread_id)!.removed();
        break;
      case 'event':
        replays.get(entry.payload.thread_id)!.event(entry);
        break;
    }
  }
  for (const thread of replays.values()) thread.finish(unfinished);
}
