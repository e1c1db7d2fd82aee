import { randomBytes } from 'node:crypto';
import { cleanText, idSchema } from '@threadwire/protocol';
import type { ConnectAuth, User } from '@threadwire/protocol';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyOptions } from 'jose';
import type { AuthConfig } from '../config.ts';
import { RequestError } from '../request-error.ts';
import type { Actor } from '../threads/access.ts';

/** Who somebody proved to be, and until when. */
export interface Identity {
  readonly user: User;
  readonly actor: Actor;
  /** Milliseconds since the epoch; absent in anonymous mode. */
  readonly expiresAt?: number;
}

/** Tells who sends a request. Rejects with `unauthenticated`, `token_expired`, or `unavailable` (keys out of reach). */
export interface Authenticator {
  readonly anonymous: boolean;
  /** For a CONNECT's auth object, or an HTTP request's bearer token and user header. */
  identify(auth: Pick<ConnectAuth, 'token' | 'user'>): Promise<Identity>;
}

/** Errors of jose that speak of the token; the others mean that the keys could not be had. */
const tokenFaults = new Set([
  'ERR_JWT_CLAIM_VALIDATION_FAILED',
  'ERR_JWT_INVALID',
  'ERR_JWS_INVALID',
  'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
]);

/** Longest expiry that is told apart: the end of the year 9999. */
const maxExpiryMs = Date.UTC(9999, 11, 31);

/** Makes the authenticator that the configuration asks for. `now` in ms. */
export function createAuthenticator(config: AuthConfig, now: () => number): Authenticator {
  if (config.mode === 'anonymous') {
    return { anonymous: true, identify: async (auth) => anonymousIdentity(auth.user) };
  }
  const verify = tokenVerifier(config);
  return {
    anonymous: false,
    async identify({ token }) {
      if (token === undefined) throw new RequestError('unauthenticated', 'A token is required.');
      return claimsIdentity(await verify(token, new Date(now())));
    },
  };
}

function anonymousIdentity(name: string | undefined): Identity {
  const id = name ?? `anon-${randomBytes(9).toString('base64url')}`;
  return { user: { id }, actor: { id, agent: true, admin: false } };
}

type Verify = (token: string, currentDate: Date) => Promise<JWTPayload>;

function tokenVerifier(config: Extract<AuthConfig, { mode: 'jwt' }>): Verify {
  const options: JWTVerifyOptions = {
    requiredClaims: ['sub', 'exp'],
    ...(config.issuer !== undefined && { issuer: config.issuer }),
    ...(config.audience !== undefined && { audience: config.audience }),
  };
  const { key } = config;
  if ('secret' in key) {
    const secret = new TextEncoder().encode(key.secret);
    const algorithms = ['HS256'];
    return (token, currentDate) =>
      explained(async () => (await jwtVerify(token, secret, { ...options, algorithms, currentDate })).payload);
  }
  const keys = createRemoteJWKSet(key.jwksUrl, { timeoutDuration: 3000 });
  const algorithms = [
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
    'Ed25519',
  ];
  return (token, currentDate) =>
    explained(async () => (await jwtVerify(token, keys, { ...options, algorithms, currentDate })).payload);
}

async function explained(verify: () => Promise<JWTPayload>): Promise<JWTPayload> {
  try {
    return await verify();
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new RequestError('token_expired', 'The token has run out.');
    if (error instanceof errors.JOSEError && tokenFaults.has(error.code)) {
      throw new RequestError('unauthenticated', 'The token does not hold.');
    }
    throw new RequestError('unavailable', 'Tokens cannot be checked at the moment.', { retry_after_ms: 1000 });
  }
}

function claimsIdentity(claims: JWTPayload): Identity {
  const id = idSchema.safeParse(claims.sub);
  if (!id.success) throw new RequestError('unauthenticated', "The token's sub is not a user id.");
  const name = cleanText.max(200).min(1).safeParse(claims['name']);
  const scope = typeof claims['scope'] === 'string' ? claims['scope'].split(' ') : [];
  const admin = scope.includes('admin');
  const user = name.success ? { id: id.data, name: name.data } : { id: id.data };
  return {
    user,
    actor: { ...user, agent: admin || scope.includes('agent'), admin },
    expiresAt: Math.min(Math.floor(claims.exp! * 1000), maxExpiryMs),
  };
}
