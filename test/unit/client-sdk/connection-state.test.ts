import { describe, expect, test } from '@jest/globals';
import { transition } from '../../../client-sdk/src/connection-state.ts';
import type { ConnectionEvent, ConnectionState } from '../../../client-sdk/src/connection-state.ts';
import { ThreadwireError } from '../../../client-sdk/src/errors.ts';
import { sessionOf } from '../../support/sdk-fake-connection.ts';

const session = sessionOf('ada');
const other = sessionOf('bo');
const why = new ThreadwireError({ code: 'unavailable', message: 'gone', retry: 'later' });
const before = new ThreadwireError({ code: 'unauthenticated', message: 'no', retry: 'reauth' });

const states = {
  connecting: { phase: 'connecting', attempt: 3 },
  connected: { phase: 'connected', session, attempt: 3 },
  waiting: { phase: 'waiting', attempt: 3, error: before },
  closed: { phase: 'closed', error: before },
} satisfies { [P in ConnectionState['phase']]: ConnectionState };

const events = {
  session: { type: 'session', session: other },
  settled: { type: 'settled' },
  lost: { type: 'lost', error: why },
  retry: { type: 'retry' },
  open: { type: 'open' },
  close: { type: 'close', error: why },
} satisfies { [T in ConnectionEvent['type']]: ConnectionEvent };

const same = 'same';
const closed: ConnectionState = { phase: 'closed', error: why };
const lost: ConnectionState = { phase: 'waiting', attempt: 4, error: why };

const table: { [P in ConnectionState['phase']]: { [T in ConnectionEvent['type']]: ConnectionState | 'same' } } = {
  connecting: {
    session: { phase: 'connected', session: other, attempt: 3 },
    settled: same,
    lost,
    retry: same,
    open: same,
    close: closed,
  },
  connected: {
    session: same,
    settled: { phase: 'connected', session, attempt: 0 },
    lost,
    retry: same,
    open: same,
    close: closed,
  },
  waiting: {
    session: same,
    settled: same,
    lost: same,
    retry: { phase: 'connecting', attempt: 3 },
    open: same,
    close: closed,
  },
  closed: {
    session: same,
    settled: same,
    lost: same,
    retry: same,
    open: { phase: 'connecting', attempt: 0 },
    close: same,
  },
};

const rows = (Object.keys(states) as (keyof typeof states)[]).flatMap((phase) =>
  (Object.keys(events) as (keyof typeof events)[]).map((type) => [phase, type, table[phase][type]] as const),
);

describe('the connection', () => {
  test.each(rows)('%s, on %s', (phase, type, expected) => {
    const state: ConnectionState = states[phase];
    const after = transition(state, events[type]);
    if (expected === same) expect(after).toBe(state);
    else expect(after).toEqual(expected);
  });

  test('counts attempts over losses, until one has settled', () => {
    let state: ConnectionState = { phase: 'closed', error: undefined };
    const attempts = (['open', 'lost', 'retry', 'lost', 'retry', 'session', 'lost', 'retry'] as const).map((type) => {
      state = transition(state, events[type]);
      return 'attempt' in state ? state.attempt : undefined;
    });
    expect(attempts).toEqual([0, 1, 1, 2, 2, 2, 3, 3]);
    for (const type of ['session', 'settled', 'lost'] as const) state = transition(state, events[type]);
    expect(state).toEqual({ phase: 'waiting', attempt: 1, error: why });
  });
});
