import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Emitter } from '../../../client-sdk/src/emitter.ts';

interface Events {
  readonly word: string;
  readonly number: number;
}

afterEach(() => void jest.restoreAllMocks());

function setUp() {
  const emitter = new Emitter<Events>();
  const seen: string[] = [];
  const note = (name: string) => (value: string | number) => void seen.push(`${name} ${value}`);
  return { emitter, seen, note };
}

describe('handlers', () => {
  test('are called in the order in which they were added, and only with events of their type', () => {
    const { emitter, seen, note } = setUp();
    emitter.on('word', note('a'));
    emitter.on('word', note('b'));
    emitter.on('number', note('c'));
    emitter.emit('word', 'x');
    emitter.emit('number', 1);
    expect(seen).toEqual(['a x', 'b x', 'c 1']);
  });

  test('that were given twice are called twice, and removed one by one', () => {
    const { emitter, seen, note } = setUp();
    const handler = note('a');
    const removeFirst = emitter.on('word', handler);
    const removeSecond = emitter.on('word', handler);
    emitter.emit('word', 'x');
    removeFirst();
    removeFirst();
    emitter.emit('word', 'y');
    removeSecond();
    emitter.emit('word', 'z');
    expect(seen).toEqual(['a x', 'a x', 'a y']);
  });

  test('that throw harm neither the others nor who emits; the error comes to light outside', () => {
    const { emitter, seen, note } = setUp();
    const outside: (() => void)[] = [];
    jest.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => void outside.push(callback));
    emitter.on('word', note('a'));
    emitter.on('word', () => {
      throw new Error('oops');
    });
    emitter.on('word', note('b'));
    emitter.emit('word', 'x');
    emitter.emit('word', 'y');
    expect(seen).toEqual(['a x', 'b x', 'a y', 'b y']);
    expect(outside).toHaveLength(2);
    for (const throws of outside) expect(throws).toThrow('oops');
  });

  test('removed while an event is given are given that one at the most, added ones only the next', () => {
    const { emitter, seen, note } = setUp();
    emitter.on('word', (value) => {
      seen.push(`a ${value}`);
      removeB();
      emitter.on('word', note('late'));
    });
    const removeB = emitter.on('word', note('b'));
    const removeC = emitter.on('word', (value) => {
      seen.push(`c ${value}`);
      removeC();
    });
    emitter.on('word', note('d'));
    emitter.emit('word', 'x');
    expect(seen.filter((entry) => entry !== 'b x')).toEqual(['a x', 'c x', 'd x']);
    seen.length = 0;
    emitter.emit('word', 'y');
    expect(seen).toEqual(['a y', 'd y', 'late y']);
  });

  test('removed late do not take away those that were added since', () => {
    const { emitter, seen, note } = setUp();
    const remove = emitter.on('word', note('a'));
    remove();
    emitter.on('word', note('b'));
    remove();
    emitter.emit('word', 'x');
    expect(seen).toEqual(['b x']);
  });
});
