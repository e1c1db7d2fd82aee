import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SignJWT, UnsecuredJWT, exportJWK, exportSPKI, generateKeyPair } from 'jose';
import type { CryptoKey, JWTPayload } from 'jose';
import type { AuthConfig } from '../../../server/src/config.ts';
import { createAuthenticator } from '../../../server/src/connection/authenticate.ts';
import { RequestError } from '../../../server/src/request-error.ts';

const now = Date.parse('2026-01-15T09:30:00.000Z');
const seconds = now / 1000;
const secret = 'a secret of at least 32 characters';
const claims = { sub: 'ada', exp: seconds + 60 };

const sharedSecret: AuthConfig = { mode: 'jwt', key: { secret } };

function identify(config: AuthConfig, token: string | undefined) {
  return createAuthenticator(config, () => now).identify({ token });
}

/** The error with which a token is refused. */
async function refusal(config: AuthConfig, token: string | undefined): Promise<string> {
  const error = await identify(config, token).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(RequestError);
  // It does not repeat what it was given.
  const [, payload = ''] = (token ?? '').split('.');
  if (payload.length > 10) expect(JSON.stringify((error as RequestError).toObject())).not.toContain(payload);
  return (error as RequestError).code;
}

function sign(
  payload: JWTPayload,
  key: Uint8Array | CryptoKey = encoded(secret),
  header: object = {},
): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: 'HS256', ...header }).sign(key);
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A token around a payload that no library would write, signed properly. */
async function signText(payload: string): Promise<string> {
  const { createHmac } = await import('node:crypto');
  const body = [`{"alg":"HS256"}`, payload].map((part) => Buffer.from(part).toString('base64url')).join('.');
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

describe('in anonymous mode', () => {
  const authenticator = createAuthenticator({ mode: 'anonymous' }, () => now);

  test('everybody is who they say, an agent and no admin, for ever', async () => {
    expect(authenticator.anonymous).toBe(true);
    expect(await authenticator.identify({ user: 'ada', token: 'whatever' })).toEqual({
      user: { id: 'ada' },
      actor: { id: 'ada', agent: true, admin: false },
    });
  });

  test('whoever does not say gets a name that nobody else has', async () => {
    const names = await Promise.all([1, 2, 3].map(async () => (await authenticator.identify({})).user.id));
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^anon-[A-Za-z0-9_-]{12}$/);
  });
});

describe('with a shared secret', () => {
  test('a token tells who it is, and until when', async () => {
    expect(createAuthenticator(sharedSecret, () => now).anonymous).toBe(false);
    expect(await identify(sharedSecret, await sign({ ...claims, name: 'Ada' }))).toEqual({
      user: { id: 'ada', name: 'Ada' },
      actor: { id: 'ada', name: 'Ada', agent: false, admin: false },
      expiresAt: now + 60_000,
    });
  });

  test.each([
    ['agent', true, false],
    ['admin', true, true],
    ['openid agent profile', true, false],
    ['admin agent', true, true],
    ['', false, false],
    ['agents administrator', false, false],
    ['Agent,ADMIN', false, false],
    [['agent', 'admin'], false, false],
    [{ admin: true }, false, false],
    [7, false, false],
  ])('the scope %j gives agent %p and admin %p', async (scope, agent, admin) => {
    const { actor } = await identify(sharedSecret, await sign({ ...claims, scope }));
    expect(actor).toEqual({ id: 'ada', agent, admin });
  });

  test.each(['', 7, 'a\0b', '\uD800', 'x'.repeat(201), ['Ada']])('the name %j is left out', async (name) => {
    const { user, actor } = await identify(sharedSecret, await signText(JSON.stringify({ ...claims, name })));
    expect([user, actor.name]).toEqual([{ id: 'ada' }, undefined]);
  });

  test('who the user says to be does not count', async () => {
    const authenticator = createAuthenticator(sharedSecret, () => now);
    const { user } = await authenticator.identify({ token: await sign(claims), user: 'root' });
    expect(user.id).toBe('ada');
  });

  test.each([
    ['has run out', { exp: seconds - 1 }, 'token_expired'],
    ['runs out at this moment', { exp: seconds }, 'token_expired'],
    ['holds later only', { nbf: seconds + 10 }, 'unauthenticated'],
    ['never runs out', { exp: undefined }, 'unauthenticated'],
    ['has no user', { sub: undefined }, 'unauthenticated'],
    ['has an empty user', { sub: '' }, 'unauthenticated'],
    ['has a user that is no id', { sub: 'ada lovelace' }, 'unauthenticated'],
    ['has a user that is too long', { sub: 'a'.repeat(65) }, 'unauthenticated'],
  ])('a token that %s is refused', async (_name, changes, code) => {
    expect(await refusal(sharedSecret, await signText(JSON.stringify({ ...claims, ...changes })))).toBe(code);
  });

  test.each([
    ['a number as its user', `{"sub":7,"exp":${claims.exp}}`],
    ['a list of users', `{"sub":["ada"],"exp":${claims.exp}}`],
    ['text as its end', `{"sub":"ada","exp":"${claims.exp}"}`],
    ['no claims', '[]'],
    ['no JSON', 'ada'],
  ])('a token with %s is refused', async (_name, payload) => {
    expect(await refusal(sharedSecret, await signText(payload))).toBe('unauthenticated');
  });

  test.each(['9e15', '1e300', '1e999', '253402300800'])(
    'an end at %s counts as the end of the year 9999',
    async (exp) => {
      const { expiresAt } = await identify(sharedSecret, await signText(`{"sub":"ada","exp":${exp}}`));
      expect(new Date(expiresAt!).toISOString()).toBe('9999-12-31T00:00:00.000Z');
    },
  );

  test('an end between two milliseconds counts as the earlier one', async () => {
    const { expiresAt } = await identify(sharedSecret, await signText(`{"sub":"ada","exp":${seconds}.5678}`));
    expect(expiresAt).toBe(now + 567);
  });

  test.each([undefined, '', 'token', 'a.b', 'a.b.c', 'a.b.c.d.e', '..', '\u{1F600}.b.c'])(
    '%j is no token',
    async (token) => {
      expect(await refusal(sharedSecret, token)).toBe('unauthenticated');
    },
  );

  test('a token without a signature is refused', async () => {
    expect(await refusal(sharedSecret, new UnsecuredJWT(claims).encode())).toBe('unauthenticated');
    const [header, payload] = (await sign(claims)).split('.');
    expect(await refusal(sharedSecret, `${header}.${payload}.`)).toBe('unauthenticated');
  });

  test('a token of another secret, another algorithm or with a changed claim is refused', async () => {
    const [header, , signature] = (await sign(claims)).split('.');
    const changed = Buffer.from(JSON.stringify({ ...claims, scope: 'admin' })).toString('base64url');
    const tokens = [
      await sign(claims, encoded('another secret of 32 characters!')),
      await sign(claims, encoded(secret.repeat(2)), { alg: 'HS512' }),
      await sign(claims, encoded(secret), { alg: 'HS512' }),
      `${header}.${changed}.${signature}`,
    ];
    for (const token of tokens) expect(await refusal(sharedSecret, token)).toBe('unauthenticated');
  });

  test('issuer and audience must be those of the configuration', async () => {
    const config: AuthConfig = { ...sharedSecret, issuer: 'us', audience: 'threads' };
    const accepted = await identify(config, await sign({ ...claims, iss: 'us', aud: ['other', 'threads'] }));
    expect(accepted.user.id).toBe('ada');
    for (const other of [
      { iss: 'us' },
      { aud: 'threads' },
      { iss: 'them', aud: 'threads' },
      { iss: 'us', aud: 'other' },
    ]) {
      expect(await refusal(config, await sign({ ...claims, ...other }))).toBe('unauthenticated');
    }
  });
});

describe('with the keys at a URL', () => {
  const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const;
  const keys = new Map<string, Awaited<ReturnType<typeof generateKeyPair>>>();
  let keySet = '';
  let server: Server;
  let answer = { status: 200, body: '' };

  beforeAll(async () => {
    const published: object[] = [];
    for (const alg of algorithms) {
      const pair = await generateKeyPair(alg, { extractable: true });
      keys.set(alg, pair);
      published.push({ ...(await exportJWK(pair.publicKey)), kid: alg, alg });
    }
    keySet = JSON.stringify({ keys: published });
    server = createServer((_request, response) => {
      response.writeHead(answer.status, { 'Content-Type': 'application/json', Connection: 'close' }).end(answer.body);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  function configured(): AuthConfig {
    answer = { status: 200, body: keySet };
    const { port } = server.address() as AddressInfo;
    return { mode: 'jwt', key: { jwksUrl: new URL(`http://127.0.0.1:${port}/jwks`) } };
  }

  function signed(alg: string, header: object = { kid: alg }): Promise<string> {
    return sign({ ...claims, scope: 'agent' }, keys.get(alg)!.privateKey, { alg, ...header });
  }

  test.each(algorithms)('a token signed with %s holds', async (alg) => {
    expect(await identify(configured(), await signed(alg))).toEqual({
      user: { id: 'ada' },
      actor: { id: 'ada', agent: true, admin: false },
      expiresAt: now + 60_000,
    });
  });

  test('a token of an unknown key, or of none, is refused', async () => {
    const other = await generateKeyPair('ES256');
    expect(await refusal(configured(), await signed('ES256', { kid: 'other' }))).toBe('unauthenticated');
    expect(await refusal(configured(), await sign(claims, other.privateKey, { alg: 'ES256', kid: 'ES256' }))).toBe(
      'unauthenticated',
    );
    expect(await refusal(configured(), new UnsecuredJWT(claims).encode())).toBe('unauthenticated');
  });

  test('a public key is no shared secret', async () => {
    for (const alg of algorithms) {
      const { publicKey } = keys.get(alg)!;
      const forged = await sign({ ...claims, scope: 'admin' }, encoded(await exportSPKI(publicKey)), { kid: alg });
      expect(await refusal(configured(), forged)).toBe('unauthenticated');
    }
  });

  test('a key cannot be used with the algorithm of another', async () => {
    expect(await refusal(configured(), await signed('RS256', { kid: 'ES256' }))).toBe('unauthenticated');
  });

  test('a token that has run out is told apart', async () => {
    const token = await sign({ ...claims, exp: seconds - 1 }, keys.get('ES256')!.privateKey, {
      alg: 'ES256',
      kid: 'ES256',
    });
    expect(await refusal(configured(), token)).toBe('token_expired');
  });

  test.each([
    ['fails', { status: 500, body: 'oops' }],
    ['does not answer with JSON', { status: 200, body: '<html>' }],
    ['does not answer with keys', { status: 200, body: '{"keys":7}' }],
    ['is elsewhere', { status: 404, body: '{}' }],
  ])('nobody can be checked while the server of the keys %s, and everybody once it is back', async (_name, fault) => {
    const authenticator = createAuthenticator(configured(), () => now);
    const token = await signed('ES256');
    answer = fault;
    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await authenticator.identify({ token }).catch((thrown: unknown) => thrown);
      expect((error as RequestError).toObject()).toMatchObject({ code: 'unavailable', retry_after_ms: 1000 });
    }
    answer = { status: 200, body: keySet };
    expect((await authenticator.identify({ token })).user.id).toBe('ada');
    // From now on the keys are known.
    answer = fault;
    expect((await authenticator.identify({ token })).user.id).toBe('ada');
  });

  test('nobody can be checked while nothing listens there', async () => {
    const key = { jwksUrl: new URL('http://127.0.0.1:1/jwks') };
    expect(await refusal({ mode: 'jwt', key }, await signed('ES256'))).toBe('unavailable');
  });
});
