import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../config.ts';

export interface OriginRules {
  /** The address that the server listens on. */
  readonly host: string;
  /** Origins that may call besides the server's own. */
  readonly corsOrigins: readonly string[];
}

/**
 * Why a request must not be served, or undefined: it comes from a foreign page, or, on loopback, by a foreign name
 * (DNS rebinding). Requests that are not sent by a page have no Origin and pass.
 */
export function foreignReason(request: IncomingMessage, rules: OriginRules): string | undefined {
  const { host, origin } = request.headers;
  if (isLoopback(rules.host) && !isLoopbackName(host)) return 'The Host is not this server.';
  if (origin === undefined || rules.corsOrigins.includes(origin)) return undefined;
  const isOwn = host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);
  return isOwn ? undefined : 'The Origin is not allowed.';
}

function isLoopbackName(host: string | undefined): boolean {
  const match = /^(\[[^\]]+\]|[^:]+)(?::\d{1,5})?$/.exec(host ?? '');
  return match !== null && isLoopback(match[1]!.toLowerCase());
}
