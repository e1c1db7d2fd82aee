import * as z from 'zod';
import { limits } from './limits.ts';
import { metadataSchema } from './metadata.ts';
import {
  cleanText,
  countSchema,
  idSchema,
  messageIdSchema,
  messageStatusSchema,
  roleSchema,
  timeSchema,
} from './scalars.ts';

// What the server sends is described by open objects: a client ignores the fields it does not know.

export const userSchema = z.object({ id: idSchema, name: z.string().optional() }).meta({ id: 'User' });
export type User = z.infer<typeof userSchema>;

export const threadSchema = z
  .object({
    id: idSchema,
    title: z.string(),
    members: z.array(idSchema).describe('Who may read and write; empty: every authenticated user.'),
    metadata: metadataSchema,
    created_by: idSchema,
    created_at: timeSchema,
    updated_at: timeSchema.describe('The last change or message.'),
    head_seq: countSchema.describe('The last seq of the thread; 0: no message yet.'),
  })
  .meta({ id: 'Thread' });
export type Thread = z.infer<typeof threadSchema>;

export const messageSchema = z
  .object({
    id: idSchema,
    thread_id: idSchema,
    position: countSchema.describe('The seq at which the message was created: orders the thread, never changes.'),
    seq: countSchema.describe("The thread's number of this message's last change."),
    message_id: messageIdSchema,
    sender: userSchema,
    role: roleSchema,
    content: z.string(),
    metadata: metadataSchema,
    status: messageStatusSchema,
    created_at: timeSchema,
    updated_at: timeSchema,
    error: z.string().optional(),
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof messageSchema>;

export const threadHistorySchema = z
  .object({
    thread: threadSchema,
    messages: z.array(messageSchema).describe(`At most ${limits.maxHistoryBytes} bytes of JSON, but at least one.`),
    streaming: z.array(messageSchema).describe('Every message now streaming, with the text stored so far.'),
    head_seq: countSchema,
    recovered: z
      .boolean()
      .describe('`after_seq` was honoured; false with `after_seq` means: drop what you hold, this is a fresh page.'),
    has_more: z.boolean(),
  })
  .meta({ id: 'ThreadHistory' });
export type ThreadHistory = z.infer<typeof threadHistorySchema>;

export const sessionSchema = z
  .object({
    client_id: z.uuid(),
    user: userSchema,
    server_id: z.string(),
    protocol_version: z.literal(limits.protocolVersion),
    expires_at: timeSchema.optional().describe('When the token runs out; absent in anonymous mode.'),
    limits: z.object({
      max_content_bytes: countSchema,
      max_frame_bytes: countSchema,
      max_subscriptions: countSchema,
      max_history_page: countSchema,
      rate_per_second: countSchema.describe('0: no limit.'),
    }),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof sessionSchema>;

/** The CONNECT packet's auth object. */
export const connectAuthSchema = z
  .strictObject({
    token: cleanText.max(16_384).optional().describe('A JWT; never sent in a URL.'),
    user: idSchema.optional().describe('The user id, in anonymous mode only.'),
    client: z
      .strictObject({ name: cleanText.max(64), version: cleanText.max(64) })
      .optional()
      .describe('Shown to operators.'),
    protocol_version: z.int().optional().describe('1; another integer is a `protocol_mismatch`.'),
  })
  .meta({ id: 'ConnectAuth' });
export type ConnectAuth = z.infer<typeof connectAuthSchema>;
