import type { IncomingMessage } from 'node:http';
import { sessionMs } from './sessions.ts';

const name = 'threadwire_operator';

/** What sets the cookie. `Secure` only where the browser came by TLS, or else it would drop it. */
export function sessionCookie(token: string, isSecure: boolean): string {
  return cookie(token, sessionMs / 1000, isSecure);
}

/** What deletes it. */
export function endedCookie(isSecure: boolean): string {
  return cookie('', 0, isSecure);
}

/** The token in a request's cookie. */
export function tokenOf({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    // Of this length and of these characters or it is none of ours.
    if (key === name && value !== undefined && /^[\w-]{43}$/.test(value)) return value;
  }
  return undefined;
}

function cookie(value: string, maxAgeSeconds: number, isSecure: boolean): string {
  // The whole site: the Socket.IO connection is not below /admin.
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
}
