import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { watchExpiry } from '../../../server/src/connection/expiry.ts';
import { FakeApp, actorOf, identityOf } from '../../support/fake-services.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const ada = actorOf('ada');

function setUp() {
  const app = new FakeApp();
  let now = 1000;
  const stop = watchExpiry(app.services.rooms, () => now);
  return {
    app,
    stop,
    pass: (ms: number): void => {
      now += ms;
      jest.advanceTimersByTime(ms);
    },
  };
}

test('a connection ends soon after its token has run out, and is told first', () => {
  const { app, pass, stop } = setUp();
  const { link } = app.connect(ada, 4000);
  pass(2500);
  expect(link.state).toBe('open');
  pass(1000);
  expect(link.received).toEqual([
    ['error', expect.objectContaining({ code: 'token_expired', retry: 'reauth', fatal: true })],
  ]);
  expect(link.state).toBe('disconnected');
  pass(10_000);
  expect(link.received).toHaveLength(1);
  stop();
});

test('the others stay: those with time left, with a newer token, or without one', () => {
  const { app, pass, stop } = setUp();
  const [later, renewed, anonymous] = [app.connect(ada, 9000), app.connect(ada, 2000), app.connect(ada)];
  renewed.connection.renew(identityOf(ada, 9000));
  pass(5000);
  expect([later, renewed, anonymous].map(({ link }) => link.state)).toEqual(['open', 'open', 'open']);
  stop();
});

test('nothing is ended after it was stopped', () => {
  const { app, pass, stop } = setUp();
  const { link } = app.connect(ada, 2000);
  stop();
  pass(60_000);
  expect([link.state, jest.getTimerCount()]).toEqual(['open', 0]);
});
