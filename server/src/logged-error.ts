import { isNativeError } from 'node:util/types';
import { StoreUnavailable } from './store/thread-store.ts';

/** What the log tells of an error. */
export interface LoggedError {
  readonly type: string;
  /** Only where we wrote it ourselves. */
  readonly message?: string;
  readonly code?: string | number;
  /** Where it was made, innermost first. */
  readonly stack?: readonly string[];
  readonly cause?: LoggedError;
}

const maxCauses = 4;
/** Codes look like `ECONNRESET`, `SQLITE_IOERR` or 11000; a longer one may be anything. */
const usualCode = /^\w{1,64}$/;
const frame = /^\s+at .*(?::\d+:\d+|index \d+|<anonymous>|native)\)?$/;

/**
 * An error as the log may have it: what it is and where it came from, but not its text, nor what else hangs on it. Both
 * may repeat what somebody wrote: JSON.parse quotes what it could not read, MongoDB the document that it refused.
 */
export function loggedError(thrown: unknown, causes = maxCauses): LoggedError {
  if (!(thrown instanceof Error || isNativeError(thrown))) return { type: typeof thrown };
  const { code, cause } = thrown as { readonly code?: unknown; readonly cause?: unknown };
  const isCode = typeof code === 'number' || (typeof code === 'string' && usualCode.test(code));
  return {
    type: thrown.constructor.name,
    ...(thrown instanceof StoreUnavailable && { message: thrown.message }),
    ...(isCode && { code }),
    stack: framesOf(thrown),
    ...(cause !== undefined && causes > 0 && { cause: loggedError(cause, causes - 1) }),
  };
}

function framesOf({ stack = '', message }: Error): string[] {
  // It begins with the text, whose lines may look like anything.
  const from = stack.indexOf(message);
  const lines = stack.slice(from < 0 ? 0 : from + message.length).split('\n');
  return lines.filter((line) => frame.test(line)).map((line) => line.trim().slice('at '.length));
}
