import mongoose from 'mongoose';
import { StoreUnavailable } from '../thread-store.ts';
import { messageIndexes } from './documents.ts';

const { MongoBulkWriteError, MongoError, MongoServerError } = mongoose.mongo;

/** Driver errors that mean: not reached, not answered, or not by a server that may write. */
const unavailableNames = new Set([
  'MongoServerSelectionError',
  'MongooseServerSelectionError',
  'MongoNetworkError',
  'MongoNetworkTimeoutError',
  'MongoNotConnectedError',
  'MongoOperationTimeoutError',
  'MongoPoolClearedError',
  'MongoPoolClearedOnNetworkError',
  'MongoPoolClosedError',
  'MongoServerClosedError',
  'MongoStalePrimaryError',
  'MongoTopologyClosedError',
  'MongoClientClosedError',
  'MongoExpiredSessionError',
  'MongoWaitQueueTimeoutError',
  'MongoWriteConcernError',
]);

/** Server errors that pass: steps down or shuts down, out of time, write concern not met, disk full, overloaded. */
const unavailableCodes = new Set([
  6, 7, 24, 50, 64, 89, 91, 100, 112, 134, 189, 202, 246, 262, 317, 462, 9001, 10058, 10107, 11600, 11601, 11602, 13435,
  13436, 14031,
]);
const unavailableLabels = ['RetryableWriteError', 'RetryableError', 'SystemOverloadedError', 'NoWritesPerformed'];

/** Whether the error says that MongoDB is away or did not answer in time; the outcome of a write is then unknown. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true;
  // Mongoose refuses by itself what comes while it is not connected.
  if (error instanceof mongoose.Error) return error.name === 'MongooseError' || unavailableNames.has(error.name);
  if (!(error instanceof MongoError)) return false;
  if (unavailableNames.has(error.name) || unavailableLabels.some((label) => error.hasErrorLabel(label))) return true;
  if (error instanceof MongoBulkWriteError) {
    // Wraps whatever ended the bulk; where that was no answer of the server, it has no code.
    if (error.code === undefined || error.result.getWriteConcernError()) return true;
  }
  return error instanceof MongoServerError && typeof error.code === 'number' && unavailableCodes.has(error.code);
}

/** The error as the port wants it: {@link StoreUnavailable} where MongoDB is away, else as it is. */
export function toStoreError(error: unknown): unknown {
  if (error instanceof StoreUnavailable || !isUnavailable(error)) return error;
  return new StoreUnavailable(`MongoDB: ${withoutCredentials((error as Error).message)}`, { cause: error });
}

/** The text without the user and password of any URI in it. */
export function withoutCredentials(text: string): string {
  return text.replaceAll(/\/\/[^/@\s]*@/g, '//').replaceAll(/\s+/g, ' ');
}

/** A unique index refused a write: which one, and for an ordered bulk which op. The ops before it are stored. */
export interface DuplicateKey {
  /** `seq`: the number is taken. `key`: the message is there. `id`: a document has this `_id`. */
  readonly index: 'seq' | 'key' | 'id';
  readonly at: number;
}

/** Reads from a driver error which unique index refused; undefined for any other error. */
export function duplicateKey(error: unknown): DuplicateKey | undefined {
  if (!(error instanceof MongoServerError) || error.code !== 11_000) return undefined;
  let at = 0;
  if (error instanceof MongoBulkWriteError) {
    // What was stored before it may not be durable.
    if (error.result.getWriteConcernError()) return undefined;
    const [refused] = [error.writeErrors].flat();
    if (!refused) return undefined;
    at = refused.index;
  }
  // The name comes before any text of a user's.
  const name = / index: (\S+) dup key/.exec(error.message)?.[1] ?? '';
  switch (name) {
    case '_id_':
      return { index: 'id', at };
    case messageIndexes.key:
      return { index: 'key', at };
    case messageIndexes.seq:
    case messageIndexes.taken:
    case messageIndexes.position:
      return { index: 'seq', at };
    default:
      return undefined;
  }
}
