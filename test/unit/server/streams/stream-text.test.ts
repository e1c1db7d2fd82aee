import { describe, expect, test } from '@jest/globals';
import { limits } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { StreamText } from '../../../../server/src/streams/stream-text.ts';

const high = '\uD83D';
const low = '\uDE00';

/** Everything that was accepted, as a stream that was told of these chunks has it. */
function textOf(...deltas: string[]): StreamText {
  const text = new StreamText('');
  for (const delta of deltas) expect(text.accept(text.length, delta)).toEqual({ do: 'accept', end: text.length });
  return text;
}

describe('a chunk', () => {
  test.each([
    ['that begins where the text ends is taken', 4, 'more', { do: 'accept', end: 8 }, 8],
    ['that repeats all of the text is no news', 0, 'text', { do: 'accept', end: 4 }, 4],
    ['that repeats some of it is no news', 1, 'ex', { do: 'accept', end: 3 }, 4],
    ['that overlaps brings the rest', 2, 'xt and', { do: 'accept', end: 8 }, 8],
    ['without text is no news', 4, '', { do: 'accept', end: 4 }, 4],
    ['beyond the end is a conflict', 5, 'more', { do: 'conflict' }, 4],
    ['beyond the end, without text, too', 5, '', { do: 'conflict' }, 4],
    ['with other text is a conflict', 1, 'EX', { do: 'conflict' }, 4],
    ['that overlaps with other text is a conflict', 2, 'xT and', { do: 'conflict' }, 4],
  ] as const)('%s', (_what, offset, delta, acceptance, length) => {
    const text = textOf('te', 'xt');
    expect(text.accept(offset, delta)).toEqual(acceptance);
    expect(text.length).toBe(length);
  });

  test('is compared with what is stored, too', () => {
    const text = new StreamText('stored');
    text.accept(6, ' and new');
    expect(text.accept(3, 'red and new')).toEqual({ do: 'accept', end: 14 });
    expect(text.accept(3, 'RED and new')).toEqual({ do: 'conflict' });
  });

  test('may fill the text up to its limit, and not further', () => {
    const text = textOf('x'.repeat(limits.maxStreamLength - 1));
    expect(text.accept(text.length, 'yy')).toEqual({ do: 'too large' });
    expect(text.length).toBe(limits.maxStreamLength - 1);
    expect(text.accept(text.length, 'y')).toEqual({ do: 'accept', end: limits.maxStreamLength });
    expect(text.accept(text.length - 1, 'y')).toEqual({ do: 'accept', end: limits.maxStreamLength });
  });
});

describe('half of a surrogate pair', () => {
  test('at the end is held until the other half comes', () => {
    const text = textOf(`a${high}`);
    expect(text.takePart()).toEqual({ offset: 0, text: 'a' });
    expect([text.hasPart, text.length]).toEqual([false, 2]);
    expect(text.accept(2, `${low}b`)).toEqual({ do: 'accept', end: 4 });
    expect(text.takePart()).toEqual({ offset: 1, text: `${high}${low}b` });
  });

  test('alone is nothing to be stored', () => {
    expect(textOf(high).hasPart).toBe(false);
  });

  test('may be repeated, with its other half or without', () => {
    const text = textOf(`a${high}`);
    expect(text.accept(1, high)).toEqual({ do: 'accept', end: 2 });
    expect(text.accept(1, `${high}${low}`)).toEqual({ do: 'accept', end: 3 });
  });

  test.each([
    ['at the beginning', '', low],
    ['after a character', 'a', low],
    ['after a whole pair', `${high}${low}`, low],
  ])('that has to be the second is malformed %s', (_where, before, delta) => {
    const text = textOf(before);
    expect(text.accept(text.length, delta)).toEqual({ do: 'malformed' });
    expect(text.length).toBe(before.length);
  });

  test.each([
    ['a character', 'b'],
    ['another first half', high],
  ])('is not followed by %s', (_what, delta) => {
    expect(textOf(`a${high}`).accept(2, delta)).toEqual({ do: 'malformed' });
  });

  test('becomes U+FFFD where no more text comes', () => {
    const text = textOf('a', high);
    text.takePart();
    text.finish();
    expect(text.takePart()).toEqual({ offset: 1, text: '\uFFFD' });
    expect(text.length).toBe(2);
  });
});

test('a text that ends whole is not changed by its end', () => {
  const text = textOf('whole');
  text.finish();
  expect(text.takePart()).toEqual({ offset: 0, text: 'whole' });
});

describe('what is to be stored', () => {
  test('is everything since text was taken last', () => {
    const text = textOf('one ', 'two ');
    expect(text.takePart()).toEqual({ offset: 0, text: 'one two ' });
    expect(text.hasPart).toBe(false);
    text.accept(8, 'three');
    expect(text.takePart()).toEqual({ offset: 8, text: 'three' });
  });

  test('is taken again from where the store ends, after a failure, with what has come since', () => {
    const text = textOf('one ');
    text.takePart();
    text.stored(4);
    text.accept(4, 'two ');
    text.takePart();
    text.accept(8, 'three');
    text.failed();
    expect(text.takePart()).toEqual({ offset: 4, text: 'two three' });
  });

  test('does not go back where an earlier part is answered later', () => {
    const text = textOf('one two');
    text.stored(7);
    text.stored(4);
    expect(text.storedLength).toBe(7);
  });
});

/** Two characters that need a pair, which share halves, among others. */
const units = fc.array(fc.constantFrom('a', 'b', 'é', '文', '😀', '😃', '🚀'), { minLength: 1, maxLength: 30 });

interface Step {
  readonly do: 'chunk' | 'repeat' | 'take' | 'stored' | 'failed';
  readonly length: number;
  readonly back: number;
}

const steps = fc.array(
  fc.record<Step>({
    do: fc.constantFrom('chunk', 'chunk', 'repeat', 'take', 'stored', 'failed'),
    length: fc.integer({ min: 0, max: 8 }),
    back: fc.integer({ min: 0, max: 12 }),
  }),
  { maxLength: 60 },
);

test('whatever happens on the way, exactly the text that was sent is stored, and never half a pair', () => {
  fc.assert(
    fc.property(units, steps, (characters, schedule) => {
      const whole = characters.join('');
      const text = new StreamText('');
      let sent = 0;
      /** What the store has: parts that begin where it ends, or before. */
      let store = '';
      let underWay: { offset: number; text: string }[] = [];
      const take = (): void => {
        if (text.hasPart) underWay.push(text.takePart());
      };
      const answer = (): void => {
        const part = underWay.shift();
        if (!part) return;
        expect(part.offset).toBeLessThanOrEqual(store.length);
        expect(part.text.isWellFormed()).toBe(true);
        store += part.text.slice(store.length - part.offset);
        text.stored(store.length);
      };
      for (const step of schedule) {
        if (step.do === 'chunk') {
          const delta = whole.slice(sent, sent + step.length);
          expect(text.accept(sent, delta)).toEqual({ do: 'accept', end: sent + delta.length });
          sent += delta.length;
        } else if (step.do === 'repeat') {
          const from = Math.max(0, sent - step.back);
          const delta = whole.slice(from, from + step.length);
          // What goes beyond the end of what was sent is new.
          expect(text.accept(from, delta).do).toBe('accept');
          sent = Math.max(sent, from + delta.length);
        } else if (step.do === 'take') {
          take();
        } else if (step.do === 'stored') {
          answer();
        } else {
          // Nobody knows whether it took effect.
          if (step.back % 2 === 0) answer();
          underWay = [];
          text.failed();
        }
        expect(text.length).toBe(sent);
        expect(text.slice(0, sent)).toBe(whole.slice(0, sent));
        expect(text.storedLength).toBe(store.length);
      }
      text.finish();
      take();
      while (underWay.length > 0) answer();
      // The end may have come in the middle of a pair.
      const ended = whole.slice(0, sent);
      expect(store).toBe(ended.isWellFormed() ? ended : `${ended.slice(0, -1)}\uFFFD`);
    }),
  );
});
