import { describe, expect, test } from '@jest/globals';
import type { TailLine } from '../../../admin/src/connection/protocol.ts';
import { frozenLines, steadyLines } from '../../../admin/src/pages/threads/held-lines.ts';
import { emptyTail, withAnswer } from '../../../admin/src/pages/threads/tail-state.ts';

function line(id: string, seq: number, fields: Partial<TailLine> = {}): TailLine {
  return {
    id,
    seq,
    position: seq,
    user_id: 'ada',
    role: 'user',
    status: 'complete',
    created_at: '2030-01-01T00:00:00.000Z',
    updated_at: '2030-01-01T00:00:00.000Z',
    length: 1,
    content: null,
    ...fields,
  };
}

const many = Array.from({ length: 50 }, (_, i) => line(`m${i}`, i + 100));

test('a message that changes is shown once, in its latest state, the newest first', () => {
  const first = withAnswer(emptyTail, {
    head_seq: 2,
    has_bodies: false,
    growing: [],
    lines: [line('a', 1), line('b', 2)],
  });
  const next = withAnswer(first, {
    head_seq: 3,
    has_bodies: true,
    growing: [],
    lines: [line('a', 3, { status: 'deleted' })],
  });
  expect(next.lines.map(({ id, seq, status }) => [id, seq, status])).toEqual([
    ['a', 3, 'deleted'],
    ['b', 2, 'complete'],
  ]);
  expect(next).toMatchObject({ seenSeq: 3, hasBodies: true, hasSkipped: false });
});

test('where more comes than can be followed it goes on with the newest, and says so', () => {
  const first = withAnswer(emptyTail, { head_seq: 149, has_bodies: false, growing: [], lines: many });
  expect(first).toMatchObject({ seenSeq: 149, hasSkipped: false });
  const behind = withAnswer(first, {
    head_seq: 199,
    has_bodies: false,
    growing: [],
    lines: many.map((one) => ({ ...one, id: `n${one.id}`, seq: one.seq + 50 })),
  });
  expect(behind).toMatchObject({ seenSeq: undefined, hasSkipped: true });
  expect(behind.lines).toHaveLength(100);
});

test('a message that is being written grows, though it takes no seq; one that has ended stays as it ended', () => {
  const lines = [
    line('a', 1, { status: 'streaming', length: 3, content: 'abc' }),
    line('b', 2, { status: 'complete', length: 3, content: 'abc' }),
  ];
  const first = withAnswer(emptyTail, { head_seq: 2, has_bodies: true, lines, growing: [] });
  const growing = ['a', 'b', 'unknown'].map((id) => ({ id, length: 5, beginning: 'abcde' }));
  const next = withAnswer(first, { head_seq: 2, has_bodies: true, lines: [], growing });
  expect(next.lines.map(({ id, length, content }) => [id, length, content])).toEqual([
    ['b', 3, 'abc'],
    ['a', 5, 'abcde'],
  ]);
  // Without its text it grows too.
  const unseen = withAnswer(emptyTail, {
    head_seq: 1,
    has_bodies: false,
    lines: [line('a', 1, { status: 'streaming' })],
    growing: [{ id: 'a', length: 7, beginning: null }],
  });
  expect(unseen.lines).toMatchObject([{ length: 7, content: null }]);
});

describe('lines that are held', () => {
  const held = [line('b', 2), line('a', 1, { status: 'streaming' })];
  const lines = [line('c', 4), line('a', 3), line('b', 2)];

  test('by a pause are as they were, and what has come or changed waits', () => {
    expect(frozenLines(held, lines)).toEqual({ shown: held, waiting: 2 });
  });

  test('by a pointer are where they were, as they are now', () => {
    expect(steadyLines(held, lines)).toEqual({ shown: [line('b', 2), line('a', 3)], waiting: 1 });
  });
});
