import { expect, test } from '@jest/globals';
import { Revocations } from '../../../../server/src/admin/revocations.ts';
import type { Authenticator } from '../../../../server/src/connection/authenticate.ts';
import { createLogger } from '../../../../server/src/logger.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryStore } from '../../../support/memory-store.ts';

function setUp({ isShared = true } = {}) {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const told: string[] = [];
  const revocations = new Revocations({
    store: {
      kind: isShared ? 'mongodb' : 'embedded',
      revoke: (revocation) => store.revoke(revocation),
      restore: (userId) => store.restore(userId),
      revocations: () => store.revocations(),
    },
    onRevoked: (userIds) => told.push(...userIds),
    logger: createLogger('silent'),
    schedule: clock.schedule,
  });
  return { clock, store, revocations, told };
}

const of = (userId: string) => ({ userId, at: 1, operator: 'admin', reason: '' });
const authenticator: Authenticator = {
  anonymous: true,
  identify: async ({ user = 'anon' }) => ({ user: { id: user }, actor: { id: user, agent: true, admin: false } }),
};

test('whoever is revoked is identified no more, until restored', async () => {
  const { revocations, store } = setUp();
  await revocations.start();
  const guarded = revocations.guard(authenticator);
  await revocations.revoke(of('bob'));
  await revocations.revoke(of('ann'));
  await expect(guarded.identify({ user: 'ann' })).rejects.toMatchObject({ code: 'forbidden' });
  expect(await guarded.identify({ user: 'zoe' })).toMatchObject({ actor: { id: 'zoe' } });
  expect([revocations.has('ann'), revocations.has('zoe')]).toEqual([true, false]);
  expect(revocations.all.map(({ userId }) => userId)).toEqual(['ann', 'bob']);
  await revocations.restore('ann');
  expect(await guarded.identify({ user: 'ann' })).toMatchObject({ actor: { id: 'ann' } });
  expect(await store.revocations()).toEqual([of('bob')]);
});

test('what another process revokes and restores is known five seconds later', async () => {
  const { clock, store, revocations, told } = setUp();
  await store.revoke(of('bob'));
  await revocations.start();
  expect([revocations.has('bob'), told.splice(0)]).toEqual([true, ['bob']]);
  await store.revoke(of('ann'));
  await clock.advance(4999);
  expect(revocations.has('ann')).toBe(false);
  await clock.advance(1);
  // Only who is new is told of.
  expect([revocations.has('ann'), told.splice(0)]).toEqual([true, ['ann']]);
  await store.restore('bob');
  await clock.advance(5000);
  expect([revocations.has('bob'), told]).toEqual([false, []]);
});

test('what was read before a change is not taken for what is there after it', async () => {
  const { clock, store, revocations } = setUp();
  await revocations.start();
  const old = store.hold('revocations');
  const advanced = clock.advance(5000);
  await old.reached;
  await revocations.revoke(of('ann'));
  old.release();
  await advanced;
  expect(revocations.has('ann')).toBe(true);
});

test('a store that is away takes nothing back, and is asked again', async () => {
  const { clock, store, revocations } = setUp();
  await store.revoke(of('ann'));
  await revocations.start();
  store.isAway = true;
  await clock.advance(20_000);
  expect(revocations.has('ann')).toBe(true);
  await expect(revocations.revoke(of('bob'))).rejects.toThrow();
  expect(revocations.has('bob')).toBe(false);
  store.isAway = false;
  await store.revoke(of('eve'));
  await clock.advance(5000);
  expect(revocations.has('eve')).toBe(true);
});

test('a process that has its store to itself does not ask again; neither does one that has stopped', async () => {
  const own = setUp({ isShared: false });
  await own.revocations.start();
  expect(own.clock.pending).toEqual([]);
  const shared = setUp();
  await shared.revocations.start();
  shared.revocations.stop();
  await shared.clock.advance(60_000);
  expect(shared.clock.pending).toEqual([]);
});
