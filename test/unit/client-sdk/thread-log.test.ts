import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { ThreadLog } from '../../../client-sdk/src/thread-log.ts';
import type { ThreadNews } from '../../../client-sdk/src/thread-log.ts';
import { messageOf, pageOf } from '../../support/sdk-fake-connection.ts';

/** A log that has taken its first page, which holds these. */
function logOf(messages: readonly Message[], hasMore = false): ThreadLog {
  const log = new ThreadLog();
  log.recover(pageOf(messages, { has_more: hasMore }));
  return log;
}

function live(message: Message, event: 'thread_message' | 'message_updated' = 'thread_message'): ThreadNews {
  return { event, payload: message };
}

/** `new 5`, `changed 2`, `m5 from 3: text`: what handlers are to be told, by position. */
function told(news: readonly ThreadNews[]): string[] {
  return news.map(({ event, payload }) => {
    if (event === 'stream_end') return `end ${payload.stream_id}`;
    if (event === 'stream_chunk') return `${payload.stream_id} from ${payload.offset}: ${payload.delta}`;
    return `${event === 'message_updated' ? 'changed' : 'new'} ${payload.position}`;
  });
}

/** Whether an event is news. */
function applies(log: ThreadLog, news: ThreadNews): boolean {
  return log.apply(news).length > 0;
}

function held(log: ThreadLog): string[] {
  return log.messages.map(({ content }) => content);
}

describe('a live event', () => {
  test('is applied if and only if its seq is above the last one', () => {
    const log = logOf([messageOf(1), messageOf(2)]);
    const seqs = [2, 3, 3, 1, 5, 4, 6];
    expect(seqs.map((seq) => applies(log, live(messageOf(seq))))).toEqual([
      false,
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
    expect(log.applied).toBe(6);
    expect(log.messages.map(({ position }) => position)).toEqual([1, 2, 3, 5, 6]);
  });

  test('means nothing before the first page', () => {
    const log = new ThreadLog();
    expect(applies(log, live(messageOf(1)))).toBe(false);
    log.merge(messageOf(1));
    expect([log.messages, log.applied, log.hasOlder]).toEqual([[], undefined, false]);
  });

  test('of a message that is not held is news all the same, but leaves no gap in what is held', () => {
    const log = logOf([messageOf(3), messageOf(4)], true);
    expect(applies(log, live(messageOf(1, 5), 'message_updated'))).toBe(true);
    expect([log.applied, held(log)]).toEqual([5, ['3 at 3', '4 at 4']]);
  });

  test('that ends a stream changes the message, and keeps its text', () => {
    const log = logOf([]);
    log.apply({ event: 'stream_start', payload: messageOf(1, 1, { status: 'streaming', content: 'so far' }) });
    const end = { thread_id: 't', stream_id: 'm1', seq: 2, length: 6, updated_at: '2026-01-15T09:31:00.000Z' };
    const payload = { ...end, status: 'failed', error: 'tired', metadata: { a: 1 } } as const;
    expect(applies(log, { event: 'stream_end', payload })).toBe(true);
    expect(log.get('m1')).toMatchObject({
      seq: 2,
      status: 'failed',
      content: 'so far',
      error: 'tired',
      metadata: { a: 1 },
    });
    expect(applies(log, { event: 'stream_end', payload: { ...payload, stream_id: 'other', seq: 3 } })).toBe(true);
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
    for (const seq of [2, 3, 4]) expect(applies(log, live(messageOf(seq)))).toBe(true);
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
    expect(applies(log, live(messageOf(1, 2), 'message_updated'))).toBe(true);
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
    expect(applies(log, live(messageOf(8)))).toBe(false);
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
    expect(applies(log, live(messageOf(2)))).toBe(true);
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

function streaming(position: number, content: string, fields: Partial<Message> = {}): Message {
  return messageOf(position, position, { status: 'streaming', content, ...fields });
}

function chunk(offset: number, delta: string, streamId = 'm1'): ThreadNews {
  return { event: 'stream_chunk', payload: { thread_id: 't', stream_id: streamId, offset, delta } };
}

function end(seq: number, length: number, streamId = 'm1'): ThreadNews {
  const payload = { thread_id: 't', stream_id: streamId, seq, status: 'complete', length, updated_at: '' } as const;
  return { event: 'stream_end', payload };
}

describe('text of a stream', () => {
  test('is appended where it goes on from what is held, and told as far as it is new', () => {
    const log = logOf([]);
    log.apply({ event: 'stream_start', payload: streaming(1, '') });
    const chunks = [chunk(0, 'One'), chunk(0, 'One'), chunk(2, 'e two'), chunk(1, 'ne'), chunk(7, '.')];
    expect(chunks.map((each) => told(log.apply(each)))).toEqual([
      ['m1 from 0: One'],
      [],
      ['m1 from 3:  two'],
      [],
      ['m1 from 7: .'],
    ]);
    expect([held(log), log.applied]).toEqual([['One two.'], 1]);
  });

  test('goes on from the text of the page, or of the message, with which it came', () => {
    const log = new ThreadLog();
    log.recover(pageOf([], { streaming: [streaming(1, 'On')], head_seq: 1 }));
    expect(told(log.apply(chunk(0, 'One')))).toEqual(['m1 from 2: e']);
    log.apply(live(streaming(2, 'Tw')));
    expect(told(log.apply(chunk(0, 'Two', 'm2')))).toEqual(['m2 from 2: o']);
    expect(held(log)).toEqual(['One', 'Two']);
  });

  test('that lies beyond what is held is ahead, and so is an end; other events never are', () => {
    const log = logOf([messageOf(2)]);
    log.apply(live(streaming(3, 'abc')));
    const ahead = (news: ThreadNews) => log.isAhead(news);
    expect([chunk(3, 'd', 'm3'), chunk(4, 'e', 'm3'), end(4, 3, 'm3'), end(4, 5, 'm3')].map(ahead)).toEqual([
      false,
      true,
      false,
      true,
    ]);
    // One that was seen, of one that has ended, and of one that is not held.
    expect([end(3, 5, 'm3'), chunk(9, 'x', 'm2'), chunk(9, 'x', 'm1'), live(messageOf(9))].map(ahead)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect([log.apply(chunk(4, 'e', 'm3')), held(log)]).toEqual([[], ['2 at 2', 'abc']]);
  });

  test('of a message before the first one held means nothing', () => {
    const log = logOf([messageOf(3)], true);
    expect([log.apply(chunk(0, 'x', 'm2')), held(log)]).toEqual([[], ['3 at 3']]);
  });

  test('leaves the snapshots that were given out as they were, and the other messages where they are', () => {
    const log = logOf([messageOf(1), messageOf(3)]);
    log.merge(streaming(4, ''));
    const before = log.messages;
    log.apply(live(streaming(4, '')));
    log.apply(chunk(0, 'a', 'm4'));
    log.apply(chunk(1, 'b', 'm4'));
    expect(held(log)).toEqual(['1 at 1', '3 at 3', 'ab']);
    expect(log.messages).toBe(log.messages);
    expect(before.map(({ content }) => content)).toEqual(['1 at 1', '3 at 3', '']);
  });

  test('that an answer brought first is not taken back, and told when its events come', () => {
    const log = logOf([]);
    log.apply(live(streaming(1, '')));
    log.merge(streaming(1, 'abcd'));
    log.merge(streaming(1, 'ab'));
    expect(held(log)).toEqual(['abcd']);
    expect(told(log.apply(chunk(0, 'ab')))).toEqual(['m1 from 0: ab']);
    // What was left out is here.
    expect(log.isAhead(chunk(3, 'def'))).toBe(false);
    expect(told(log.apply(chunk(3, 'def')))).toEqual(['m1 from 2: cdef']);
    log.merge(messageOf(1, 2, { content: 'abcdefgh' }));
    expect(told(log.apply(end(2, 8)))).toEqual(['m1 from 6: gh', 'end m1']);
    expect(log.messages[0]).toMatchObject({ seq: 2, status: 'complete', content: 'abcdefgh' });
  });

  test('ends as it was, where an answer brought a later change first', () => {
    const log = logOf([]);
    log.apply(live(streaming(1, 'ab')));
    log.merge(messageOf(1, 3, { content: 'edited', status: 'complete' }));
    expect(told(log.apply(end(2, 4)))).toEqual(['end m1']);
    expect(log.messages[0]).toMatchObject({ seq: 3, content: 'edited' });
  });

  test('is complete before its end is told, however the end comes', () => {
    const whole = (): ThreadLog => {
      const log = logOf([]);
      log.apply(live(streaming(1, 'ab')));
      return log;
    };
    const healed = live(messageOf(1, 2, { content: 'abcd' }), 'message_updated');
    expect(told(whole().apply(healed))).toEqual(['m1 from 2: cd', 'changed 1']);
    const page = pageOf([messageOf(1, 2, { content: 'abcd' })], { recovered: true });
    expect(told(whole().recover(page))).toEqual(['m1 from 2: cd', 'changed 1']);
    // The text is another one by now.
    const edited = live(messageOf(1, 3, { content: 'Abcd' }), 'message_updated');
    expect(told(whole().apply(edited))).toEqual(['changed 1']);
    const deleted = live(messageOf(1, 3, { content: '', status: 'deleted' }), 'message_updated');
    expect(told(whole().apply(deleted))).toEqual(['changed 1']);
  });
});

describe('a page, and text that only grew', () => {
  test('a recovery brings it, with no new seq, and tells of it as text alone', () => {
    const log = logOf([messageOf(1)]);
    log.apply(live(streaming(2, 'ab')));
    const page = pageOf([messageOf(3)], { recovered: true, streaming: [streaming(2, 'abcd')] });
    expect(told(log.recover(page))).toEqual(['m2 from 2: cd', 'new 3']);
    expect(held(log)).toEqual(['1 at 1', 'abcd', '3 at 3']);
    // One that was read before.
    expect(told(log.recover({ ...page, streaming: [streaming(2, 'abc')], messages: [] }))).toEqual([]);
    expect(held(log)[1]).toBe('abcd');
  });

  test('a message that began between the messages of a page that is not the last is not left out', () => {
    const log = logOf([messageOf(1)]);
    const begun = [streaming(3, 'abc'), streaming(6, '')];
    const fields = { recovered: true, has_more: true, head_seq: 7 };
    expect(told(log.recover(pageOf([messageOf(2), messageOf(4)], { ...fields, streaming: begun })))).toEqual([
      'new 2',
      'new 3',
      'new 4',
    ]);
    const last = pageOf([messageOf(5), messageOf(3, 7, { content: 'abcd' })], {
      recovered: true,
      streaming: [begun[1]!],
    });
    expect(told(log.recover(last))).toEqual(['new 5', 'new 6', 'm3 from 3: d', 'changed 3']);
  });

  test('a reload tells of what of the text is new, and of nothing that it does not hold', () => {
    const log = logOf([messageOf(1)]);
    for (const position of [2, 3, 4]) log.apply(live(streaming(position, 'ab')));
    const page = pageOf(
      [messageOf(600), messageOf(4, 601, { content: 'abcd' })].sort((a, b) => a.position - b.position),
      {
        has_more: true,
        streaming: [streaming(2, 'abc'), streaming(3, 'abc')],
      },
    );
    // The page begins at 4.
    expect(told(log.recover(page))).toEqual(['new 600', 'm4 from 2: cd', 'changed 4']);
    expect(held(log)).toEqual(['abcd', '600 at 600']);
    const again = logOf([messageOf(1)]);
    again.apply(live(streaming(2, 'ab')));
    const whole = pageOf([messageOf(1), messageOf(3)], { streaming: [streaming(2, 'abcd')] });
    expect(told(again.recover(whole))).toEqual(['m2 from 2: cd', 'new 3']);
    expect(told(again.apply(chunk(4, 'e', 'm2')))).toEqual(['m2 from 4: e']);
  });

  test('an older page brings the text that is told no more, and what comes after it is', () => {
    const log = logOf([messageOf(5)], true);
    log.expectOlder();
    log.prepend(pageOf([messageOf(3)], { streaming: [streaming(4, 'abc')] }));
    expect(told(log.apply(chunk(2, 'cd', 'm4')))).toEqual(['m4 from 3: d']);
    log.keepNewest(1);
    expect(log.apply(chunk(4, 'e', 'm4'))).toEqual([]);
  });
});
