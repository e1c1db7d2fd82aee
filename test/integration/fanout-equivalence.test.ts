import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyProgram } from '../support/fanout-program.ts';
import { isVolatile, outcomeOf } from '../support/fanout-run.ts';

// Whatever an application does, its clients get from our adapter what they get from Socket.IO's own.

describe('every client gets what it would have got, in the same order', () => {
  test.each([
    { over: 'WebSocket', ways: ['websocket'], numRuns: 60 },
    { over: 'WebSocket, polling, and from one to the other', ways: ['websocket', 'polling', 'upgrade'], numRuns: 12 },
  ] as const)('over $over', async ({ ways, numRuns }) => {
    await fc.assert(
      fc.asyncProperty(anyProgram({ ways }), async (program) => {
        const [gathered, stock] = await Promise.all([outcomeOf('gathered', program), outcomeOf('stock', program)]);
        expect(gathered).toEqual(stock);
      }),
      { numRuns, endOnFailure: true },
    );
  });
});

test('of volatile events some may be missing; nothing else is, and nothing comes out of order', async () => {
  await fc.assert(
    fc.asyncProperty(anyProgram({ volatile: true }), async (program) => {
      const [some, all] = await Promise.all([
        outcomeOf('gathered', program),
        outcomeOf('stock', program, { dropsNothing: true }),
      ]);
      const received = all.received.map((events, i) => {
        const came = new Set(some.received[i]);
        return events.filter((event) => !isVolatile(event) || came.has(event));
      });
      expect(some).toEqual({ ...all, received });
    }),
    { numRuns: 16, endOnFailure: true },
  );
});
