import { SignJWT } from 'jose';
import type { JWTPayload } from 'jose';

/** Of the tests' servers; as long as HS256 wants it. */
export const jwtSecret = 'a secret of thirty-two bytes or more';

export interface TokenOptions {
  readonly scope?: string;
  readonly name?: string;
  /** Milliseconds since the epoch; an hour from now, if nothing is said. */
  readonly expiresAt?: number;
  /** Further claims, and those to be left out (`undefined`). */
  readonly claims?: JWTPayload;
  readonly secret?: string;
  readonly algorithm?: string;
}

/** A token of the user, signed like the application's would be. */
export async function tokenFor(user: string, options: TokenOptions = {}): Promise<string> {
  const { secret = jwtSecret, algorithm = 'HS256' } = options;
  return new SignJWT(claimsOf(user, options))
    .setProtectedHeader({ alg: algorithm })
    .sign(new TextEncoder().encode(secret));
}

/** The claims of {@link tokenFor}, for tokens that are signed in another way. */
export function claimsOf(user: string, { scope, name, expiresAt = Date.now() + 3_600_000, claims }: TokenOptions = {}) {
  return {
    sub: user,
    exp: Math.floor(expiresAt / 1000),
    ...(scope !== undefined && { scope }),
    ...(name !== undefined && { name }),
    ...claims,
  };
}
