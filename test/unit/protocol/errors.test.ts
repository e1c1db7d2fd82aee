import { expect, test } from '@jest/globals';
import {
  clientEvents,
  errorCodes,
  errorObjectSchema,
  errorTable,
  messageSchema,
  serverEventNames,
  serverEvents,
} from '@threadwire/protocol';

test('codes and retry classes are those that clients were promised', () => {
  const promised = {
    invalid_payload: 'never',
    unknown_event: 'never',
    payload_too_large: 'never',
    unauthenticated: 'reauth',
    token_expired: 'reauth',
    forbidden: 'never',
    thread_not_found: 'never',
    thread_exists: 'never',
    message_not_found: 'never',
    seq_conflict: 'never',
    stream_not_found: 'never',
    stream_conflict: 'never',
    stream_closed: 'never',
    too_many_streams: 'later',
    too_many_subscriptions: 'never',
    rate_limited: 'later',
    slow_consumer: 'later',
    overloaded: 'later',
    unavailable: 'later',
    protocol_mismatch: 'never',
    internal: 'later',
  };
  expect(Object.fromEntries(errorCodes.map((code) => [code, errorTable[code].retry]))).toEqual(promised);
});

test('each code has one of the statuses of the HTTP API', () => {
  const statuses = [400, 401, 403, 404, 409, 413, 429, 500, 503];
  for (const code of errorCodes) expect(statuses).toContain(errorTable[code].status);
});

test('an error may carry details that nobody knows yet', () => {
  const error = { code: 'internal', message: 'x', retry: 'later', details: { later: { version: 2 } } };
  expect(errorObjectSchema.parse(error)).toEqual(error);
});

test('what the server sends is open: a field that is not known is no mistake', () => {
  const thread_id = 't';
  const seq = 1;
  const stream = { thread_id, stream_id: 's' };
  const updated_at = '2026-01-15T09:30:00.000Z';
  const { stream_chunk, stream_cancel, stream_end, system_status, threads_updated, pong } = serverEvents;
  const samples = [
    [stream_chunk.payload, { ...stream, offset: 0, delta: 'x' }],
    [stream_cancel.payload, stream],
    [stream_end.payload, { ...stream, seq, status: 'interrupted', length: 1, updated_at }],
    [system_status.payload, { status: 'draining', retry_after_ms: 10 }],
    [threads_updated.payload, { threads: [], removed: [thread_id] }],
    [pong.payload, { server_time: updated_at }],
  ] as const;
  for (const [schema, sample] of samples) expect(schema.parse({ ...sample, from_the_future: 1 })).toEqual(sample);
});

test('roles and statuses are those that clients were promised', () => {
  const { stream_end, system_status } = serverEvents;
  const roles = ['user', 'assistant', 'system', 'tool'];
  expect(messageSchema.shape.role.options).toEqual(roles);
  for (const event of ['send_message', 'stream_start'] as const) {
    expect(clientEvents[event].payload.shape.role.unwrap().options).toEqual(roles);
  }
  const statuses = ['complete', 'streaming', 'cancelled', 'failed', 'interrupted', 'deleted'];
  expect(messageSchema.shape.status.options).toEqual(statuses);
  expect(stream_end.payload.shape.status.options).toEqual(['complete', 'failed', 'cancelled', 'interrupted']);
  expect(system_status.payload.shape.status.options).toEqual(['ok', 'degraded', 'draining', 'maintenance']);
});

test('the durable events are those that change a message', () => {
  const durable = serverEventNames.filter((event) => serverEvents[event].durable);
  expect(durable).toEqual(['thread_message', 'message_updated', 'stream_start', 'stream_end']);
  for (const event of durable) expect(serverEvents[event].payload.shape).toHaveProperty('seq');
});
