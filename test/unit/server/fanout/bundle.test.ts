import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Bundle } from '../../../../server/src/fanout/bundle.ts';
import type { Batch } from '../../../../server/src/fanout/bundle.ts';
import { Frame, joinFrames } from '../../../../server/src/fanout/frame.ts';

function batchOf(...orders: readonly number[]): Batch {
  return orders.map((order) => new Frame(order, `text ${order}`));
}

function ordersOf(bundle: Bundle): number[] {
  return bundle.frames.map(({ order }) => order);
}

test('a bundle is empty until it has a batch', () => {
  const empty = Bundle.empty();
  expect(empty.isEmpty).toBe(true);
  expect(empty.plus(batchOf(1)).isEmpty).toBe(false);
  expect(empty.isEmpty).toBe(true);
  expect(empty.frames).toEqual([]);
});

test('batches that are equal but not the same are not taken for each other', () => {
  const empty = Bundle.empty();
  const [one, other] = [batchOf(1), batchOf(1)];
  expect(empty.plus(one)).not.toBe(empty.plus(other));
  expect(empty.plus(one)).toBe(empty.plus(one));
});

test('a bundle does not change by what is added to it', () => {
  const [a, b, c] = [batchOf(0, 4), batchOf(1), batchOf(2, 3)];
  const bundle = Bundle.empty().plus(a);
  expect(ordersOf(bundle.plus(b))).toEqual([0, 1, 4]);
  expect(ordersOf(bundle.plus(c))).toEqual([0, 2, 3, 4]);
  expect(ordersOf(bundle)).toEqual([0, 4]);
  expect(a.map(({ order }) => order)).toEqual([0, 4]);
});

describe('whatever rooms get and connections are due', () => {
  /** To which of a few rooms each frame went; the rooms that each connection is in. */
  const turns = fc.record({
    frames: fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 30 }),
    memberships: fc.array(fc.subarray([0, 1, 2, 3, 4]), { minLength: 1, maxLength: 20 }),
  });

  test('each has the frames of its rooms, in the order in which they were sent, and shares them with its like', () => {
    fc.assert(
      fc.property(turns, ({ frames, memberships }) => {
        const batches = [0, 1, 2, 3, 4].map((room) =>
          batchOf(...frames.flatMap((to, order) => (to === room ? [order] : []))),
        );
        const empty = Bundle.empty();
        const bundles = memberships.map((rooms) => rooms.reduce((bundle, room) => bundle.plus(batches[room]!), empty));
        const bySet = new Map<string, Bundle>();
        for (const [i, bundle] of bundles.entries()) {
          const rooms = memberships[i]!;
          const due = frames.flatMap((to, order) => (rooms.includes(to) ? [order] : []));
          expect(ordersOf(bundle)).toEqual(due);
          const same = bySet.get(rooms.join()) ?? bundle;
          bySet.set(rooms.join(), same);
          expect(bundle).toBe(same);
          expect(bundle.joined).toBe(same.joined);
          expect(bundle.joined).toEqual(joinFrames(bundle.frames));
        }
        expect(new Set(bundles).size).toBe(bySet.size);
      }),
    );
  });

  test('connections that are dealt their batches in turns share them, too', () => {
    const [a, b] = [batchOf(0, 3), batchOf(1, 2)];
    const empty = Bundle.empty();
    // Room after room, and in each one member after the other.
    const [first, second, third] = [empty.plus(a), empty.plus(a), empty];
    const dealt = [first.plus(b), second.plus(b), third.plus(b)];
    expect(dealt[0]).toBe(dealt[1]);
    expect(dealt.map(ordersOf)).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3],
      [1, 2],
    ]);
  });
});

test('a turn may have very many events', () => {
  const count = 150_000;
  const many = Array.from({ length: count }, (_, order) => new Frame(order, ''));
  const bundle = Bundle.empty().plus(many).plus(batchOf(count));
  expect(bundle.frames).toHaveLength(count + 1);
});

test('a connection may be in very many rooms', () => {
  const count = 20_000;
  let bundle = Bundle.empty();
  for (let order = count - 1; order >= 0; order -= 1) bundle = bundle.plus([new Frame(order, '')]);
  expect(ordersOf(bundle)).toEqual(Array.from({ length: count }, (_, order) => order));
});
