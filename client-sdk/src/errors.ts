import type { ErrorCode, ErrorObject, RetryClass } from '@threadwire/protocol';

/**
 * What only a client can know. `no_answer`: none came in time, or the connection broke before it; the request may have
 * taken effect. `closed`: the client, or the subscription, was closed. `discarded`: the message was taken back before it was sent.
 */
export type ClientErrorCode = 'no_answer' | 'closed' | 'discarded';

/** Every failure of the SDK: an error of the protocol, or one of the client's own. */
export class ThreadwireError extends Error {
  override readonly name = 'ThreadwireError';
  readonly code: ErrorCode | ClientErrorCode;
  /** When the same request may be made again: `never`, `later`, or with a new token (`reauth`). */
  readonly retry: RetryClass;
  readonly retryAfterMs: number | undefined;
  /** `issues` (`{ path, message }`) of an `invalid_payload`, `seq` of a `seq_conflict`, and the like. */
  readonly details: ErrorObject['details'];
  /** The client event that failed. */
  readonly event: string | undefined;
  readonly threadId: string | undefined;
  readonly messageId: string | undefined;

  constructor(
    error: Pick<ErrorObject, 'message' | 'retry'> &
      Partial<Omit<ErrorObject, 'code'>> & { readonly code: ErrorCode | ClientErrorCode },
  ) {
    super(error.message);
    this.code = error.code;
    this.retry = error.retry;
    this.retryAfterMs = error.retry_after_ms;
    this.details = error.details;
    this.event = error.event;
    this.threadId = error.thread_id;
    this.messageId = error.message_id;
  }
}

export function noAnswer(event: string, why: string): ThreadwireError {
  return new ThreadwireError({ code: 'no_answer', message: `${event}: no answer ${why}`, retry: 'later', event });
}

export function closedError(message: string): ThreadwireError {
  return new ThreadwireError({ code: 'closed', message, retry: 'never' });
}
