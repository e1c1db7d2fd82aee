import { describe, expect, test } from '@jest/globals';
import type { Message, ThreadHistory } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { check, expectClean, LogRecorder } from '../../support/log-checker.ts';
import { violationKinds } from '../../support/log-facts.ts';
import { correctLog, steps } from './correct-log.ts';
import { faults } from './log-faults.ts';

function message(seq: number, fields: Partial<Message> = {}): Message {
  return {
    id: `m${seq}`,
    thread_id: 't',
    position: seq,
    seq,
    message_id: `k${seq}`,
    sender: { id: 'ann' },
    role: 'user',
    content: `text ${seq}`,
    metadata: {},
    status: 'complete',
    created_at: '2030-01-01T00:00:00.000Z',
    updated_at: '2030-01-01T00:00:00.000Z',
    ...fields,
  };
}

function history(head: number, fields: Partial<ThreadHistory> = {}): ThreadHistory {
  const at = '2030-01-01T00:00:00.000Z';
  const about = { title: '', members: [], metadata: {}, created_by: 'ann', created_at: at, updated_at: at };
  return {
    thread: { id: 't', ...about, head_seq: head },
    messages: [],
    streaming: [],
    head_seq: head,
    recovered: false,
    has_more: false,
    ...fields,
  };
}

/** A log of one view that is subscribed from the start and then gets these messages as new ones. */
function logOf(final: Message[], received: Message[]) {
  const recorder = new LogRecorder();
  const view = recorder.view('ann');
  view.add({ kind: 'connected' });
  view.add({ kind: 'history', subscribes: true, thread_id: 't', history: history(0) });
  for (const payload of received) view.add({ kind: 'event', event: 'thread_message', payload });
  recorder.final('t', final);
  return recorder.log;
}

describe('a correct log', () => {
  test('has no violation, whatever was repeated, left out as superseded, or cut off', () => {
    fc.assert(
      fc.property(steps, (run) => {
        expect(check(correctLog(run))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('may start afresh where more changed than recovery replays', () => {
    const all = Array.from({ length: 502 }, (_, index) => message(index + 1));
    const { log } = recoveryFrom(1, all);
    expect(check(log)).toEqual([]);
    expect(check(recoveryFrom(2, all).log).map(({ kind }) => kind)).toEqual(['needless_reset']);
  });

  test('that ends while events are under way is clean if it says so', () => {
    const log = logOf([message(1), message(2)], [message(1)]);
    expect(check(log, { unfinished: true })).toEqual([]);
    expect(check(log).map(({ kind }) => kind)).toEqual(['behind_head']);
  });
});

/** A client that had everything up to `after`, and is given the newest page when it comes back. */
function recoveryFrom(after: number, all: Message[]): LogRecorder {
  const recorder = new LogRecorder();
  const view = recorder.view('ann');
  const newest = history(all.length, { messages: all.slice(-50), has_more: true });
  view.add({ kind: 'connected' });
  view.add({ kind: 'history', subscribes: true, thread_id: 't', after_seq: after, history: newest });
  recorder.final('t', all);
  return recorder;
}

describe('in a log that was correct, the checker finds that', () => {
  test.each(faults)('$name', ({ found, inject }) => {
    fc.assert(
      fc.property(steps, fc.nat(), (run, dice) => {
        const log = correctLog(run);
        fc.pre(inject(log, dice));
        const kinds = check(log).map(({ kind }) => kind);
        expect(kinds.some((kind) => found.includes(kind)) ? found : kinds).toEqual(found);
      }),
      { numRuns: 25 },
    );
  });
});

test('for every kind of violation there is a fault that shows it', () => {
  const shown = new Set(faults.flatMap(({ found }) => found.slice(0, 1)));
  expect([...shown].toSorted()).toEqual(Object.keys(violationKinds).toSorted());
});

describe('a violation', () => {
  test('names the guarantee, the thread, the client and the seq', () => {
    const [violation, ...others] = check(logOf([message(1), message(2)], [message(2)]));
    expect(violation).toEqual({
      kind: 'gap',
      guarantee: 'G4',
      thread_id: 't',
      view: 'ann#1',
      seq: 1,
      text: 'ann#1: 2 came after 0',
    });
    // The client never got the first message, so it also differs from the store.
    expect(others.map(({ kind }) => kind)).toEqual(['diverged']);
  });

  test('is in the error of expectClean', () => {
    const log = logOf([message(1), message(2)], [message(2)]);
    expect(() => expectClean(log)).toThrow(/breaks the contract 2 times:\n- G4 gap, thread t, seq 1: ann#1: 2 came/);
    expect(() => expectClean(logOf([message(1)], [message(1)]))).not.toThrow();
  });
});

test('a log whose final state was not read cannot be checked', () => {
  const log = logOf([message(1)], [message(1)]);
  delete log.final['t'];
  expect(() => check(log)).toThrow('the final state of thread t was not recorded');
});

describe('the recorder', () => {
  test('takes what a client received in order: answers, events, removals', () => {
    const recorder = new LogRecorder();
    const { tap } = recorder.view('ann', 'first');
    const page = history(0);
    tap({ kind: 'connected' });
    tap({ kind: 'answer', event: 'subscribe_thread', request: { thread_id: 't' }, answer: { ok: true, data: page } });
    tap({
      kind: 'answer',
      event: 'send_message',
      request: { thread_id: 't', content: 'text 1', message_id: 'k1' },
      answer: { ok: true, data: { message: message(1), duplicate: false } },
    });
    tap({ kind: 'event', event: 'thread_message', payload: message(1) });
    tap({ kind: 'event', event: 'threads_updated', payload: { threads: [], removed: [] } });
    const forbidden = { code: 'forbidden', message: '', retry: 'never', thread_id: 't' } as const;
    tap({ kind: 'event', event: 'error', payload: { ...forbidden, event: 'edit_message' } });
    tap({ kind: 'event', event: 'error', payload: forbidden });
    tap({ kind: 'disconnected', reason: 'transport close' });
    recorder.final('t', [message(1)]);

    expect(recorder.log.views[0]).toEqual({
      name: 'first',
      user: 'ann',
      entries: [
        { kind: 'connected' },
        { kind: 'history', subscribes: true, thread_id: 't', history: page },
        { kind: 'event', event: 'thread_message', payload: message(1) },
        { kind: 'removed', thread_id: 't' },
        { kind: 'disconnected' },
      ],
    });
    expect(recorder.log.sends).toEqual([
      { thread_id: 't', sender: 'ann', message_id: 'k1', message: message(1), duplicate: false },
    ]);
    expectClean(recorder.log);
  });

  test('takes the entries of subscribe_threads that are ok', () => {
    const recorder = new LogRecorder();
    const { tap } = recorder.view('ann');
    const error = { code: 'thread_not_found', message: '', retry: 'never' } as const;
    tap({
      kind: 'answer',
      event: 'subscribe_threads',
      request: { threads: [{ thread_id: 'no' }, { thread_id: 't', after_seq: 3 }] },
      answer: {
        ok: true,
        data: {
          threads: [
            { ok: false, error },
            { ok: true, data: history(3, { recovered: true }) },
          ],
        },
      },
    });
    expect(recorder.log.views[0]?.entries).toEqual([
      { kind: 'history', subscribes: true, thread_id: 't', after_seq: 3, history: history(3, { recovered: true }) },
    ]);
  });
});
