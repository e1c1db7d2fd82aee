import * as z from 'zod';
import { errorObjectSchema } from './errors.ts';
import { limits } from './limits.ts';
import { metadataSchema } from './metadata.ts';
import { messageSchema, threadHistorySchema, threadSchema, userSchema } from './objects.ts';
import {
  cleanText,
  contentSchema,
  countSchema,
  deltaSchema,
  idSchema,
  messageIdSchema,
  reasonSchema,
  roleSchema,
  timeSchema,
  titleSchema,
} from './scalars.ts';

/** Adds what every client event may carry, and refuses every field it does not name. */
function payload<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.strictObject({ ...shape, message_id: messageIdSchema.optional() });
}

const membersSchema = z.array(idSchema).max(limits.maxMembers);
const historyLimit = z.int().min(0).max(limits.maxHistoryPage);

const subscription = {
  thread_id: idSchema,
  after_seq: countSchema.optional(),
  limit: historyLimit.optional(),
};

const historyPage = {
  thread_id: idSchema,
  after_seq: countSchema.optional(),
  before_position: countSchema.optional(),
  limit: historyLimit.optional(),
};

const messageAnswer = z.object({ message: messageSchema });
const threadAnswer = z.object({ thread: threadSchema });

/**
 * Every event a client may send: the payload (strict), the data of an ok answer, and the event that carries
 * this data where the request had no ack.
 */
export const clientEvents = {
  ping: {
    summary: 'Asks whether the server answers, and for its time.',
    payload: payload({}),
    data: z.object({ server_time: timeSchema }),
    reply: 'pong',
  },
  reauth: {
    summary: 'Replaces the token of this connection before it runs out.',
    payload: payload({ token: cleanText.max(16_384) }),
    data: z.object({ user: userSchema, expires_at: timeSchema.optional() }),
  },
  create_thread: {
    summary: 'Creates a thread; the same id by its creator again answers the thread as it is.',
    payload: payload({
      id: idSchema.optional(),
      title: titleSchema.optional(),
      members: membersSchema.optional(),
      metadata: metadataSchema.optional(),
    }),
    data: threadAnswer,
  },
  update_thread: {
    summary: 'Replaces the title, members or metadata of a thread.',
    payload: payload({
      thread_id: idSchema,
      title: titleSchema.optional(),
      members: membersSchema.optional(),
      metadata: metadataSchema.optional(),
    }),
    data: threadAnswer,
  },
  list_threads: {
    summary: 'Lists the threads the user may read, newest activity first.',
    payload: payload({
      cursor: cleanText.min(1).max(256).optional(),
      limit: z.int().min(1).max(limits.maxListPage).optional(),
    }),
    data: z.object({ threads: z.array(threadSchema), next_cursor: z.string().optional() }),
  },
  watch_threads: {
    summary: 'Asks for `threads_updated` until `unwatch_threads`.',
    payload: payload({}),
    data: z.object({}),
  },
  unwatch_threads: {
    summary: 'Ends `watch_threads`.',
    payload: payload({}),
    data: z.object({}),
  },
  subscribe_thread: {
    summary: 'Joins a thread and reads its newest page, or what changed since `after_seq`.',
    payload: payload(subscription),
    data: threadHistorySchema,
    reply: 'thread_history',
  },
  subscribe_threads: {
    summary: 'Joins many threads at once; each entry succeeds or fails by itself.',
    payload: payload({ threads: z.array(z.strictObject(subscription)).min(1).max(limits.maxSubscribeBatch) }),
    data: z.object({
      threads: z.array(
        z.discriminatedUnion('ok', [
          z.object({ ok: z.literal(true), data: threadHistorySchema }),
          z.object({ ok: z.literal(false), error: errorObjectSchema }),
        ]),
      ),
    }),
    reply: 'thread_history',
  },
  unsubscribe_thread: {
    summary: 'Leaves a thread; ok also where the connection was not in it.',
    payload: payload({ thread_id: idSchema }),
    data: z.object({}),
  },
  fetch_history: {
    summary: 'Reads a page of a thread without joining it.',
    payload: payload(historyPage).refine((page) => page.after_seq === undefined || page.before_position === undefined, {
      message: 'after_seq and before_position exclude each other',
      path: ['before_position'],
    }),
    data: threadHistorySchema,
    reply: 'thread_history',
  },
  send_message: {
    summary: 'Stores a message and announces it to the thread; `message_id` makes a repeat harmless.',
    payload: payload({
      thread_id: idSchema,
      content: contentSchema,
      role: roleSchema.optional(),
      metadata: metadataSchema.optional(),
    }),
    data: z.object({ message: messageSchema, duplicate: z.boolean() }),
  },
  edit_message: {
    summary: 'Replaces the content of a message; an edit that changes nothing takes no seq.',
    payload: payload({
      thread_id: idSchema,
      id: idSchema,
      content: contentSchema,
      metadata: metadataSchema.optional(),
      if_seq: countSchema.optional(),
    }),
    data: messageAnswer,
  },
  delete_message: {
    summary: 'Leaves a tombstone without content; again: the same tombstone.',
    payload: payload({ thread_id: idSchema, id: idSchema, if_seq: countSchema.optional() }),
    data: messageAnswer,
  },
  stream_start: {
    summary: 'Starts a streamed message, or resumes the one that was started with this `message_id`.',
    payload: payload({ thread_id: idSchema, role: roleSchema.optional(), metadata: metadataSchema.optional() }),
    data: z.object({ message: messageSchema, offset: countSchema, resumed: z.boolean() }),
  },
  stream_chunk: {
    summary: 'Appends text to a stream at an offset in UTF-16 code units.',
    payload: payload({ stream_id: idSchema, offset: countSchema, delta: deltaSchema }),
    data: z.object({ offset: countSchema }),
  },
  stream_end: {
    summary: 'Ends a stream.',
    payload: payload({
      stream_id: idSchema,
      offset: countSchema,
      status: z.enum(['complete', 'failed']),
      error: reasonSchema.optional(),
      metadata: metadataSchema.optional(),
    }),
    data: messageAnswer,
  },
  stream_cancel: {
    summary: 'Cancels a stream, from any connection that may write to its thread.',
    payload: payload({ stream_id: idSchema, reason: reasonSchema.optional() }),
    data: messageAnswer,
  },
} as const;

export type ClientEvent = keyof typeof clientEvents;
export const clientEventNames = Object.keys(clientEvents) as ClientEvent[];

/** The parsed payload of a client event. */
export type ClientPayload<E extends ClientEvent> = z.infer<(typeof clientEvents)[E]['payload']>;
/** The `data` of an ok answer to a client event. */
export type ClientData<E extends ClientEvent> = z.infer<(typeof clientEvents)[E]['data']>;
