import { describe, expect, test } from '@jest/globals';
import { TokenRenewal } from '../../../client-sdk/src/token-renewal.ts';
import { turn } from '../../support/manual-clock.ts';
import { SdkClock } from '../../support/sdk-clock.ts';
import { FakeConnection } from '../../support/sdk-fake-connection.ts';

const user = { id: 'ada' };

function setUp() {
  const connection = new FakeConnection();
  connection.connect();
  const clock = new SdkClock();
  const tokens = { next: (): Promise<string | undefined> => Promise.resolve('new'), asked: 0 };
  const renewal = new TokenRenewal(connection, clock, () => {
    tokens.asked += 1;
    return tokens.next();
  });
  const inMs = (ms: number) => new Date(clock.now() + ms).toISOString();
  return { connection, clock, tokens, renewal, inMs };
}

describe('a token', () => {
  test.each([
    [3_600_000, 3_540_000],
    [600_000, 540_000],
    [300_000, 270_000],
    [30_000, 27_000],
    // Not all the time, whatever the clocks say.
    [8000, 10_000],
    [-60_000, 10_000],
  ])('that lives %i ms is replaced after %i ms', async (livesMs, renewedMs) => {
    const { connection, clock, renewal, inMs } = setUp();
    renewal.schedule(inMs(livesMs));
    expect(clock.pending).toEqual([renewedMs]);
    await clock.advance(renewedMs);
    expect(connection.take('reauth').payload).toEqual({ token: 'new' });
  });

  test('that never runs out is left alone, and one of a distant time does not overflow the timer', () => {
    const { clock, renewal, inMs } = setUp();
    renewal.schedule(undefined);
    expect(clock.pending).toEqual([]);
    renewal.schedule(inMs(1e12));
    expect(clock.pending).toEqual([2 ** 31 - 1]);
  });

  test('is replaced by the next before that runs out too', async () => {
    const { connection, clock, renewal, inMs } = setUp();
    renewal.schedule(inMs(600_000));
    await clock.advance(540_000);
    connection.take('reauth').ok({ user, expires_at: inMs(300_000) });
    expect(clock.pending).toEqual([270_000]);
  });

  test('without an end makes an end of it', async () => {
    const { connection, clock, renewal } = setUp();
    renewal.renew();
    await turn();
    connection.take('reauth').ok({ user });
    expect(clock.pending).toEqual([]);
  });
});

describe('a renewal that fails', () => {
  test('because the token is refused or cannot be had is tried again soon', async () => {
    const { connection, clock, tokens, renewal } = setUp();
    renewal.renew();
    await turn();
    connection.take('reauth').refuse({ code: 'unauthenticated' });
    expect(clock.pending).toEqual([10_000]);
    tokens.next = () => Promise.reject(new Error('no network'));
    await clock.advance(10_000);
    expect([connection.untaken, clock.pending, tokens.asked]).toEqual([[], [10_000], 2]);
    tokens.next = () => Promise.resolve('newer');
    await clock.advance(10_000);
    expect(connection.take('reauth').payload).toEqual({ token: 'newer' });
  });
});

describe('a renewal under way', () => {
  test('means nothing after the connection has gone', async () => {
    const { connection, clock, tokens, renewal } = setUp();
    let give = (_token: string): void => undefined;
    tokens.next = () =>
      new Promise((resolve) => {
        give = resolve;
      });
    renewal.renew();
    renewal.cancel();
    give('late');
    await turn();
    expect(connection.sent).toEqual([]);
    renewal.renew();
    connection.lose();
    give('late');
    await turn();
    expect([connection.sent, clock.pending]).toEqual([[], []]);
  });

  test('means nothing after the next has begun', async () => {
    const { connection, clock, renewal, inMs } = setUp();
    renewal.renew();
    await turn();
    const first = connection.take('reauth');
    renewal.renew();
    await turn();
    first.ok({ user, expires_at: inMs(1000) });
    first.refuse({ code: 'unauthenticated' });
    expect(clock.pending).toEqual([]);
    connection.take('reauth').ok({ user, expires_at: inMs(600_000) });
    expect(clock.pending).toEqual([540_000]);
  });
});
