import { expect, test } from '@jest/globals';
import { newId } from '../../../server/src/new-id.ts';

test('ids are UUIDs of version 7, each another one, that rise with the time', () => {
  const before = Date.now();
  const ids = Array.from({ length: 1000 }, newId);
  while (Date.now() <= before) ids.push(newId());
  const later = newId();
  const after = Date.now();
  expect(new Set([...ids, later]).size).toBe(ids.length + 1);
  for (const id of [...ids, later])
    expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
  expect(ids[0]! < later).toBe(true);
  const time = Number.parseInt(later.replace('-', '').slice(0, 12), 16);
  expect(time).toBeGreaterThan(before);
  expect(time).toBeLessThanOrEqual(after);
});
