import { errorTable } from '@threadwire/protocol';
import type { ErrorCode, ErrorObject } from '@threadwire/protocol';
import { StoreUnavailable } from './store/thread-store.ts';
import type { Refusal } from './store/thread-store.ts';

type ErrorExtras = Omit<Partial<ErrorObject>, 'code' | 'message' | 'retry'>;

/** A request that fails with one of the protocol's codes: thrown anywhere, answered as an error object. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message);
    this.code = code;
    this.extras = extras;
  }

  /** The error as it goes over the wire; `context` says which request it answers. */
  toObject(context: ErrorExtras = {}): ErrorObject {
    return { code: this.code, message: this.message, retry: errorTable[this.code].retry, ...context, ...this.extras };
  }
}

/** The error that answers a store's refusal. */
export function refused(refusal: Refusal, extras: ErrorExtras = {}): RequestError {
  return new RequestError(refusal.code, refusal.message, {
    ...extras,
    ...(refusal.details && { details: { ...refusal.details } }),
  });
}

/** Turns whatever was thrown into an error of the protocol. What nobody foresaw becomes `internal`, without its text. */
export function toRequestError(thrown: unknown): RequestError {
  if (thrown instanceof RequestError) return thrown;
  if (thrown instanceof StoreUnavailable) {
    return new RequestError('unavailable', 'The store is away; try again.', { retry_after_ms: 1000 });
  }
  return new RequestError('internal', 'The server failed to handle the request.');
}
