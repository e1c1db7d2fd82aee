import type { MessageStatus } from '@threadwire/protocol';
import { ThreadwireError } from './errors.ts';

/** It has ended, and takes no more text. */
export function streamClosed(threadId: string, status: MessageStatus, reason?: string): ThreadwireError {
  return new ThreadwireError({
    code: 'stream_closed',
    message: reason === undefined ? `The stream has ended: it is ${status}.` : `The stream was ${status}: ${reason}`,
    retry: 'never',
    thread_id: threadId,
    details: { status },
  });
}

/** As the server refuses an earlier connection's text. */
export function takenOver(threadId: string): ThreadwireError {
  return new ThreadwireError({
    code: 'stream_conflict',
    message: 'Somebody else, or another run of this program, has taken the stream over.',
    retry: 'never',
    thread_id: threadId,
    details: { fenced: true },
  });
}

/** The server is not where the text can be gone on with. */
export function textLost(threadId: string, offset: number): ThreadwireError {
  return new ThreadwireError({
    code: 'stream_conflict',
    message: `The server is at ${offset} of the stream's text, which cannot be gone on from.`,
    retry: 'never',
    thread_id: threadId,
    details: { expected_offset: offset },
  });
}
