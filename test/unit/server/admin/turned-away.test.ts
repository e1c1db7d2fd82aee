import { expect, test } from '@jest/globals';
import { Audit } from '../../../../server/src/admin/audit.ts';
import { TurnedAway } from '../../../../server/src/admin/turned-away.ts';
import { createLogger } from '../../../../server/src/logger.ts';
import type { AuditEntry } from '../../../../server/src/store/thread-store.ts';
import { upTo } from '../../../support/store-ops.ts';

function setUp() {
  const entries: AuditEntry[] = [];
  const due: { readonly callback: () => void; readonly delayMs: number }[] = [];
  const audit = new Audit({
    store: { appendAudit: async (some) => void entries.push(...some), audit: async () => [] },
    logger: createLogger('silent'),
    newId: () => String(entries.length),
    now: () => 0,
    schedule: () => undefined,
  });
  const turnedAway = new TurnedAway({ audit, schedule: (callback, delayMs) => due.push({ callback, delayMs }) });
  return {
    turnedAway,
    due,
    noted: async () => {
      await audit.flush();
      return entries.map(({ action, outcome, address, detail }) => [action, outcome, address, detail]);
    },
  };
}

test('a flood is noted once a minute, with how many there were', async () => {
  const { turnedAway, due, noted } = setUp();
  for (const n of upTo(300)) turnedAway.add(`10.0.0.${n}`);
  expect(due.map(({ delayMs }) => delayMs)).toEqual([60_000]);
  expect(await noted()).toEqual([]);
  due.shift()!.callback();
  const first = ['login', 'refused', '10.0.0.300', '300 turned away within a minute, the last one from this address'];
  expect(await noted()).toEqual([first]);
  turnedAway.add('10.0.0.1');
  expect(due).toHaveLength(1);
  due.shift()!.callback();
  expect(await noted()).toEqual([first, ['login', 'refused', '10.0.0.1', 'turned away: too many logins']]);
});

test('what has not been noted yet is noted when the server closes, and then not again', async () => {
  const { turnedAway, due, noted } = setUp();
  turnedAway.note();
  turnedAway.add('10.0.0.1');
  turnedAway.note();
  due.shift()!.callback();
  expect(await noted()).toHaveLength(1);
});
