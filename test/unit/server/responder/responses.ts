import type { Message } from '@threadwire/protocol';
import type { RespondContext, Responder } from '../../../../server/src/responder/responder.ts';

/** A message at a position of a thread, by Ada unless said otherwise. */
export function said(position: number, content: string, fields: Partial<Message> = {}): Message {
  const at = '2026-01-15T09:30:00.000Z';
  return {
    id: `m${position}`,
    thread_id: 't',
    position,
    seq: position,
    message_id: `key-${position}`,
    sender: { id: 'ada' },
    role: 'user',
    content,
    metadata: {},
    status: 'complete',
    created_at: at,
    updated_at: at,
    ...fields,
  };
}

export function contextOf(history: readonly Message[] = [], fields: Partial<RespondContext> = {}): RespondContext {
  return { signal: new AbortController().signal, history: () => Promise.resolve(history), ...fields };
}

/** All pieces of an answer, and what it ended with where it threw. */
export async function collect(pieces: ReturnType<Responder>): Promise<{ pieces: string[]; error?: Error }> {
  const collected: string[] = [];
  try {
    for await (const piece of pieces) collected.push(piece);
  } catch (error) {
    return { pieces: collected, error: error as Error };
  }
  return { pieces: collected };
}
