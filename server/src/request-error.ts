import { errorTable } from '@threadwire/protocol';
import type { ErrorCode, ErrorObject, Issue } from '@threadwire/protocol';
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

/** An error names so many at most. */
export const maxIssues = 20;
const maxIssueLength = 200;

/** What is wrong, and where, as it may be repeated to its sender: not much, and well-formed. */
export function issueDetails(issues: readonly Issue[]): { issues: Issue[] } {
  const shorten = (text: string): string => text.slice(0, maxIssueLength).toWellFormed().replaceAll('\0', '\uFFFD');
  return {
    issues: issues.slice(0, maxIssues).map(({ path, message }) => ({ path: shorten(path), message: shorten(message) })),
  };
}

/** An `invalid_payload` that names what is wrong, and where. */
export function invalidPayload(text: string, issue: Issue): RequestError {
  return new RequestError('invalid_payload', text, { details: issueDetails([issue]) });
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
