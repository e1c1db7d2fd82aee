import { RequestError } from '../request-error.ts';

/** What everything about streams answers: this version has their schemas, not yet the streams. */
export function streamsUnavailable(): RequestError {
  return new RequestError('unavailable', 'This server does not stream yet.');
}
