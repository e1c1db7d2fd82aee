import { pino } from 'pino';
import type { Logger } from 'pino';

export type { Logger };

/** Structured logs on standard output. Callers pass ids and codes, never bodies, tokens or headers. */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
}
