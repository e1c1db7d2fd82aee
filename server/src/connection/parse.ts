import type { Issue } from '@threadwire/protocol';
import { tooLarge, withoutExcess } from '@threadwire/protocol';
import type { z } from 'zod';
import { RequestError, issueDetails, maxIssues } from '../request-error.ts';

/** What came in so few bytes has no excess worth looking for. */
const smallBytes = 4096;

/**
 * Parses what came from outside, in a frame of so many `bytes`, where that is known.
 *
 * @throws {RequestError} `payload_too_large` where only sizes are wrong, else `invalid_payload` with `details.issues`.
 */
export function parse<S extends z.ZodType>(schema: S, value: unknown, what: string, bytes = Infinity): z.infer<S> {
  const parsed = schema.safeParse(bytes <= smallBytes ? value : withoutExcess(schema, value, maxIssues));
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const isTooLarge = issues.every((issue) => issue.code === 'custom' && issue.params?.['code'] === tooLarge.code);
  const details = issueDetails(issues.flatMap(toIssues));
  throw isTooLarge
    ? new RequestError('payload_too_large', `${what} is too large.`, { details })
    : new RequestError('invalid_payload', `${what} is not valid.`, { details });
}

function toIssues(issue: z.core.$ZodIssue): Issue[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, maxIssues).map((key) => toIssue([...issue.path, key], 'is not a known field'));
  }
  return [toIssue(issue.path, issue.message)];
}

function toIssue(path: readonly PropertyKey[], message: string): Issue {
  return { path: path.map(String).join('.'), message };
}
