import { expect, test } from '@jest/globals';
import { Audit } from '../../../../server/src/admin/audit.ts';
import { createLogger } from '../../../../server/src/logger.ts';
import type { AuditEntry } from '../../../../server/src/store/thread-store.ts';
import { upTo } from '../../../support/store-ops.ts';

test.each(upTo(12))('what is noted %i steps after something else is stored without more being noted', async (steps) => {
  const stored: string[] = [];
  const store = {
    appendAudit: async (entries: readonly AuditEntry[]) => void stored.push(...entries.map(({ target }) => target)),
    audit: async () => [],
  };
  let id = 0;
  const audit = new Audit({
    store,
    logger: createLogger('silent'),
    newId: () => String((id += 1)),
    now: () => 0,
    schedule: () => undefined,
  });
  const entry = { operator: 'admin', address: '::1', action: 'restore_user', outcome: 'ok', detail: '' } as const;
  audit.record({ ...entry, target: 'first' });
  for (let step = 0; step < steps; step++) await Promise.resolve();
  audit.record({ ...entry, target: 'second' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(stored).toEqual(['first', 'second']);
});
