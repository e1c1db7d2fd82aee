import { errorTable } from '@threadwire/protocol';
import type { ErrorObject } from '@threadwire/protocol';
import type { ErrorRequestHandler, Request } from 'express';
import { RequestError, invalidPayload, toRequestError } from '../request-error.ts';
import type { Services } from '../services.ts';
import { answerEarly } from './early-answer.ts';

/** What an error may say about the request that it answers; in the response's locals as `about`. */
export type RequestAbout = { -readonly [F in 'thread_id' | 'stream_id' | 'message_id']?: ErrorObject[F] };

/** Answers whatever was thrown while a request was served, as an error object with its status. */
export function createErrorHandler({ logger, metrics, activity }: Services): ErrorRequestHandler {
  // Express tells it by the number of its parameters from what handles requests.
  return (thrown: unknown, request, response, _next) => {
    // That is nobody's fault here, and nobody is left to answer.
    if (isBrokenOff(thrown, request)) return;
    const event = String(response.locals['event'] ?? 'unknown');
    const requestId: unknown = response.locals['requestId'];
    if (response.headersSent) {
      // Express would do the same, but print the error's text.
      logger.error({ err: thrown, request_id: requestId, event }, 'request failed when its answer had begun');
      request.destroy();
      return;
    }
    const error = fromExpress(thrown);
    if (error.code === 'internal') logger.error({ err: thrown, request_id: requestId, event }, 'request failed');
    else logger.debug({ request_id: requestId, event, code: error.code }, 'request refused');
    metrics.answered(`http ${event}`, error.code);
    activity.refused({
      code: error.code,
      request: `http ${event}`,
      user_id: null,
      client_id: null,
      message: error.message.slice(0, 200),
    });
    const { retry_after_ms: retryAfterMs } = error.extras;
    if (retryAfterMs !== undefined) response.set('Retry-After', String(Math.ceil(retryAfterMs / 1000)));
    const { status } = errorTable[error.code];
    if (status === 401) response.set('WWW-Authenticate', 'Bearer');
    answerEarly(request, response);
    response.status(status).json({ error: error.toObject(response.locals['about'] as RequestAbout | undefined) });
  };
}

/** Whether the client went away before its request had come. */
function isBrokenOff(thrown: unknown, { errored }: Request): boolean {
  const { type } = (thrown ?? {}) as { type?: unknown };
  return type === 'request.aborted' || (errored !== null && thrown === errored);
}

/** Express and its body parser throw errors of their own, with a status and sometimes a type. */
function fromExpress(thrown: unknown): RequestError {
  const { status, type, limit } = (thrown ?? {}) as { status?: unknown; type?: unknown; limit?: unknown };
  if (type === 'entity.too.large')
    return new RequestError('payload_too_large', `The body is above ${String(limit)} bytes.`);
  if (!(thrown instanceof RequestError) && typeof status === 'number' && status >= 400 && status < 500) {
    const text = type === 'entity.parse.failed' ? 'The body is not JSON.' : 'The request is malformed.';
    return invalidPayload(text, { path: '', message: text });
  }
  return toRequestError(thrown);
}
