import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { Announcer } from '../../../../server/src/threads/announcer.ts';
import { messageChange } from '../../../../server/src/threads/durable-event.ts';
import type { Announcement, Change, TextChange } from '../../../../server/src/threads/durable-event.ts';
import { fakeLogger } from '../../../support/fake-services.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { appended, messageOf } from '../changes.ts';

/** The start of the stream at this position. */
function started(position: number): Change {
  return messageChange('stream_start', streaming(position, ''));
}

function streaming(position: number, content: string): Message {
  return messageOf({ seq: position, status: 'streaming', content });
}

function text(position: number, offset: number, delta: string): TextChange {
  const payload = { thread_id: 't', stream_id: `m${position}`, offset, delta };
  return { threadId: 't', event: 'stream_chunk', position, payload };
}

function ended(seq: number, position: number, length: number): Change {
  const at = '2026-01-15T09:30:00.000Z';
  const payload = {
    thread_id: 't',
    stream_id: `m${position}`,
    seq,
    status: 'complete',
    length,
    updated_at: at,
  } as const;
  return { threadId: 't', seq, event: 'stream_end', payload };
}

/** Each in few words. */
function brief(announcements: readonly Announcement[]): string[] {
  return announcements.map((one) =>
    one.event === 'stream_chunk'
      ? `${one.payload.stream_id} ${one.payload.offset} ${one.payload.delta}`
      : `${one.event} ${one.seq}`,
  );
}

/** An announcer around one thread, `t`; the store has these messages. */
function setUp() {
  const clock = new ManualClock();
  const published: Announcement[] = [];
  const stored: { messages: Message[]; headSeq: number } = { messages: [], headSeq: 0 };
  const announcer = new Announcer({
    publish: (announcement) => published.push(announcement),
    changesAfter: async () => stored,
    logger: fakeLogger().logger,
    schedule: clock.schedule,
  });
  return {
    announcer,
    clock,
    stored,
    seen: () => brief(published),
    /** Somebody joins with this history. */
    join: (headSeq: number, streams: Message[] = []): string[] => {
      const tap = announcer.tap('t');
      expect(announcer.covers(tap, headSeq)).toBe(true);
      return brief(announcer.close(tap, { head_seq: headSeq, streaming: streams }));
    },
  };
}

describe('text', () => {
  test('goes out at once where the start of its message has', () => {
    const { announcer, seen, join } = setUp();
    join(0);
    announcer.announce(started(1));
    announcer.announceText(text(1, 0, 'a'));
    announcer.announceText(text(1, 1, 'b'));
    announcer.announce(ended(2, 1, 2));
    expect(seen()).toEqual(['stream_start 1', 'm1 0 a', 'm1 1 b', 'stream_end 2']);
  });

  test('waits for the start of its message, and comes before its end, whatever order they arrive in', () => {
    const { announcer, seen, join } = setUp();
    join(0);
    announcer.announceText(text(2, 0, 'a'));
    announcer.announce(ended(3, 2, 2));
    announcer.announceText(text(2, 1, 'b'));
    announcer.announce(started(2));
    expect(seen()).toEqual([]);
    announcer.announce(appended(1));
    expect(seen()).toEqual(['thread_message 1', 'stream_start 2', 'm2 0 a', 'm2 1 b', 'stream_end 3']);
  });

  test('of one message does not wait for that of another', () => {
    const { announcer, seen, join } = setUp();
    join(0);
    announcer.announce(started(1));
    announcer.announceText(text(3, 0, 'later'));
    announcer.announceText(text(1, 0, 'now'));
    expect(seen()).toEqual(['stream_start 1', 'm1 0 now']);
  });

  test('that waited goes out when its message was read from the store', async () => {
    const { announcer, clock, stored, seen, join } = setUp();
    join(0);
    Object.assign(stored, { messages: [streaming(1, 'a')], headSeq: 1 });
    announcer.announceText(text(1, 0, 'a'));
    announcer.announceText(text(1, 1, 'b'));
    announcer.observe('t', 1);
    await clock.advance(50);
    expect(seen()).toEqual(['thread_message 1', 'm1 0 a', 'm1 1 b']);
  });

  test('that nobody listens to is not kept', () => {
    const { announcer, seen, join } = setUp();
    announcer.announceText(text(1, 0, 'a'));
    expect(announcer.size).toBe(0);
    expect(join(1, [streaming(1, 'a')])).toEqual([]);
    expect(seen()).toEqual([]);
  });

  test('beyond what is kept is left out, and costs no change', () => {
    const { announcer, seen, join } = setUp();
    join(0);
    for (let offset = 0; offset < 1100; offset += 1) announcer.announceText(text(2, offset, 'x'));
    announcer.announce(appended(1));
    announcer.announce(started(2));
    expect(seen().slice(0, 2)).toEqual(['thread_message 1', 'stream_start 2']);
    expect(seen()).toHaveLength(1002);
  });
});

describe('who joins', () => {
  test('is sent the text that his history lacks, in whole pieces', () => {
    const { announcer, join, seen } = setUp();
    join(1);
    const tap = announcer.tap('t');
    announcer.covers(tap, 1);
    for (const [offset, delta] of [
      [0, 'ab'],
      [2, 'cd'],
      [4, 'ef'],
    ] as const) {
      announcer.announceText(text(1, offset, delta));
    }
    const rest = announcer.close(tap, { head_seq: 1, streaming: [streaming(1, 'abc')] });
    expect(brief(rest)).toEqual(['m1 2 cd', 'm1 4 ef']);
    expect(seen()).toEqual(['m1 0 ab', 'm1 2 cd', 'm1 4 ef']);
  });

  test('is sent nothing of what his history has, or of a stream that had ended by then', () => {
    const { announcer, join } = setUp();
    join(1);
    const tap = announcer.tap('t');
    announcer.announceText(text(1, 0, 'ab'));
    announcer.announce(ended(2, 1, 2));
    announcer.announce(started(3));
    announcer.announceText(text(3, 0, 'x'));
    announcer.covers(tap, 3);
    const rest = announcer.close(tap, { head_seq: 3, streaming: [streaming(3, 'x')] });
    expect(rest).toEqual([]);
  });

  test('is sent a stream that began after he read, from its start on', () => {
    const { announcer, join } = setUp();
    join(0);
    const tap = announcer.tap('t');
    announcer.covers(tap, 0);
    announcer.announce(started(1));
    announcer.announceText(text(1, 0, 'a'));
    announcer.announce(ended(2, 1, 1));
    const rest = announcer.close(tap, { head_seq: 0, streaming: [] });
    expect(brief(rest)).toEqual(['stream_start 1', 'm1 0 a', 'stream_end 2']);
  });

  test('first gets the text that came while he read, behind its start and before its end', () => {
    const { announcer, seen } = setUp();
    const tap = announcer.tap('t');
    announcer.announceText(text(1, 2, 'c'));
    announcer.announce(started(2));
    announcer.announceText(text(2, 0, 'x'));
    announcer.announce(ended(3, 2, 1));
    expect(seen()).toEqual([]);
    expect(announcer.covers(tap, 1)).toBe(true);
    const rest = announcer.close(tap, { head_seq: 1, streaming: [streaming(1, 'ab')] });
    expect(brief(rest)).toEqual(['m1 2 c', 'stream_start 2', 'm2 0 x', 'stream_end 3']);
  });

  test('together with others gets each piece once', () => {
    const { announcer } = setUp();
    const taps = [announcer.tap('t'), announcer.tap('t')];
    announcer.announceText(text(1, 0, 'a'));
    for (const tap of taps) expect(announcer.covers(tap, 1)).toBe(true);
    announcer.announceText(text(1, 1, 'b'));
    const rests = taps.map((tap) => announcer.close(tap, { head_seq: 1, streaming: [streaming(1, '')] }));
    expect(rests.map(brief)).toEqual([
      ['m1 0 a', 'm1 1 b'],
      ['m1 0 a', 'm1 1 b'],
    ]);
  });
});
