import { describe, expect, test } from '@jest/globals';
import mongoose from 'mongoose';
import { duplicateKey, isUnavailable } from '../../../server/src/store/mongo/errors.ts';

const { MongoBulkWriteError, MongoServerError } = mongoose.mongo;

const refusedBy = (index: string): string =>
  `E11000 duplicate key error collection: threadwire.messages index: ${index} dup key: { thread_id: "t", seq: 7 }`;

/** An ordered bulk that an index refused at an op; with what went wrong about the ops before it, if anything. */
function bulkError(index: string, at: number, writeConcernError?: string): Error {
  const refusal = { message: refusedBy(index), code: 11_000, writeErrors: [{ index: at }] as never };
  return new MongoBulkWriteError(refusal, { getWriteConcernError: () => writeConcernError } as never);
}

describe('a write that a unique index refused', () => {
  test.each([
    ['_id_', 'id'],
    ['thread_sender_message', 'key'],
    ['thread_seq', 'seq'],
    ['thread_taken', 'seq'],
    ['thread_position', 'seq'],
  ])('tells which one: by %s it is %s', (index, means) => {
    const error = new MongoServerError({ message: refusedBy(index), code: 11_000 });
    expect(duplicateKey(error)).toEqual({ index: means, at: 0 });
    expect(isUnavailable(error)).toBe(false);
    expect(duplicateKey(bulkError(index, 3))).toEqual({ index: means, at: 3 });
  });

  test('by an index that is not ours is none that we know', () => {
    expect(duplicateKey(new MongoServerError({ message: refusedBy('other'), code: 11_000 }))).toBeUndefined();
    expect(duplicateKey(new MongoServerError({ message: refusedBy('thread_seq'), code: 121 }))).toBeUndefined();
    expect(duplicateKey(new Error(refusedBy('thread_seq')))).toBeUndefined();
  });

  test('in a bulk whose first ops may not be durable leaves unknown what is stored', () => {
    const error = bulkError('thread_seq', 3, 'waiting for replication timed out');
    expect(duplicateKey(error)).toBeUndefined();
    expect(isUnavailable(error)).toBe(true);
  });
});
