import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { loggedError } from './logged-error.ts';

export type { Logger };

const serializers = { err: (thrown: unknown) => loggedError(thrown) };

/**
 * Structured logs, one JSON object a line, on standard output or `destination`. Callers pass ids and codes, never bodies,
 * tokens or headers.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers,
      hooks: { streamWrite: escapeInvisible },
    },
    destination,
  );
}

/** The same logger, which says of errors no more than may be known: for one that somebody else made. */
export function withoutSecrets(logger: Logger): Logger {
  return logger.child({}, { serializers });
}

/** JSON escapes what is below U+0020. There is more that a terminal obeys, or by which a line reads as what it is not. */
const invisible = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The same JSON in visible characters; the line's own end stays. */
function escapeInvisible(line: string): string {
  return line.replaceAll(invisible, (characters) =>
    Array.from({ length: characters.length }, (_, i) => escapeUnit(characters.charCodeAt(i))).join(''),
  );
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
