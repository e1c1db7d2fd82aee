import { describe, expect, test } from '@jest/globals';
import { clientEvents } from '@threadwire/protocol';
import type { ErrorObject } from '@threadwire/protocol';
import type { z } from 'zod';
import { parse } from '../../../server/src/connection/parse.ts';
import { RequestError } from '../../../server/src/request-error.ts';

const send = clientEvents.send_message.payload;
const message = { thread_id: 't', content: 'hello' };

function errorOf(schema: z.ZodType, value: unknown): ErrorObject {
  try {
    parse(schema, value, 'The payload');
  } catch (error) {
    expect(error).toBeInstanceOf(RequestError);
    return (error as RequestError).toObject();
  }
  throw new Error('it was accepted');
}

test('gives back what is valid', () => {
  expect(parse(send, message, 'The payload')).toEqual(message);
});

describe('what is not valid', () => {
  test('is an invalid_payload that names the place, dotted, and what is wrong', () => {
    const payload = { threads: [{ thread_id: 'a' }, { thread_id: 'not an id', limit: 201 }] };
    const { code, retry, details } = errorOf(clientEvents.subscribe_threads.payload, payload);
    expect([code, retry]).toEqual(['invalid_payload', 'never']);
    expect(details?.issues?.map(({ path }) => path)).toEqual(['threads.1.thread_id', 'threads.1.limit']);
    for (const issue of details!.issues!) expect(issue.message).toMatch(/./);
  });

  test.each([undefined, null, 7, 'text', [], [message], true])('is an invalid_payload where it is %j', (value) => {
    expect(errorOf(send, value)).toMatchObject({ code: 'invalid_payload', details: { issues: [{ path: '' }] } });
  });

  test('names every unknown field', () => {
    const { details } = errorOf(send, { ...message, one: 1, two: 2 });
    const text = 'is not a known field';
    expect(details?.issues).toEqual([
      { path: 'one', message: text },
      { path: 'two', message: text },
    ]);
  });

  test('names an own __proto__ like any other field', () => {
    const { details } = errorOf(send, JSON.parse('{"thread_id":"t","content":"hello","__proto__":{"role":"user"}}'));
    expect(details?.issues).toEqual([{ path: '__proto__', message: 'is not a known field' }]);
  });

  test('is a payload_too_large where only sizes are wrong', () => {
    const content = 'x'.repeat(65_537);
    expect(errorOf(send, { ...message, content })).toMatchObject({
      code: 'payload_too_large',
      retry: 'never',
      details: { issues: [{ path: 'content' }] },
    });
    expect(errorOf(send, { ...message, content, role: 'nobody' }).code).toBe('invalid_payload');
  });
});

describe('what is said about it', () => {
  test('lists 20 issues at most', () => {
    const fields = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field${i}`, i]));
    expect(errorOf(send, fields).details?.issues).toHaveLength(20);
    const threads = Array.from({ length: 500 }, () => ({}));
    expect(errorOf(clientEvents.subscribe_threads.payload, { threads }).details?.issues).toHaveLength(20);
  });

  test('is as much of hundreds of thousands of fields', () => {
    const fields = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`field${i}`, i]));
    const { details } = errorOf(send, { ...fields, ...message, content: 7 });
    expect(details?.issues).toEqual([
      { path: 'content', message: expect.stringMatching(/./) },
      ...Array.from({ length: 19 }, (_, i) => ({ path: `field${i}`, message: 'is not a known field' })),
    ]);
  });

  test('repeats names of fields shortened and well-formed', () => {
    // The cut goes through the middle of a surrogate pair.
    const name = `\0\uD800${'x'.repeat(197)}😀`;
    const { details } = errorOf(send, { ...message, [name]: 1 });
    expect(details?.issues).toEqual([
      { path: `\uFFFD\uFFFD${'x'.repeat(197)}\uFFFD`, message: 'is not a known field' },
    ]);
  });

  test('does not repeat values', () => {
    const error = errorOf(clientEvents.reauth.payload, { token: 'a secret\0' });
    expect(JSON.stringify(error)).not.toContain('secret');
  });
});
