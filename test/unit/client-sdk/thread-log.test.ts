import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { ThreadLog } from '../../../client-sdk/src/thread-log.ts';
import type { ThreadChange } from '../../../client-sdk/src/thread-log.ts';
import { messageOf, pageOf } from '../../support/sdk-fake-connection.ts';

/** A log that has taken its first page, which holds these. */
function logOf(messages: readonly Message[], hasMore = false): ThreadLog {
  const log = new ThreadLog();
  log.recover(pageOf(messages, { has_more: hasMore }));
  return log;
}

function live(message: Message, event: 'thread_message' | 'message_updated' = 'thread_message'): ThreadChange {
  return { event, payload: message };
}

/** `new 5`, `changed 2`: what handlers are to be told, by position. */
function told(changes: readonly ThreadChange[]): string[] {
  return changes.map((change) => {
    if (change.event === 'stream_end') return `end ${change.payload.stream_id}`;
    return `${change.event === 'message_updated' ? 'changed' : 'new'} ${change.payload.position}`;
  });
}

function held(log: ThreadLog): string[] {
  return log.messages.map(({ content }) => content);
}

describe('a live event', () => {
  test('is applied if and only if its seq is above the last one', () => {
    const log = logOf([messageOf(1), messageOf(2)]);
    const seqs = [2, 3, 3, 1, 5, 4, 6];
    expect(seqs.map((seq) => log.apply(live(messageOf(seq))))).toEqual([false, true, false, false, true, false, true]);
    expect(log.applied).toBe(6);
    expect(log.messages.map(({ position }) => position)).toEqual([1, 2, 3, 5, 6]);
  });

  test('means nothing before the first page', () => {
    const log = new ThreadLog();
    expect(log.apply(live(messageOf(1)))).toBe(false);
    log.merge(messageOf(1));
    expect([log.messages, log.applied, log.hasOlder]).toEqual([[], undefined, false]);
  });

  test('of a message that is not held is news all the same, but leaves no gap in what is held', () => {
    const log = logOf([messageOf(3), messageOf(4)], true);
    expect(log.apply(live(messageOf(1, 5), 'message_updated'))).toBe(true);
    expect([log.applied, held(log)]).toEqual([5, ['3 at 3', '4 at 4']]);
  });

  test('that ends a stream changes the message, and keeps its text', () => {
    const log = logOf([]);
    log.apply({ event: 'stream_start', payload: messageOf(1, 1, { status: 'streaming', content: 'so far' }) });
    const end = { thread_id: 't', stream_id: 'm1', seq: 2, length: 6, updated_at: '2026-01-15T09:31:00.000Z' };
    const payload = { ...end, status: 'failed', error: 'tired', metadata: { a: 1 } } as const;
    expect(log.apply({ event: 'stream_end', payload })).toBe(true);
    expect(log.get('m1')).toMatchObject({
      seq: 2,
      status: 'failed',
      content: 'so far',
      error: 'tired',
      metadata: { a: 1 },
    });
    expect(log.apply({ event: 'stream_end', payload: { ...payload, stream_id: 'other', seq: 3 } })).toBe(true);
    expect(log.applied).toBe(3);
  });
});

describe('the snapshot', () => {
  test('is by position, and the same array until something changes', () => {
    const log = logOf([messageOf(1), messageOf(2)]);
    const before = log.messages;
    expect(log.messages).toBe(before);
    log.apply(live(messageOf(1, 1)));
    expect(log.messages).toBe(before);
    log.apply(live(messageOf(1, 3), 'message_updated'));
    expect(held(log)).toEqual(['1 at 3', '2 at 2']);
    expect(before.map(({ content }) => content)).toEqual(['1 at 1', '2 at 2']);
  });
});

describe('an ack', () => {
  test('is shown at once, out of turn, and its event is still news', () => {
    const log = logOf([messageOf(1)]);
    log.merge(messageOf(4));
    expect([log.applied, held(log)]).toEqual([1, ['1 at 1', '4 at 4']]);
    for (const seq of [2, 3, 4]) expect(log.apply(live(messageOf(seq)))).toBe(true);
    expect(held(log)).toEqual(['1 at 1', '2 at 2', '3 at 3', '4 at 4']);
  });

  test('that comes after later changes takes nothing back', () => {
    const log = logOf([messageOf(1)]);
    log.apply(live(messageOf(1, 3), 'message_updated'));
    log.merge(messageOf(1, 2));
    expect(held(log)).toEqual(['1 at 3']);
  });

  test('of a change that was acknowledged first stays when the older event comes', () => {
    const log = logOf([messageOf(1)]);
    log.merge(messageOf(1, 3));
    expect(log.apply(live(messageOf(1, 2), 'message_updated'))).toBe(true);
    expect(held(log)).toEqual(['1 at 3']);
  });

  test('of a message before the first one held is not shown', () => {
    const log = logOf([messageOf(3)], true);
    log.merge(messageOf(2, 9));
    expect(held(log)).toEqual(['3 at 3']);
  });

  test('is told of again by the recovery after it, as new', () => {
    const log = logOf([messageOf(1)]);
    log.merge(messageOf(3));
    expect(told(log.recover(pageOf([messageOf(2), messageOf(3)], { recovered: true })))).toEqual(['new 2', 'new 3']);
  });
});

describe('a recovery', () => {
  test('tells of what is above the last seq, in order, as new or as changed', () => {
    const log = logOf([messageOf(1), messageOf(2), messageOf(3)]);
    const page = pageOf([messageOf(4), messageOf(2, 5), messageOf(7, 7)], { recovered: true, head_seq: 8 });
    expect(told(log.recover(page))).toEqual(['new 4', 'changed 2', 'new 7']);
    expect([log.applied, held(log)]).toEqual([8, ['1 at 1', '2 at 5', '3 at 3', '4 at 4', '7 at 7']]);
    expect(log.apply(live(messageOf(8)))).toBe(false);
  });

  test('that found nothing says nothing', () => {
    const log = logOf([messageOf(1)]);
    expect(log.recover(pageOf([], { recovered: true, head_seq: 1 }))).toEqual([]);
    expect(log.applied).toBe(1);
  });

  test('goes on from the last message of each page, not from the head, until there is no more', () => {
    const log = logOf([messageOf(1)]);
    const first = pageOf([messageOf(2), messageOf(3)], { recovered: true, has_more: true, head_seq: 9 });
    expect(told(log.recover(first))).toEqual(['new 2', 'new 3']);
    expect(log.applied).toBe(3);
    // A page for which there was no room.
    expect(told(log.recover(pageOf([], { recovered: true, has_more: true, head_seq: 9 })))).toEqual([]);
    expect(log.applied).toBe(3);
    const last = pageOf([messageOf(4), messageOf(9)], { recovered: true, head_seq: 10 });
    expect(told(log.recover(last))).toEqual(['new 4', 'new 9']);
    expect(log.applied).toBe(10);
  });

  test('tells of a message as new where it was created after the break, however late its page', () => {
    const log = logOf([messageOf(1), messageOf(2)]);
    const [one, two] = [pageOf([messageOf(4), messageOf(5)]), pageOf([messageOf(3, 6), messageOf(1, 7)])];
    expect(told(log.recover({ ...one, recovered: true, has_more: true, head_seq: 7 }))).toEqual(['new 4', 'new 5']);
    expect(told(log.recover({ ...two, recovered: true }))).toEqual(['new 3', 'changed 1']);
  });

  test('tells of a message as new once: where it changes before the last page, it has changed', () => {
    const log = logOf([messageOf(1)]);
    const one = pageOf([messageOf(2), messageOf(3)], { recovered: true, has_more: true });
    expect(told(log.recover(one))).toEqual(['new 2', 'new 3']);
    // Its ack may show it before its page does.
    log.merge(messageOf(2, 5));
    const two = pageOf([messageOf(4), messageOf(2, 5)], { recovered: true, has_more: true });
    expect(told(log.recover(two))).toEqual(['new 4', 'changed 2']);
    // As it is where another break comes in between.
    expect(told(log.recover(pageOf([messageOf(4, 6), messageOf(7)], { recovered: true })))).toEqual([
      'changed 4',
      'new 7',
    ]);
    expect(told(log.recover(pageOf([messageOf(7, 8)], { recovered: true })))).toEqual(['changed 7']);
    // Or live, between two recoveries.
    log.apply(live(messageOf(9)));
    expect(told(log.recover(pageOf([messageOf(9, 10)], { recovered: true })))).toEqual(['changed 9']);
  });

  test('takes what is streaming from the last page only, where nothing between is missing', () => {
    const log = logOf([messageOf(1)]);
    const streaming = [messageOf(4, 4, { status: 'streaming' })];
    const one = pageOf([messageOf(2)], { recovered: true, has_more: true, streaming, head_seq: 5 });
    expect(told(log.recover(one))).toEqual(['new 2']);
    const two = pageOf([messageOf(3), messageOf(5)], { recovered: true, streaming });
    expect(told(log.recover(two))).toEqual(['new 3', 'new 4', 'new 5']);
  });
});

describe('a reload', () => {
  test('drops what was held, begins with its page, and tells of what is new in it', () => {
    const log = logOf([messageOf(1), messageOf(2)]);
    const page = pageOf([messageOf(700), messageOf(701, 703), messageOf(702)], { has_more: true });
    expect(told(log.recover(page))).toEqual(['new 700', 'new 702', 'new 701']);
    expect([log.applied, log.hasOlder, log.floor]).toEqual([703, true, 700]);
    expect(held(log)).toEqual(['700 at 700', '701 at 703', '702 at 702']);
  });

  test('tells of a message that was there before as changed, and not at all where it did not change', () => {
    const log = logOf([messageOf(1), messageOf(2)]);
    expect(told(log.recover(pageOf([messageOf(1), messageOf(2, 903)])))).toEqual(['changed 2']);
  });

  test('in the middle of a recovery tells of nothing as new twice', () => {
    const log = logOf([messageOf(1)]);
    log.recover(pageOf([messageOf(2)], { recovered: true, has_more: true, head_seq: 600 }));
    expect(told(log.recover(pageOf([messageOf(2, 601), messageOf(3, 3), messageOf(600)])))).toEqual([
      'new 3',
      'new 600',
      'changed 2',
    ]);
  });

  test('that is the first page tells of nothing', () => {
    expect(new ThreadLog().recover(pageOf([messageOf(1)]))).toEqual([]);
  });

  test('to a head that went back is another history, and not told', () => {
    const log = logOf([messageOf(1), messageOf(2), messageOf(3)]);
    expect(log.recover(pageOf([messageOf(1, 1, { content: 'restored' })]))).toEqual([]);
    expect([log.applied, held(log)]).toEqual([1, ['restored']]);
    expect(log.apply(live(messageOf(2)))).toBe(true);
  });

  test('leaves no gap for what streams far above its page', () => {
    const log = new ThreadLog();
    const streaming = [messageOf(2, 2, { status: 'streaming' }), messageOf(9, 9, { status: 'streaming' })];
    log.recover(pageOf([messageOf(7), messageOf(8)], { has_more: true, streaming, head_seq: 9 }));
    expect([log.floor, held(log)]).toEqual([7, ['7 at 7', '8 at 8', '9 at 9']]);
    log.expectOlder();
    log.prepend(pageOf([messageOf(1), messageOf(3)], { streaming }));
    expect([log.floor, held(log).slice(0, 3)]).toEqual([0, ['1 at 1', '2 at 2', '3 at 3']]);
  });
});

describe('an older page', () => {
  test('comes before what is held, down to the beginning', () => {
    const log = logOf([messageOf(5), messageOf(6)], true);
    log.expectOlder();
    log.prepend(pageOf([messageOf(3), messageOf(4)], { has_more: true }));
    expect([log.floor, log.hasOlder, held(log).length]).toEqual([3, true, 4]);
    log.expectOlder();
    log.prepend(pageOf([messageOf(1), messageOf(2)]));
    expect([log.floor, log.hasOlder, log.applied]).toEqual([0, false, 6]);
    expect(log.messages.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('takes back nothing that happened while it was read', () => {
    const log = logOf([messageOf(5), messageOf(6)], true);
    log.expectOlder();
    log.apply(live(messageOf(4, 7), 'message_updated'));
    log.apply(live(messageOf(4, 8), 'message_updated'));
    log.apply(live(messageOf(1, 9), 'message_updated'));
    log.merge(messageOf(3, 10));
    log.merge(messageOf(4, 7));
    expect(held(log)).toEqual(['5 at 5', '6 at 6']);
    log.prepend(pageOf([messageOf(3), messageOf(4, 7)], { has_more: true }));
    expect(held(log)).toEqual(['3 at 10', '4 at 8', '5 at 5', '6 at 6']);
    log.expectOlder();
    log.prepend(pageOf([messageOf(1, 9), messageOf(2)]));
    expect(held(log).slice(0, 2)).toEqual(['1 at 9', '2 at 2']);
  });

  test('is dropped where all began anew, was let go of, or a stream in it ended while it was read', () => {
    const page = pageOf([messageOf(3), messageOf(4)], { has_more: true });
    const end = { thread_id: 't', stream_id: 'm3', seq: 7, length: 1, updated_at: '' } as const;
    const meanwhile: ((log: ThreadLog) => void)[] = [
      // The same messages, but nothing says that the page knows what changed before them.
      (log) => void log.recover(pageOf([messageOf(5, 700), messageOf(6)], { has_more: true })),
      (log) => log.keepNewest(1),
      (log) => log.clear(),
      (log) => void log.apply({ event: 'stream_end', payload: { ...end, status: 'complete' } }),
      (log) => log.forgetOlder(),
    ];
    for (const happens of meanwhile) {
      const log = logOf([messageOf(5), messageOf(6)], true);
      log.expectOlder();
      happens(log);
      const before = log.messages;
      log.prepend(page);
      expect(log.messages).toBe(before);
    }
  });
});

describe('keeping the newest', () => {
  test('lets go of the others, which can be read again', () => {
    const log = logOf([1, 2, 3, 4].map((position) => messageOf(position)));
    log.keepNewest(2);
    expect([held(log), log.hasOlder, log.floor, log.applied]).toEqual([['3 at 3', '4 at 4'], true, 3, 4]);
    log.apply(live(messageOf(1, 5), 'message_updated'));
    expect(held(log)).toEqual(['3 at 3', '4 at 4']);
    log.expectOlder();
    log.prepend(pageOf([messageOf(2), messageOf(1, 5)]));
    expect([held(log)[0], log.hasOlder]).toEqual(['1 at 5', false]);
  });

  test('changes nothing where there are not more', () => {
    const log = logOf([messageOf(1), messageOf(2)]);
    const before = log.messages;
    log.keepNewest(2);
    expect(log.messages).toBe(before);
    expect(log.hasOlder).toBe(false);
  });

  test('of none keeps what comes after, and the way back', () => {
    const log = logOf([messageOf(1), messageOf(2)]);
    log.keepNewest(0);
    expect([held(log), log.floor]).toEqual([[], 3]);
    log.apply(live(messageOf(3)));
    expect(held(log)).toEqual(['3 at 3']);
  });
});
