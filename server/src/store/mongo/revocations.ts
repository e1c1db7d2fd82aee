import type { Revocation } from '../thread-store.ts';
import { bounded } from './connect.ts';
import type { Collections } from './connect.ts';
import type { RevocationDocument } from './documents.ts';

/** See the port. */
export async function revoke({ revocations }: Collections, { userId, at, ...fields }: Revocation): Promise<void> {
  await revocations.bulkWrite([
    { updateOne: { filter: { _id: userId }, update: { $set: { at: new Date(at), ...fields } }, upsert: true } },
  ]);
}

/** See the port. */
export async function restore({ revocations }: Collections, userId: string): Promise<void> {
  await revocations.deleteOne({ _id: userId });
}

/** See the port. */
export async function readRevocations({ revocations }: Collections): Promise<Revocation[]> {
  const documents = await revocations.find({}, null, bounded).sort({ _id: 1 }).lean<RevocationDocument[]>();
  return documents.map(({ _id: userId, at, operator, reason }) => ({ userId, at: at.getTime(), operator, reason }));
}
