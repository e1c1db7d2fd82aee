import type { JsonObject } from '@threadwire/protocol';

/** What becomes of the replies under way in a thread when another message comes. */
export type Overlap =
  /** Each reply begins when the one before it has ended. */
  | 'queue'
  /** The new one takes the place of all others. */
  | 'cancel_previous'
  /** All at the same time. */
  | 'concurrent';

const overlaps: readonly unknown[] = ['queue', 'cancel_previous', 'concurrent'] satisfies Overlap[];

/** What a thread's metadata asks for: `responder: { overlap }`; undefined where nobody is to answer in it. */
export function overlapOf({ responder }: JsonObject): Overlap | undefined {
  if (typeof responder !== 'object' || responder === null || Array.isArray(responder)) return undefined;
  const { overlap = 'queue' } = responder;
  return overlaps.includes(overlap) ? (overlap as Overlap) : undefined;
}
