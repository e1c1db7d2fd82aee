import { describe, expect, test } from '@jest/globals';
import { RequestError } from '../../../../server/src/request-error.ts';
import { ActiveStream } from '../../../../server/src/streams/active-stream.ts';
import { FakeProducer } from './fake-producer.ts';

function setUp(content = '') {
  const stream = new ActiveStream({
    id: 's',
    threadId: 't',
    position: 1,
    senderId: 'bot',
    messageId: 'm',
    content,
    epoch: 1,
    producer: new FakeProducer('bot'),
    now: 0,
  });
  const answers: string[] = [];
  /** Waits for the text up to `end`, and notes the answer when it comes. */
  const wait = (end: number): void => {
    stream.whenStored(end, {
      stored: (length) => answers.push(`${end}: ${length}`),
      refused: (error) => answers.push(`${end}: ${(error as Error).message}`),
    });
  };
  return { stream, answers, wait };
}

describe('who waits for text to be stored', () => {
  test('is refused where the other half of a pair will not come, but for those who do not wait for it', () => {
    const { stream, answers, wait } = setUp('ab');
    stream.text.accept(2, 'c\uD83D');
    for (const end of [3, 4, 4]) wait(end);
    stream.rejectHalf(new RequestError('unavailable', 'gone'));
    expect(answers).toEqual(['4: gone', '4: gone']);
    stream.stored(3);
    expect(answers.at(-1)).toBe('3: 3');
  });

  test('is answered in order, as soon as the store has got that far, with the length then', () => {
    const { stream, answers, wait } = setUp();
    for (const end of [2, 4, 3, 6]) wait(end);
    stream.stored(1);
    expect(answers).toEqual([]);
    stream.stored(4);
    expect(answers).toEqual(['2: 4', '4: 4', '3: 4']);
    stream.stored(9);
    expect(answers.at(-1)).toBe('6: 9');
  });

  test('is answered at once where the store has it', () => {
    const { answers, wait } = setUp('stored');
    wait(3);
    wait(6);
    expect(answers).toEqual(['3: 6', '6: 6']);
  });

  test('hears once why it will not be stored, and nobody who comes later does', () => {
    const { stream, answers, wait } = setUp();
    wait(2);
    wait(4);
    stream.stored(2);
    stream.reject(new RequestError('unavailable', 'away'));
    stream.stored(4);
    wait(5);
    stream.stored(5);
    expect(answers).toEqual(['2: 2', '4: away', '5: 5']);
  });
});

test('text that was there when it was taken up counts as announced', () => {
  const { stream } = setUp('before');
  expect([stream.announcedLength, stream.text.storedLength, stream.text.hasPart]).toEqual([6, 6, false]);
});
