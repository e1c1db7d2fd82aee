import * as z from 'zod';
import { clientEvents } from './client-events.ts';
import { errorObjectSchema } from './errors.ts';
import { metadataSchema } from './metadata.ts';
import { messageSchema, sessionSchema, threadHistorySchema, threadSchema } from './objects.ts';
import { countSchema, idSchema, messageIdSchema, timeSchema } from './scalars.ts';

const requestId = { message_id: messageIdSchema.optional() };

/** Every event a server sends. A durable one carries the thread's `seq` and is repeated by recovery. */
export const serverEvents = {
  session: {
    summary: 'Follows CONNECT: who you are here, and what is allowed.',
    payload: sessionSchema,
    durable: false,
  },
  pong: {
    summary: 'Answers a `ping` that had no ack.',
    payload: clientEvents.ping.data.extend(requestId),
    durable: false,
  },
  thread_history: {
    summary: 'Answers a subscribe or fetch that had no ack.',
    payload: threadHistorySchema.extend(requestId),
    durable: false,
  },
  thread_message: { summary: 'A new message.', payload: messageSchema, durable: true },
  message_updated: { summary: 'A message was edited or deleted.', payload: messageSchema, durable: true },
  stream_start: { summary: 'A streamed message begins.', payload: messageSchema, durable: true },
  stream_chunk: {
    summary: 'More text of a stream, checked by its offset.',
    payload: z.object({ thread_id: idSchema, stream_id: idSchema, offset: countSchema, delta: z.string() }),
    durable: false,
  },
  stream_end: {
    summary: 'A stream has ended.',
    payload: z.object({
      thread_id: idSchema,
      stream_id: idSchema,
      seq: countSchema,
      status: z.enum(['complete', 'failed', 'cancelled', 'interrupted']),
      length: countSchema.describe('Of the whole text, in UTF-16 code units.'),
      error: z.string().optional(),
      metadata: metadataSchema.optional(),
      reason: z.string().optional(),
      updated_at: timeSchema,
    }),
    durable: true,
  },
  stream_cancel: {
    summary: 'Tells the producer that its stream was cancelled.',
    payload: z.object({ thread_id: idSchema, stream_id: idSchema, reason: z.string().optional() }),
    durable: false,
  },
  threads_updated: {
    summary: 'To watchers, at most once a second: threads that are new, changed or active, and those lost.',
    payload: z.object({ threads: z.array(threadSchema), removed: z.array(idSchema) }),
    durable: false,
  },
  system_status: {
    summary: 'How the server is; while it drains, when to reconnect.',
    payload: z.object({
      status: z.enum(['ok', 'degraded', 'draining', 'maintenance']),
      message: z.string().optional(),
      retry_after_ms: z.int().min(0).optional(),
    }),
    durable: false,
  },
  error: {
    summary: 'A request without ack failed, or the server ends something.',
    payload: errorObjectSchema,
    durable: false,
  },
} as const;

export type ServerEvent = keyof typeof serverEvents;
export const serverEventNames = Object.keys(serverEvents) as ServerEvent[];
export type ServerPayload<E extends ServerEvent> = z.infer<(typeof serverEvents)[E]['payload']>;

/** The server events that carry a `seq`. */
export type DurableEvent = {
  [E in ServerEvent]: (typeof serverEvents)[E]['durable'] extends true ? E : never;
}[ServerEvent];
