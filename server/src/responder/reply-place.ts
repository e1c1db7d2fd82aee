import type { Message } from '@threadwire/protocol';

/** The position after which a message belongs in a conversation: a reply's, which may have begun when more had been asked, is that of what it answers. */
export function placeOf({ position, role, metadata }: Message): number {
  const { reply_to: replyTo } = metadata as { readonly reply_to?: { readonly position?: unknown } | null };
  const place = role === 'assistant' ? replyTo?.position : undefined;
  return typeof place === 'number' ? place : position;
}
