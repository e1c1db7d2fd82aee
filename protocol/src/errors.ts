import * as z from 'zod';
import { idSchema, messageIdSchema } from './scalars.ts';

/** When a request that failed may be sent again. */
export type RetryClass = 'never' | 'later' | 'reauth';

interface ErrorEntry {
  readonly retry: RetryClass;
  /** HTTP status where the error answers an HTTP request. */
  readonly status: number;
  readonly description: string;
}

/** Every error code of the protocol, with its retry class and HTTP status: the one definition. */
export const errorTable = {
  invalid_payload: {
    retry: 'never',
    status: 400,
    description: 'The request is malformed; `details.issues` lists `{ path, message }`.',
  },
  unknown_event: { retry: 'never', status: 404, description: 'There is no such client event, or no such HTTP route.' },
  payload_too_large: { retry: 'never', status: 413, description: 'A content or body is above its limit.' },
  unauthenticated: {
    retry: 'reauth',
    status: 401,
    description: 'No token, or one that does not hold.',
  },
  token_expired: { retry: 'reauth', status: 401, description: 'The token ran out.' },
  forbidden: { retry: 'never', status: 403, description: 'You may read this, but not do that.' },
  thread_not_found: {
    retry: 'never',
    status: 404,
    description: 'There is no such thread, or you may not read it.',
  },
  thread_exists: { retry: 'never', status: 409, description: 'Another user created a thread with this id.' },
  message_not_found: {
    retry: 'never',
    status: 404,
    description: 'There is no such message in the thread, or it was deleted and cannot be edited.',
  },
  seq_conflict: {
    retry: 'never',
    status: 409,
    description: 'The message changed since `if_seq`; `details.seq` is its seq now.',
  },
  stream_not_found: {
    retry: 'never',
    status: 404,
    description: 'There is no such stream, or you may not read its thread.',
  },
  stream_conflict: {
    retry: 'never',
    status: 409,
    description:
      'The stream is elsewhere: `details.expected_offset` where to go on, `details.fenced` when another connection took it over.',
  },
  stream_closed: { retry: 'never', status: 409, description: 'The stream has ended; `details.status` says how.' },
  too_many_streams: { retry: 'later', status: 429, description: 'Too many streams at a time in the thread or here.' },
  too_many_subscriptions: {
    retry: 'never',
    status: 429,
    description: 'The connection holds as many subscriptions as it may.',
  },
  rate_limited: {
    retry: 'later',
    status: 429,
    description: 'Too many requests; `retry_after_ms` says how long to wait.',
  },
  slow_consumer: {
    retry: 'later',
    status: 503,
    description: 'The client reads too slowly; it is disconnected and recovers by `after_seq`. Best effort.',
  },
  overloaded: { retry: 'later', status: 503, description: 'The server has too much to do.' },
  unavailable: { retry: 'later', status: 503, description: 'The store is away, or the server is draining.' },
  protocol_mismatch: {
    retry: 'never',
    status: 400,
    description: 'The client speaks another version of this protocol.',
  },
  internal: { retry: 'later', status: 500, description: 'A fault of the server; it is logged there.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;
export const errorCodes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]];

export const issueSchema = z
  .object({ path: z.string().describe('Dotted: `threads.0.thread_id`.'), message: z.string() })
  .meta({ id: 'Issue' });
export type Issue = z.infer<typeof issueSchema>;

export const errorObjectSchema = z
  .object({
    code: z.enum(errorCodes),
    message: z.string().describe('For people; may change.'),
    retry: z.enum(['never', 'later', 'reauth'] satisfies RetryClass[]),
    retry_after_ms: z.int().min(0).optional(),
    event: z.string().optional().describe('The client event that failed.'),
    message_id: messageIdSchema.optional(),
    thread_id: idSchema.optional(),
    stream_id: idSchema.optional(),
    details: z
      .looseObject({
        issues: z.array(issueSchema).optional(),
        seq: z.int().optional(),
        expected_offset: z.int().optional(),
        fenced: z.boolean().optional(),
        status: z.string().optional(),
      })
      .optional(),
    fatal: z.boolean().optional().describe('The server closes the connection next.'),
  })
  .meta({ id: 'ErrorObject' });
export type ErrorObject = z.infer<typeof errorObjectSchema>;
