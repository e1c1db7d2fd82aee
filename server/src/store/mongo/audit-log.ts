import type { AuditEntry } from '../thread-store.ts';
import { bounded } from './connect.ts';
import type { Collections } from './connect.ts';
import type { AuditDocument } from './documents.ts';

/** Adds to the operators' log; see the port. */
export async function appendAudit({ audit }: Collections, entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  // One that was added by an attempt whose answer was lost is left as it is.
  const writes = entries.map(({ id, at, ...fields }) => ({
    updateOne: { filter: { _id: id }, update: { $setOnInsert: { at: new Date(at), ...fields } }, upsert: true },
  }));
  await audit.bulkWrite(writes, { ordered: true });
}

/** The newest of the operators' log; see the port. */
export async function readAudit({ audit }: Collections, limit: number, before?: string): Promise<AuditEntry[]> {
  const documents = await audit
    .find(before === undefined ? {} : { _id: { $lt: before } }, null, bounded)
    .sort({ _id: -1 })
    .limit(limit)
    .lean<AuditDocument[]>();
  return documents.map(({ _id: id, at, ...fields }) => ({ id, at: at.getTime(), ...fields }));
}
