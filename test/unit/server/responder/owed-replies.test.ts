import { describe, expect, test } from '@jest/globals';
import type { Message, Thread } from '@threadwire/protocol';
import { owedReplies } from '../../../../server/src/responder/owed-replies.ts';

const start = Date.parse('2026-01-15T09:30:00.000Z');
const timeAt = (minutes: number): string => new Date(start + minutes * 60_000).toISOString();

/** A message that came so many minutes after the start of the conversation. */
function question(id: string, minutes: number, fields: Partial<Message> = {}): Message {
  return {
    id,
    thread_id: 't',
    position: 1,
    seq: 1,
    message_id: `key of ${id}`,
    sender: { id: 'ada' },
    role: 'user',
    content: 'hello',
    metadata: {},
    status: 'complete',
    created_at: timeAt(minutes),
    updated_at: timeAt(minutes),
    ...fields,
  };
}

/** The reply to a message, which began and ended at these minutes. */
function reply(to: string, from: number, until: number, fields: Partial<Message> = {}): Message {
  return question(`reply to ${to}`, from, {
    message_id: `reply:${to}`,
    sender: { id: 'assistant' },
    role: 'assistant',
    updated_at: timeAt(until),
    ...fields,
  });
}

/** What is owed in a thread that was last changed, by whatever, at that minute, when a server starts at another. */
function owed(messages: Message[], changedAt: number, startedAt = 30): string[] {
  const thread: Thread = {
    id: 't',
    title: '',
    members: [],
    metadata: { responder: {} },
    created_by: 'ada',
    created_at: timeAt(0),
    updated_at: timeAt(changedAt),
    head_seq: 1,
  };
  return owedReplies(thread, messages, start + startedAt * 60_000).map(({ id }) => id);
}

describe('a reply is owed', () => {
  test('to what came in the last moments of its thread, however long ago they were', () => {
    expect(owed([question('old', 0), question('a', 9.9), question('b', 10)], 10)).toEqual(['a', 'b']);
  });

  test('where the thread has changed since the start', () => {
    expect(owed([question('a', 10), question('new', 31)], 31)).toEqual(['a', 'new']);
    expect(owed([question('a', 10, { updated_at: timeAt(32) })], 31)).toEqual(['a']);
  });

  test('to what came while another was under way, since it had to wait for that', () => {
    const messages = [question('a', 0), reply('a', 0, 5), question('b', 1), question('c', 5)];
    expect(owed(messages, 20)).toEqual(['b', 'c']);
    const broken = [question('a', 0), question('b', 1), reply('a', 0, 0, { status: 'streaming' })];
    expect(owed(broken, 20)).toEqual(['b']);
  });
});

describe('no reply is owed', () => {
  test('to what came before somebody was asked to answer', () => {
    expect(owed([question('a', 0), question('b', 1), question('c', 2)], 10)).toEqual([]);
  });

  test('to what came while nobody was asked, between two that were answered', () => {
    const messages = [question('a', 0), reply('a', 0, 1), question('b', 2), question('c', 9), reply('c', 9, 10)];
    expect(owed(messages, 10)).toEqual([]);
  });

  test('a second time, whatever became of the first', () => {
    const messages = [question('a', 10), reply('a', 10, 10, { status: 'deleted', content: '' })];
    expect(owed(messages, 10)).toEqual([]);
  });

  test.each([
    ['what is no question', { role: 'tool' }],
    ['what was deleted', { status: 'deleted' }],
    ['what the assistant said', { sender: { id: 'assistant' } }],
  ] as const)('to %s', (_what, fields) => {
    expect(owed([question('a', 10, fields)], 10)).toEqual([]);
  });
});
