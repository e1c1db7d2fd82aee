import type { Message } from '@threadwire/client';

/** What to call somebody; the server's own responder has an id only. */
export function senderName({ id, name }: Message['sender']): string {
  return name ?? (id === 'assistant' ? 'Assistant' : id);
}
