import type { Thread } from '@threadwire/protocol';
import type { PipelineStage } from 'mongoose';
import type { ThreadAccess } from '../../threads/access.ts';
import { bounded } from './connect.ts';
import type { Collections } from './connect.ts';
import { noHead, toThread } from './documents.ts';
import type { Head, MessageDocument, ThreadDocument } from './documents.ts';
import type { Heads } from './heads.ts';

/** Ids in one query: each has its own time limit, so that a slow server can answer for many threads too. */
const maxIds = 200;

/** Adds the newest message of each thread: one step in the index each. */
const withHead: PipelineStage.Lookup = {
  $lookup: {
    from: 'messages',
    localField: '_id',
    foreignField: 'thread_id',
    pipeline: [{ $sort: { seq: -1 } }, { $limit: 1 }, { $project: { _id: 0, seq: 1, active_at: 1 } }],
    as: 'head',
  },
};

interface WithHead {
  readonly head?: readonly Pick<MessageDocument, 'seq' | 'active_at'>[];
}

function headOf({ head }: WithHead): Head {
  const newest = head?.[0];
  return newest ? { seq: newest.seq, activeAt: newest.active_at.getTime() } : noHead;
}

/** Threads by id, with exact `head_seq` and `updated_at`. */
export async function readThreads({ threads }: Collections, ids: Iterable<string>): Promise<Map<string, Thread>> {
  const distinct = [...new Set(ids)];
  const found = new Map<string, Thread>();
  for (let from = 0; from < distinct.length; from += maxIds) {
    const documents = await threads
      .aggregate<ThreadDocument & WithHead>([
        { $match: { _id: { $in: distinct.slice(from, from + maxIds) } } },
        withHead,
      ])
      .option(bounded);
    for (const document of documents) found.set(document._id, toThread(document, headOf(document)));
  }
  return found;
}

/** What a batch of writes needs to know of its threads, in one query; of some also the head, where it is not known. */
export async function readForWrite(
  { threads }: Collections,
  heads: Heads,
  ids: readonly string[],
  numbered: readonly string[],
): Promise<Map<string, ThreadAccess>> {
  const at = performance.now();
  const isHeadMissing = numbered.some((id) => heads.guess(id) === undefined);
  const documents = await threads
    .aggregate<Pick<ThreadDocument, '_id' | 'created_by' | 'members'> & WithHead>([
      { $match: { _id: { $in: [...ids] } } },
      { $project: { created_by: 1, members: 1 } },
      ...(isHeadMissing ? [withHead] : []),
    ])
    .option(bounded);
  const found = new Map<string, ThreadAccess>();
  for (const document of documents) {
    if (isHeadMissing) heads.remember(document._id, headOf(document), at);
    found.set(document._id, document);
  }
  return found;
}
