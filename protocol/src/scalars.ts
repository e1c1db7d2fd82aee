import * as z from 'zod';
import { limits } from './limits.ts';

const encoder = new TextEncoder();

/** UTF-8 length of a string, in bytes. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}

/** Whether a string can be stored and sent unchanged: no U+0000 and no lone surrogate. */
export function isCleanText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

const uncleanText = 'must not contain U+0000 or a lone surrogate';

/** A string without U+0000 and without lone surrogates. */
export const cleanText = z.string().refine(isCleanText, uncleanText);

/** Issue parameter that turns a failed parse into `payload_too_large` instead of `invalid_payload`. */
export const tooLarge = { code: 'payload_too_large' } as const;

/** Text of at most `maxBytes` UTF-8 bytes; a longer one is a `payload_too_large`. */
function boundedText(maxBytes: number) {
  return cleanText.refine((text) => text.length <= maxBytes && utf8Bytes(text) <= maxBytes, {
    message: `must be at most ${maxBytes} bytes of UTF-8`,
    params: tooLarge,
  });
}

/** A thread's, message's, stream's or user's id: opaque, 1 to 64 of `A-Za-z0-9_.:@-`. */
export const idSchema = z
  .string()
  .regex(/^[A-Za-z0-9_.:@-]{1,64}$/, 'must be 1 to 64 characters of A-Z a-z 0-9 _ . : @ -')
  .meta({ id: 'Id' });

/** The client's own id of a request, 1 to 64 of `A-Za-z0-9_.:-`; the idempotency key of a message. */
export const messageIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'must be 1 to 64 characters of A-Z a-z 0-9 _ . : -')
  .meta({ id: 'MessageId' });

/** ISO 8601 in UTC with milliseconds: `2025-01-31T12:00:00.000Z`. */
export const timeSchema = z.iso.datetime({ precision: 3 }).meta({ id: 'Time' });

/** A thread's change number, position or offset. */
export const countSchema = z.int().min(0);

/** A message's content as sent or edited: 1 byte to 64 KiB. */
export const contentSchema = boundedText(limits.maxContentBytes)
  .refine((text) => text.length > 0, 'must not be empty')
  .meta({ minLength: 1, maxLength: limits.maxContentBytes });

/** A short explanation: a stream's `error`, a cancel's `reason`; at most 1 KiB. */
export const reasonSchema = cleanText
  .refine((text) => utf8Bytes(text) <= limits.maxReasonBytes, `must be at most ${limits.maxReasonBytes} bytes of UTF-8`)
  .meta({ maxLength: limits.maxReasonBytes });

/** A thread's title: at most 200 code points. */
export const titleSchema = cleanText
  .refine(
    (text) =>
      text.length <= limits.maxTitleLength ||
      (text.length <= 2 * limits.maxTitleLength && [...text].length <= limits.maxTitleLength),
    `must be at most ${limits.maxTitleLength} characters`,
  )
  .meta({ maxLength: limits.maxTitleLength });

/** A piece of streamed text; it may begin or end in half of a surrogate pair, which the server holds together. */
export const deltaSchema = z
  .string()
  .refine((text) => !text.includes('\0'), 'must not contain U+0000')
  .refine(
    (text) =>
      text.isWellFormed() ||
      text
        .replace(/^[\uDC00-\uDFFF]/, '')
        .replace(/[\uD800-\uDBFF]$/, '')
        .isWellFormed(),
    uncleanText,
  );

export const roles = ['user', 'assistant', 'system', 'tool'] as const;
export const roleSchema = z.enum(roles).meta({ id: 'Role' });
export type Role = (typeof roles)[number];

export const messageStatuses = ['complete', 'streaming', 'cancelled', 'failed', 'interrupted', 'deleted'] as const;
export const messageStatusSchema = z.enum(messageStatuses).meta({ id: 'MessageStatus' });
export type MessageStatus = (typeof messageStatuses)[number];
