import { describe, expect, test } from '@jest/globals';
import { Turn } from '../../../../server/src/fanout/turn.ts';
import { turn as endOfTurn } from '../../../support/manual-clock.ts';

function setUp() {
  const turn = new Turn();
  /** What was dealt out and flushed, in order. */
  const done: string[] = [];
  const rooms: string[] = [];
  const add = (name: string, then: () => void = () => undefined): void =>
    turn.add({
      flush: () => {
        done.push(name);
        then();
      },
    });
  turn.onDeal(() => {
    for (const room of rooms.splice(0)) {
      done.push(`deal ${room}`);
      add(room);
    }
  });
  return {
    turn,
    done,
    /** Something is sent to a connection. */
    send: (name: string, then?: () => void): void => {
      turn.nextOrder();
      add(name, then);
    },
    /** Something is sent to a room. */
    sendToRoom: (room: string): void => {
      turn.nextOrder();
      rooms.push(room);
    },
  };
}

describe('the end of a turn', () => {
  test('comes after what this turn does by promises and ticks', async () => {
    const { done, send, sendToRoom } = setUp();
    send('a');
    await Promise.resolve();
    sendToRoom('room');
    await new Promise<void>((resolve) => {
      process.nextTick(resolve);
    });
    send('b');
    expect(done).toEqual([]);
    await endOfTurn();
    expect(done.toSorted()).toEqual(['a', 'b', 'deal room', 'room']);
    expect(done[0]).toBe('deal room');
  });

  test('comes once, however much was sent, and again when something is sent again', async () => {
    const { done, send } = setUp();
    send('a');
    send('b');
    await endOfTurn();
    await endOfTurn();
    expect(done).toEqual(['a', 'b']);
    send('c');
    await endOfTurn();
    expect(done).toEqual(['a', 'b', 'c']);
  });

  test('does not wait for what is sent while it comes: that has an end of its own', async () => {
    const { done, send } = setUp();
    send('a', () => send('after a'));
    send('b');
    await endOfTurn();
    await endOfTurn();
    expect(done).toEqual(['a', 'b', 'after a']);
  });

  test('comes for all that is due, even where sending some of it fails', () => {
    const { turn, done, send } = setUp();
    send('a', () => {
      throw new Error('of a');
    });
    send('b');
    expect(() => turn.end()).toThrow('of a');
    expect(done).toEqual(['a', 'b']);
  });
});

test('rooms are dealt out when it is asked for, and what they got leaves at the end of the turn', async () => {
  const { turn, done, sendToRoom } = setUp();
  sendToRoom('a');
  turn.deal();
  turn.deal();
  expect(done).toEqual(['deal a']);
  sendToRoom('b');
  await endOfTurn();
  expect(done).toEqual(['deal a', 'deal b', 'a', 'b']);
});

test('the rooms of all namespaces are dealt out', () => {
  const turn = new Turn();
  const done: string[] = [];
  for (const namespace of ['first', 'second']) turn.onDeal(() => done.push(namespace));
  turn.deal();
  expect(done).toEqual(['first', 'second']);
});

test('what is sent is numbered, through all turns', async () => {
  const turn = new Turn();
  const orders = [turn.nextOrder(), turn.nextOrder()];
  await endOfTurn();
  orders.push(turn.nextOrder());
  expect(orders).toEqual([0, 1, 2]);
  await endOfTurn();
});

test('each turn has a bundle of its own that is empty', async () => {
  const { turn, send } = setUp();
  const { empty } = turn;
  expect(turn.empty).toBe(empty);
  let inFlush: unknown;
  send('a', () => (inFlush = turn.empty));
  await endOfTurn();
  expect(turn.empty).not.toBe(empty);
  expect(turn.empty.isEmpty).toBe(true);
  // What is dealt out while this turn ends belongs to the next.
  expect(inFlush).toBe(turn.empty);
});
