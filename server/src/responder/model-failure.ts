import type * as OpenAiPackage from 'openai';
import type { APIError } from 'openai';
import { ResponderError } from './responder.ts';

/** What operators are told of a failure. An endpoint may repeat a key or a message in what it says: its words are not in here. */
export type FailureFields = Readonly<Record<string, string | number>>;

/** A model gave no answer, or not a whole one. The text is for readers: nothing of the request or the answer is in it. */
export class ModelFailure extends ResponderError {
  readonly fields: FailureFields;

  constructor(text: string, fields: FailureFields) {
    super(text);
    this.fields = fields;
  }
}

export const brokenOff = (fields: FailureFields = {}) =>
  new ModelFailure('The answer of the model broke off.', { reason: 'broken off', ...fields });
export const unreadable = () => new ModelFailure('The answer of the model could not be read.', { reason: 'malformed' });
export const tookTooLong = () => new ModelFailure('The model took too long to answer.', { reason: 'timeout' });

/** What an error of the `openai` package, or of reading the stream that it gave, means. */
export function modelFailure(error: unknown, openai: typeof OpenAiPackage): ModelFailure {
  if (error instanceof ModelFailure) return error;
  if (error instanceof openai.APIConnectionTimeoutError) return tookTooLong();
  if (error instanceof openai.APIConnectionError) {
    return new ModelFailure('The model cannot be reached.', { reason: 'unreachable', ...causeOf(error) });
  }
  if (error instanceof openai.APIError) {
    const refusal = error as APIError;
    return new ModelFailure(refusalText(refusal.status), { reason: 'refused', ...refusalFields(refusal) });
  }
  // What comes out of the stream itself is thrown as it is.
  if (error instanceof SyntaxError) {
    return unreadable();
  }
  return brokenOff(causeOf(error));
}

function refusalText(status: number | undefined): string {
  if (status === 401 || status === 403) return 'The model refused our key.';
  if (status === 404) return 'The model was not found.';
  if (status === 413) return 'The conversation is too long for the model.';
  if (status === 429) return 'The model is busy. Try again in a while.';
  if (status !== undefined && status < 500) return 'The model did not accept the request.';
  return 'The model has a problem. Try again in a while.';
}

function refusalFields({ status, code, type, requestID: requestId }: APIError): FailureFields {
  return {
    ...(status !== undefined && { status }),
    ...(isCode(code) && { code }),
    ...(isCode(type) && { type }),
    ...(typeof requestId === 'string' && /^[\w-]{1,64}$/.test(requestId) && { requestId }),
  };
}

/** Such as `insufficient_quota`: keys and texts do not look like that. */
function isCode(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z]+(_[a-z]+){0,7}$/.test(value) && value.length <= 64;
}

/** The system's code of what went wrong on the way, such as `ECONNREFUSED`. */
function causeOf(error: unknown): FailureFields {
  let at = error;
  for (let depth = 0; depth < 4 && typeof at === 'object' && at !== null; depth += 1) {
    const { code, cause } = at as { readonly code?: unknown; readonly cause?: unknown };
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,40}$/.test(code)) return { code };
    at = cause;
  }
  return {};
}
