import { ThreadwireError } from '@threadwire/client';

/** What went wrong, in words for the person in front of the page. */
export function errorText(error: unknown): string {
  if (!(error instanceof ThreadwireError)) return 'Something went wrong.';
  switch (error.code) {
    case 'no_answer':
      return 'The server did not answer in time.';
    case 'closed':
      return 'The connection is closed.';
    case 'unavailable':
    case 'overloaded':
      return 'The server cannot do this right now.';
    case 'rate_limited':
      return 'Too many requests at once.';
    case 'forbidden':
      return 'You may not do this.';
    case 'thread_not_found':
      return 'This thread does not exist, or you may not read it.';
    case 'message_not_found':
      return 'This message no longer exists.';
    case 'payload_too_large':
      return 'This is too long.';
    case 'stream_conflict':
      return 'This reply is still being written.';
    default:
      return error.message;
  }
}
