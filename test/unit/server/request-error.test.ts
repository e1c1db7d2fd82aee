import { describe, expect, test } from '@jest/globals';
import { errorCodes, errorObjectSchema, errorTable } from '@threadwire/protocol';
import { RequestError, refused, toRequestError } from '../../../server/src/request-error.ts';
import { StoreUnavailable } from '../../../server/src/store/thread-store.ts';

describe('the error object', () => {
  test.each(errorCodes)('of %s has the retry class of the table', (code) => {
    const object = new RequestError(code, 'text').toObject();
    expect(object).toEqual({ code, message: 'text', retry: errorTable[code].retry });
    expect(errorObjectSchema.safeParse(object).success).toBe(true);
  });

  test('names the request, and what the error itself says goes before that', () => {
    const error = new RequestError('rate_limited', 'text', { retry_after_ms: 5, thread_id: 'own' });
    expect(error.toObject({ event: 'ping', message_id: 'm', thread_id: 'asked' })).toEqual({
      code: 'rate_limited',
      message: 'text',
      retry: 'later',
      retry_after_ms: 5,
      event: 'ping',
      message_id: 'm',
      thread_id: 'own',
    });
  });
});

describe("a store's refusal", () => {
  test('becomes the error of its code', () => {
    const error = refused({ ok: false, code: 'thread_not_found', message: 'text' }, { thread_id: 't' });
    expect(error.toObject()).toEqual({ code: 'thread_not_found', message: 'text', retry: 'never', thread_id: 't' });
  });

  test('keeps its details', () => {
    const error = refused({ ok: false, code: 'seq_conflict', message: 'text', details: { seq: 7 } });
    expect(error.toObject().details).toEqual({ seq: 7 });
  });
});

describe('whatever else was thrown', () => {
  test('stays what it is where it is an error of the protocol', () => {
    const error = new RequestError('forbidden', 'text');
    expect(toRequestError(error)).toBe(error);
  });

  test('is unavailable where the store is away, without saying how', () => {
    const { code, message, retry_after_ms } = toRequestError(new StoreUnavailable('secret-host:27017')).toObject();
    expect([code, retry_after_ms]).toEqual(['unavailable', 1000]);
    expect(message).not.toContain('secret-host');
  });

  test.each([new TypeError('secret'), 'secret', null, undefined, { code: 'forbidden', message: 'secret' }])(
    'is internal, without its text: %p',
    (thrown) => {
      const object = toRequestError(thrown).toObject();
      expect(object).toMatchObject({ code: 'internal', retry: 'later' });
      expect(JSON.stringify(object)).not.toContain('secret');
    },
  );
});
