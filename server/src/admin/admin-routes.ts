import { join } from 'node:path';
import express from 'express';
import type { Request, RequestHandler, Response, Router } from 'express';
import { z } from 'zod';
import type { ClientAddress } from '../http/client-address.ts';
import { foreignReason } from '../http/origin-guard.ts';
import type { OriginRules } from '../http/origin-guard.ts';
import { RequestError } from '../request-error.ts';
import type { Audit } from './audit.ts';
import type { LoginLimits } from './login-limits.ts';
import { loginPage, loginScript, loginStyles } from './login-page.ts';
import type { OperatorAccount } from './operator-account.ts';
import { endedCookie, sessionCookie, tokenOf } from './session-cookie.ts';
import type { Sessions } from './sessions.ts';
import type { TurnedAway } from './turned-away.ts';

export interface AdminRoutesOptions {
  /** Nobody may log in where it is absent. */
  readonly account: OperatorAccount | undefined;
  readonly limits: LoginLimits;
  readonly turnedAway: TurnedAway;
  readonly sessions: Sessions;
  readonly audit: Audit;
  /** Pages of others that may use the API may not use this. */
  readonly origins: OriginRules;
  readonly addressOf: ClientAddress;
  /** The built console, with the official UI in `sockets/`. */
  readonly pagesDir: string | undefined;
}

/** Of what the official UI writes into its pages as it runs, which is known to the letter: nothing yet, and its two themes. */
const officialStyles = [
  "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
  "'sha256-H0hALk5rjM4aGisbF9hx4t4yVUsKf0ZX1N28nouwAhI='",
  "'sha256-UA8uVkzlAxGk09z6OrvqQkcbhXuelL/B23jotWQLt78='",
];

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');
const officialPolicy = policy
  .replace("style-src 'self'", ["style-src 'self'", ...officialStyles].join(' '))
  .replace("form-action 'self'", "form-action 'none'");

const maxBodyBytes = 8 * 1024;
/** Anybody may send one, and the HTTP server does not limit how long that takes. */
const maxBodyMs = 10_000;
const credentialsSchema = z.object({ username: z.string(), password: z.string() });

/** The pages of operators below `/admin`, and their login. */
export function createAdminRoutes(options: AdminRoutesOptions): Router {
  const { sessions, audit, pagesDir, origins, addressOf } = options;
  const router = express.Router({ strict: true });
  router.use('/admin', (request, response, next) => {
    response.set('Content-Security-Policy', policy);
    // Where no referrer may be sent at all, browsers say of a form's page only `Origin: null`, which is no origin of ours.
    response.set('Referrer-Policy', 'same-origin');
    const reason = foreignReason(request, { ...origins, corsOrigins: [] });
    if (reason !== undefined) throw new RequestError('forbidden', reason);
    next();
  });
  router.get('/admin', (_request, response) => response.redirect(308, '/admin/'));
  router.get('/admin/login.css', (_request, response) => response.type('css').send(loginStyles));
  router.get('/admin/login.js', (_request, response) => response.type('js').send(loginScript));
  router.post(
    // The second one for programs, and for the page at the first.
    ['/admin/', '/admin/login'],
    endBodiesInTime,
    turnAway(options),
    express.urlencoded({ extended: false, limit: maxBodyBytes, parameterLimit: 10 }),
    express.json({ limit: maxBodyBytes }),
    logIn(options),
  );
  router.post('/admin/logout', (request, response) => {
    const token = tokenOf(request);
    const session = sessions.find(token);
    if (token !== undefined && session) {
      sessions.end(token);
      const from = { operator: session.username, address: addressOf(request) };
      audit.record({ ...from, action: 'logout', target: '', outcome: 'ok', detail: session.id });
    }
    response.set('Set-Cookie', endedCookie(isByTls(request)));
    response.redirect(303, '/admin/');
  });
  router.get('/admin/session', (request, response) => {
    const session = sessions.find(tokenOf(request));
    if (!session) throw new RequestError('unauthenticated', 'Nobody is logged in.');
    const { username, expiresAt } = session;
    response.json({ username, expires_at: new Date(expiresAt).toISOString() });
  });
  router.use('/admin/sockets', (_request, response, next) => {
    response.set('Content-Security-Policy', officialPolicy);
    next();
  });
  // Everything else only for who is logged in.
  router.use('/admin', (request, response, next) => {
    if (sessions.find(tokenOf(request))) next();
    else if (request.path === '/') response.send(loginPage(undefined, request.get('Sec-Fetch-Site') === 'cross-site'));
    else response.redirect(303, '/admin/');
  });
  if (pagesDir !== undefined) {
    router.use('/admin/assets', express.static(join(pagesDir, 'assets'), { cacheControl: false }));
    router.use('/admin', express.static(pagesDir, { cacheControl: false }));
  }
  return router;
}

/** Cuts off a request whose body does not come. */
const endBodiesInTime: RequestHandler = (request, _response, next) => {
  const timer = setTimeout(() => request.complete || request.destroy(), maxBodyMs).unref();
  request.once('end', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
  next();
};

/** Refuses who would have to wait, before a body is read: a flood of guesses costs little. */
function turnAway(options: AdminRoutesOptions): RequestHandler {
  const { account, limits, addressOf } = options;
  return (request, response, next) => {
    const waitMs = account ? limits.waitFor(addressOf(request)) : 0;
    if (waitMs > 0) refuseForNow(options, request, response, waitMs);
    else next();
  };
}

function logIn(options: AdminRoutesOptions): RequestHandler {
  const { account, limits, sessions, audit, addressOf } = options;
  return async (request, response) => {
    const parsed = credentialsSchema.safeParse(request.body);
    if (!parsed.success) {
      refuse(request, response, 400, 'invalid_payload', 'A name and a password are needed.');
      return;
    }
    const { username, password } = parsed.data;
    const address = addressOf(request);
    if (!account) {
      refuse(
        request,
        response,
        403,
        'forbidden',
        'There is no operator: the server was started without ADMIN_PASSWORD.',
      );
      return;
    }
    const waitMs = limits.begin(address);
    if (waitMs > 0) {
      refuseForNow(options, request, response, waitMs);
      return;
    }
    let isRight: boolean | undefined;
    let isLockedOut = false;
    try {
      isRight = await account.isRight(username, password);
    } finally {
      isLockedOut = limits.ended(address, isRight);
    }
    if (!isRight) {
      const detail = isLockedOut ? 'the address is locked out' : '';
      // Another name is not kept: people type passwords into the wrong field.
      const tried = username === account.username ? username : '';
      audit.record({ operator: tried, address, action: 'login', target: '', outcome: 'refused', detail });
      refuse(request, response, 401, 'unauthenticated', 'The name or the password is wrong.');
      return;
    }
    const { token, session } = sessions.start(account.username, address);
    audit.record({ operator: username, address, action: 'login', target: '', outcome: 'ok', detail: session.id });
    response.set('Set-Cookie', sessionCookie(token, isByTls(request)));
    response.redirect(303, '/admin/');
  };
}

function refuseForNow(
  { turnedAway, addressOf }: AdminRoutesOptions,
  request: Request,
  response: Response,
  waitMs: number,
): void {
  turnedAway.add(addressOf(request));
  response.set('Retry-After', String(Math.ceil(waitMs / 1000)));
  refuse(request, response, 429, 'rate_limited', `Too many logins: try again in ${inWords(waitMs)}.`);
}

/** Refuses a login: in the form again for browsers, else as all errors of the API. */
function refuse(
  request: Request,
  response: Response,
  status: 400 | 401 | 403 | 429,
  code: 'invalid_payload' | 'unauthenticated' | 'forbidden' | 'rate_limited',
  message: string,
): void {
  if (request.accepts(['json', 'html']) === 'html') response.status(status).send(loginPage(message));
  else response.status(status).json({ error: new RequestError(code, message).toObject() });
}

/** Whether the browser came by TLS, be it to a proxy: its own word is enough, for a flag that only guards its own cookie. */
function isByTls(request: Request): boolean {
  return request.secure || (request.get('Origin') ?? '').startsWith('https://');
}

function inWords(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
