import { describe, expect, test } from '@jest/globals';
import type { Message, MessageStatus, Thread } from '@threadwire/protocol';
import { readHistories } from '../../../server/src/store/history.ts';
import type { HistoryReader } from '../../../server/src/store/history.ts';
import type { HistoryRequest } from '../../../server/src/store/thread-store.ts';
import { actorOf } from '../../support/fake-services.ts';

const at = '2026-01-15T09:30:00.000Z';

function messageAt(position: number, status: MessageStatus): Message {
  return {
    id: `m-${position}`,
    thread_id: 't',
    position,
    seq: position,
    message_id: `key-${position}`,
    sender: { id: 'ada' },
    role: 'assistant',
    content: 'so far',
    metadata: {},
    status,
    created_at: at,
    updated_at: at,
  };
}

/** A page of a thread whose messages have these statuses, by position, with the positions of what is on it. */
async function pageOf(statuses: readonly MessageStatus[], request: Omit<HistoryRequest, 'threadId' | 'actor'>) {
  const messages = statuses.map((status, i) => messageAt(i + 1, status));
  const thread: Thread = {
    id: 't',
    title: '',
    members: [],
    metadata: {},
    created_by: 'ada',
    created_at: at,
    updated_at: at,
    head_seq: messages.length,
  };
  const reader: HistoryReader = {
    thread: () => thread,
    countAfter: (_id, seq, max) => Math.min(max, messages.length - seq),
    afterSeq: (_id, seq, { limit }) => messages.filter((message) => message.seq > seq).slice(0, limit),
    beforePosition: (_id, before = Infinity, { limit }) =>
      messages
        .filter(({ position }) => position < before)
        .toReversed()
        .slice(0, limit),
    streaming: () => messages.filter(({ status }) => status === 'streaming'),
  };
  const [result] = await readHistories(reader, [{ threadId: 't', actor: actorOf('ada'), ...request }]);
  if (!result!.ok) throw new Error(result!.message);
  const { history } = result!;
  expect(history.streaming).toEqual(messages.filter(({ status }) => status === 'streaming'));
  const positions = history.messages.map(({ position }) => position);
  return { positions, hasMore: history.has_more, recovered: history.recovered };
}

describe('messages that are streaming', () => {
  const statuses = ['streaming', 'complete', 'complete', 'streaming', 'complete', 'streaming'] as const;

  test.each([
    ['the newest page', {}, [2, 3, 5], false],
    ['a short page', { limit: 2 }, [3, 5], true],
    ['a page of none', { limit: 0 }, [], true],
    ['a page before a position', { beforePosition: 4 }, [2, 3], false],
    ['the changes after a seq', { afterSeq: 2 }, [3, 5], false],
    ['a few changes after a seq', { afterSeq: 0, limit: 2 }, [2, 3], true],
    ['no changes', { afterSeq: 6 }, [], false],
  ])('are all told beside %s, and take no place on it', async (_what, request, positions, hasMore) => {
    expect(await pageOf(statuses, request)).toEqual({ positions, hasMore, recovered: 'afterSeq' in request });
  });

  test('as many as a thread may have leave room to see that there are more', async () => {
    const newest = Array<MessageStatus>(8).fill('streaming');
    expect(await pageOf(['complete', 'complete', ...newest], { limit: 1 })).toMatchObject({
      positions: [2],
      hasMore: true,
    });
    expect(await pageOf(['complete', ...newest], { limit: 1 })).toMatchObject({ positions: [1], hasMore: false });
  });
});
