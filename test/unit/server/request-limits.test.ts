import { expect, test } from '@jest/globals';
import type { Request } from 'express';
import type { Identity } from '../../../server/src/connection/authenticate.ts';
import { RequestLimits } from '../../../server/src/http/request-limits.ts';
import { RequestError } from '../../../server/src/request-error.ts';
import { actorOf, identityOf } from '../../support/fake-services.ts';
import { ManualClock } from '../../support/manual-clock.ts';

function setUp(perSecond = 10) {
  const clock = new ManualClock();
  const limits = new RequestLimits(perSecond, clock.now);
  /** How many requests come through before one is refused; and what the refusal says. */
  const burst = (socket: object, identity: Identity): [number, unknown] => {
    for (let count = 0; count < 1000; count++) {
      try {
        limits.admit({ socket } as Request, identity);
      } catch (error) {
        expect(error).toBeInstanceOf(RequestError);
        return [count, (error as RequestError).toObject()];
      }
    }
    return [1000, undefined];
  };
  return { clock, burst };
}

const ada = identityOf(actorOf('ada'), Number.MAX_SAFE_INTEGER);
const bo = identityOf(actorOf('bo'), Number.MAX_SAFE_INTEGER);
const anonymous = identityOf(actorOf('ada'));

test('a user with a token has one limit over all connections', () => {
  const { burst } = setUp();
  expect(burst({}, ada)).toEqual([40, expect.objectContaining({ code: 'rate_limited', retry_after_ms: 100 })]);
  expect(burst({}, ada)[0]).toBe(0);
  expect(burst({}, bo)[0]).toBe(40);
});

test('without tokens each TCP connection has one, whatever names are used on it', () => {
  const { burst } = setUp();
  const socket = {};
  expect(burst(socket, anonymous)[0]).toBe(40);
  expect(burst(socket, identityOf(actorOf('somebody else')))[0]).toBe(0);
  expect(burst({}, anonymous)[0]).toBe(40);
});

test('whoever waits may go on', async () => {
  const { clock, burst } = setUp();
  burst({}, ada);
  await clock.advance(100);
  expect(burst({}, ada)[0]).toBe(1);
  await clock.advance(1000);
  expect(burst({}, ada)[0]).toBe(10);
});

test('a user who stays away is forgotten, and has no more than a burst afterwards', async () => {
  const { clock, burst } = setUp();
  burst({}, ada);
  for (let minute = 0; minute < 3; minute++) {
    await clock.advance(61_000);
    expect(burst({}, bo)[0]).toBe(40);
  }
  expect(burst({}, ada)[0]).toBe(40);
});

test('the sweep does not hand a fresh burst to a user who is at it', async () => {
  const { clock, burst } = setUp(1);
  for (let i = 0; i < 200; i++) {
    await clock.advance(1000);
    expect(burst({}, ada)[0]).toBe(i === 0 ? 4 : 1);
  }
});

test('a limit of 0 is none', () => {
  const { burst } = setUp(0);
  expect(burst({}, ada)).toEqual([1000, undefined]);
  expect(burst({}, anonymous)).toEqual([1000, undefined]);
});
