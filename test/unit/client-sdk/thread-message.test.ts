import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { closedError } from '../../../client-sdk/src/errors.ts';
import { Requests } from '../../../client-sdk/src/requests.ts';
import { ThreadMessage } from '../../../client-sdk/src/thread-message.ts';
import { ThreadState } from '../../../client-sdk/src/thread-state.ts';
import { turn } from '../../support/manual-clock.ts';
import { SdkClock } from '../../support/sdk-clock.ts';
import { FakeConnection, codeOf, messageOf, outcome, pageOf } from '../../support/sdk-fake-connection.ts';

/** Message `m1` of a live thread, which streams. */
function setUp(content = '') {
  const connection = new FakeConnection();
  connection.connect();
  const requests = new Requests(connection, new SdkClock(), { baseMs: 500, maxMs: 20_000 });
  const state = new ThreadState('t', () => []);
  state.phase = 'live';
  state.log.recover(pageOf([], { streaming: [reply(content)], head_seq: 1 }));
  const message = new ThreadMessage(state, requests, 'm1');
  const grow = (delta: string) => {
    const offset = message.content.length;
    state.log.apply({ event: 'stream_chunk', payload: { thread_id: 't', stream_id: 'm1', offset, delta } });
    state.grown();
  };
  const end = (status: 'complete' | 'cancelled' | 'failed' | 'interrupted' = 'complete') => {
    const { length } = message.content;
    const payload = { thread_id: 't', stream_id: 'm1', seq: 2, status, length, updated_at: '' };
    state.log.apply({ event: 'stream_end', payload });
    state.changed();
  };
  const change = (changed: Message) => {
    state.log.apply({ event: 'message_updated', payload: changed });
    state.changed();
  };
  return { connection, state, message, grow, end, change };
}

function reply(content: string): Message {
  return messageOf(1, 1, { status: 'streaming', content });
}

/** The pieces that a loop was given so far, and how it ended. */
function read(message: ThreadMessage): unknown[] {
  const pieces: unknown[] = [];
  void (async () => {
    try {
      for await (const piece of message.stream()) pieces.push(piece);
      pieces.push('end');
    } catch (error) {
      pieces.push({ error: codeOf(error) });
    }
  })();
  return pieces;
}

describe('a message', () => {
  test('is as the thread holds it', () => {
    const { state, message, grow, end } = setUp('a');
    expect([message.id, message.content, message.status]).toEqual(['m1', 'a', 'streaming']);
    grow('b');
    end('failed');
    expect([message.content, message.status]).toEqual(['ab', 'failed']);
    expect(message.current).toBe(state.snapshot.messages[0]);
    const other = new ThreadMessage(state, { call: () => Promise.reject(new Error('unused')) }, 'm9');
    expect([other.current, other.content, other.status]).toEqual([undefined, '', undefined]);
  });

  test('that is cancelled shows it with the answer; again, it is the same', async () => {
    const { connection, message } = setUp('a');
    const cancelled = messageOf(1, 2, { status: 'cancelled', content: 'ab' });
    const first = message.cancel('enough');
    const request = connection.take('stream_cancel');
    expect(request.payload).toEqual({ stream_id: 'm1', reason: 'enough' });
    request.ok({ message: cancelled });
    expect([await first, message.current]).toEqual([cancelled, cancelled]);
    const second = message.cancel();
    const again = connection.take('stream_cancel');
    expect(again.payload).toEqual({ stream_id: 'm1' });
    again.ok({ message: cancelled });
    expect(await second).toEqual(cancelled);
    const third = message.cancel();
    connection.take('stream_cancel').refuse({ code: 'forbidden' });
    expect(await outcome(third)).toMatchObject({ code: 'forbidden' });
  });
});

describe('a loop over its text', () => {
  test('gets what there is, each new piece, and ends with the stream, however that ends', async () => {
    for (const status of ['complete', 'cancelled', 'failed', 'interrupted'] as const) {
      const { message, grow, end } = setUp('so far');
      const pieces = read(message);
      await turn();
      expect(pieces).toEqual(['so far']);
      grow(', so');
      await turn();
      grow(' good');
      await turn();
      end(status);
      await turn();
      expect(pieces).toEqual(['so far', ', so', ' good', 'end']);
    }
  });

  test('gets what comes at one moment, and while it is busy, as one piece', async () => {
    const { message, grow, end } = setUp();
    const iterator = message.stream()[Symbol.asyncIterator]();
    const first = iterator.next();
    grow('a');
    grow('b');
    expect(await first).toEqual({ done: false, value: 'ab' });
    grow('c');
    await turn();
    grow('d');
    end();
    expect(await iterator.next()).toEqual({ done: false, value: 'cd' });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('gets the whole text at once where the stream has ended, and nothing of an empty one', async () => {
    const { message, state, end } = setUp('all');
    end();
    state.phase = 'idle';
    const pieces = read(message);
    await turn();
    expect(pieces).toEqual(['all', 'end']);
    const empty = setUp();
    empty.end();
    const none = read(empty.message);
    await turn();
    expect(none).toEqual(['end']);
  });

  test('does not depend on another', async () => {
    const { message, grow, end } = setUp('a');
    const one = read(message);
    await turn();
    grow('b');
    const stream = message.stream();
    for await (const piece of stream) {
      expect(piece).toBe('ab');
      break;
    }
    await turn();
    end();
    await turn();
    expect(one).toEqual(['a', 'b', 'end']);
    const both: string[] = [];
    for await (const piece of stream) both.push(piece);
    expect(both).toEqual(['ab']);
  });

  test('listens only while it waits, and is left at once, also where it waits', async () => {
    const { message, state } = setUp();
    let listeners = 0;
    const onChange = state.onChange.bind(state);
    state.onChange = (listener) => {
      const stop = onChange(listener);
      listeners += 1;
      return () => {
        listeners -= 1;
        stop();
      };
    };
    const iterator = message.stream()[Symbol.asyncIterator]();
    expect(listeners).toBe(0);
    const waiting = [iterator.next(), iterator.next()];
    expect(listeners).toBe(1);
    expect(await iterator.return!()).toEqual({ done: true, value: undefined });
    expect(await Promise.all(waiting)).toEqual([{ done: true }, { done: true }]);
    expect([listeners, await iterator.next()]).toEqual([0, { done: true, value: undefined }]);
  });

  test('may be asked for the next piece before the last one came', async () => {
    const { message, grow, end } = setUp();
    const iterator = message.stream()[Symbol.asyncIterator]();
    const asked = [iterator.next(), iterator.next(), iterator.next()];
    grow('a');
    end();
    expect(await Promise.all(asked)).toEqual([{ done: false, value: 'a' }, { done: true }, { done: true }]);
  });

  test('ends where the message was deleted, or edited when the end was missed; of an edited text it gets nothing', async () => {
    for (const changed of [
      messageOf(1, 3, { status: 'deleted', content: '' }),
      messageOf(1, 3, { content: 'Another text' }),
    ]) {
      const { message, change } = setUp('One');
      const pieces = read(message);
      await turn();
      change(changed);
      await turn();
      expect(pieces).toEqual(['One', 'end']);
    }
  });

  test('gets the rest where the end was missed', async () => {
    const { message, change } = setUp('One');
    const pieces = read(message);
    await turn();
    change(messageOf(1, 2, { content: 'One, two' }));
    await turn();
    expect(pieces).toEqual(['One', ', two', 'end']);
  });

  test('waits for a message that is not there yet', async () => {
    const { state, connection } = setUp();
    const requests = new Requests(connection, new SdkClock(), { baseMs: 500, maxMs: 20_000 });
    const pieces = read(new ThreadMessage(state, requests, 'm2'));
    await turn();
    state.log.apply({ event: 'thread_message', payload: messageOf(2, 2, { content: 'here' }) });
    state.changed();
    await turn();
    expect(pieces).toEqual(['here', 'end']);
  });

  test('throws where no text can come any more', async () => {
    const reasons: [string, (state: ThreadState) => void][] = [
      ['forbidden', (state) => void Object.assign(state, { phase: 'failed', error: { code: 'forbidden' } })],
      ['closed', (state) => void Object.assign(state, { phase: 'failed', error: closedError('closed') })],
      ['closed', (state) => void (state.phase = 'idle')],
      ['message_not_found', (state) => state.log.keepNewest(0)],
    ];
    for (const [code, happens] of reasons) {
      const { message, state } = setUp('a');
      const pieces = read(message);
      await turn();
      happens(state);
      state.changed();
      await turn();
      expect(pieces).toEqual(['a', { error: code }]);
    }
  });
});
