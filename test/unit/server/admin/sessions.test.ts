import { expect, test } from '@jest/globals';
import { endedCookie, sessionCookie, tokenOf } from '../../../../server/src/admin/session-cookie.ts';
import { Sessions, sessionMs } from '../../../../server/src/admin/sessions.ts';
import type { OperatorSession } from '../../../../server/src/admin/sessions.ts';
import { upTo } from '../../../support/store-ops.ts';

function setUp() {
  const clock = { now: 1_000_000 };
  const ended: OperatorSession[] = [];
  return {
    clock,
    ended,
    sessions: new Sessions(
      () => clock.now,
      (session) => ended.push(session),
    ),
  };
}

test('a session is found by its token, and by nothing else', () => {
  const { sessions } = setUp();
  const one = sessions.start('admin', '127.0.0.1');
  const two = sessions.start('admin', '127.0.0.1');
  expect(one.token).toMatch(/^[\w-]{43}$/);
  expect(one.token).not.toBe(two.token);
  expect(sessions.find(one.token)).toBe(one.session);
  for (const token of [undefined, '', one.session.id, `${one.token.slice(0, -1)}.`, one.token.toLowerCase()]) {
    expect(sessions.find(token)).toBeUndefined();
  }
  expect(JSON.stringify(one.session)).not.toContain(one.token);
});

test('a session lasts twelve hours, however much it is used', () => {
  const { clock, sessions } = setUp();
  const { token, session } = sessions.start('admin', '127.0.0.1');
  clock.now += sessionMs - 1;
  expect([sessions.find(token), sessions.holds(session)]).toEqual([session, true]);
  clock.now += 1;
  expect([sessions.find(token), sessions.holds(session)]).toEqual([undefined, false]);
  expect(sessionMs).toBe(12 * 60 * 60 * 1000);
});

test('a logout ends one session, once, and tells of it', () => {
  const { sessions, ended } = setUp();
  const one = sessions.start('admin', '127.0.0.1');
  const two = sessions.start('admin', '127.0.0.1');
  sessions.end(one.token);
  sessions.end(one.token);
  sessions.end('unknown');
  expect(ended).toEqual([one.session]);
  expect([sessions.find(one.token), sessions.find(two.token)]).toEqual([undefined, two.session]);
});

test('of a hundred the oldest makes room for one more', () => {
  const { sessions, ended } = setUp();
  const all = upTo(101).map(() => sessions.start('admin', '127.0.0.1'));
  expect(ended).toEqual([all[0]!.session]);
  expect(all.filter(({ token }) => sessions.find(token))).toHaveLength(100);
});

test('the cookie is out of reach for scripts and other sites, and is read among others', () => {
  const token = 'A'.repeat(43);
  expect(sessionCookie(token, false)).toBe(
    `threadwire_operator=${token}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict`,
  );
  expect(sessionCookie(token, true)).toMatch(/; Secure$/);
  expect(endedCookie(false)).toMatch(/^threadwire_operator=; Path=\/; Max-Age=0;/);
  const tokenIn = (cookie?: string) => tokenOf({ headers: { cookie } });
  expect(tokenIn(`a=b; threadwire_operator=${token};c=d`)).toBe(token);
  for (const cookie of [
    undefined,
    '',
    'threadwire_operator',
    'threadwire_operator=x',
    `x_threadwire_operator=${token}`,
  ]) {
    expect(tokenIn(cookie)).toBeUndefined();
  }
});
