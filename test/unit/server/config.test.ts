import { describe, expect, test } from '@jest/globals';
import { ConfigError, isLoopback, loadConfig } from '../../../server/src/config.ts';
import type { Config } from '../../../server/src/config.ts';

type Environment = Record<string, string | undefined>;

/** The one line with which a start is refused. */
function refusal(env: Environment): string {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as ConfigError;
    expect(message).not.toMatch(/[\r\n]/);
    return message;
  }
  throw new Error('it was accepted');
}

const defaults: Config = {
  host: '127.0.0.1',
  port: 3000,
  mongodbUri: undefined,
  dataDir: './data',
  auth: { mode: 'anonymous' },
  corsOrigins: [],
  transports: ['websocket'],
  trustedProxies: 0,
  metricsToken: undefined,
  operator: { username: 'admin', secret: undefined },
  ratePerSecond: 50,
  maxSubscriptions: 1000,
  streamLeaseMs: 30_000,
  streamMaxIdleMs: 600_000,
  drainTimeoutMs: 10_000,
  logLevel: 'info',
};

test('an empty environment gives a server for this machine only', () => {
  expect(loadConfig({})).toEqual(defaults);
});

test('an empty variable counts as unset, and others are none of our business', () => {
  const names = ['PORT', 'HOST', 'MONGODB_URI', 'ALLOW_ANONYMOUS', 'TRANSPORTS', 'CORS_ORIGINS', 'REDIS_URL'];
  const env = Object.fromEntries(names.map((name) => [name, '']));
  expect(loadConfig({ ...env, METRICS_TOKEN: undefined, PATH: '/bin', __proto__: 'x' })).toEqual(defaults);
});

describe('a good value is taken', () => {
  test.each<[Environment, Partial<Config>]>([
    [{ PORT: '0' }, { port: 0 }],
    [{ PORT: '65535' }, { port: 65_535 }],
    [{ HOST: '::1' }, { host: '::1' }],
    [{ HOST: '[::1]' }, { host: '::1' }],
    [{ HOST: 'LOCALHOST' }, { host: 'localhost' }],
    [{ HOST: 'Chat-1.Example', ALLOW_ANONYMOUS: '1' }, { host: 'chat-1.example' }],
    [{ HOST: 'fe80::1%eth0', ALLOW_ANONYMOUS: '1' }, { host: 'fe80::1%eth0' }],
    [{ MONGODB_URI: 'mongodb://a:1,b:2/db?replicaSet=r' }, { mongodbUri: 'mongodb://a:1,b:2/db?replicaSet=r' }],
    [{ MONGODB_URI: 'mongodb+srv://a.example' }, { mongodbUri: 'mongodb+srv://a.example' }],
    [{ DATA_DIR: '/var/lib/x' }, { dataDir: '/var/lib/x' }],
    [
      { CORS_ORIGINS: ' https://a.example, http://b.example:8080 ,' },
      { corsOrigins: ['https://a.example', 'http://b.example:8080'] },
    ],
    [{ TRANSPORTS: 'websocket,polling' }, { transports: ['websocket', 'polling'] }],
    [{ TRANSPORTS: 'polling' }, { transports: ['polling'] }],
    [{ METRICS_TOKEN: 'm+/=~!' }, { metricsToken: 'm+/=~!' }],
    [{ RATE_LIMIT_PER_SECOND: '0' }, { ratePerSecond: 0 }],
    [{ MAX_SUBSCRIPTIONS: '1' }, { maxSubscriptions: 1 }],
    [{ STREAM_LEASE_MS: '1' }, { streamLeaseMs: 1 }],
    [{ STREAM_MAX_IDLE_MS: '5000' }, { streamMaxIdleMs: 5000 }],
    [{ DRAIN_TIMEOUT_MS: '0' }, { drainTimeoutMs: 0 }],
    [{ LOG_LEVEL: 'silent' }, { logLevel: 'silent' }],
  ])('%j', (env, expected) => {
    expect(loadConfig(env)).toEqual({ ...defaults, ...expected });
  });
});

describe('a bad value is refused by the name of its variable', () => {
  const numbers = {
    PORT: ['-1', '65536'],
    RATE_LIMIT_PER_SECOND: ['1000001'],
    MAX_SUBSCRIPTIONS: ['0', '1000001'],
    STREAM_LEASE_MS: ['0', '86400001'],
    STREAM_MAX_IDLE_MS: ['0', '86400001'],
    DRAIN_TIMEOUT_MS: ['-1', '86400001'],
  };
  test.each(
    Object.entries(numbers).flatMap(([name, values]) =>
      [...values, 'x', '1.5', '1e3', '0x10', ' 1', '1 ', '+1', '٣', '1'.repeat(16)].map(
        (value) => [name, value] as const,
      ),
    ),
  )('%s=%j', (name, value) => {
    const message = refusal({ [name]: value });
    expect(message.startsWith(`${name} must be a whole number from `)).toBe(true);
    expect(message).toContain(JSON.stringify(value));
  });

  test.each([
    ['ALLOW_ANONYMOUS', 'yes'],
    ['ALLOW_ANONYMOUS', '2'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://a.example/'],
    ['CORS_ORIGINS', 'https://a.example, b.example'],
    ['CORS_ORIGINS', 'https://A.example'],
    ['CORS_ORIGINS', 'null'],
    ['CORS_ORIGINS', 'ws://a.example'],
    ['TRANSPORTS', 'webtransport'],
    ['TRANSPORTS', 'websocket polling'],
    ['TRANSPORTS', ','],
    ['TRANSPORTS', ' '],
    ['HOST', '127.0.0.1:3000'],
    ['HOST', '[::1]:3000'],
    ['HOST', '[localhost]'],
    ['HOST', ' localhost'],
    ['HOST', 'http://localhost'],
    ['LOG_LEVEL', 'verbose'],
    ['LOG_LEVEL', 'new\nline'],
  ])('%s=%j', (name, value) => {
    const message = refusal({ [name]: value });
    expect(message.startsWith(`${name} must `)).toBe(true);
    expect(message).toContain(JSON.stringify(value));
  });

  test.each([
    ['MONGODB_URI', 'postgres://user:secret@db'],
    ['MONGODB_URI', 'mongodb://'],
    ['REDIS_URL', 'http://:secret@cache'],
    ['REDIS_URL', 'secret'],
    ['AUTH_JWKS_URL', 'ftp://user:secret@keys.example'],
    ['AUTH_JWKS_URL', 'secret'],
    // No client can send it.
    ['METRICS_TOKEN', 'secret with blanks'],
    ['METRICS_TOKEN', 'secret\n'],
    ['METRICS_TOKEN', 'sécret'],
  ])('%s=%j, which is not repeated', (name, value) => {
    const message = refusal({ [name]: value });
    expect(message.startsWith(`${name} `)).toBe(true);
    expect(message).not.toContain('secret');
    expect(message).not.toContain('(it is ');
  });
});

describe('REDIS_URL', () => {
  test('needs MONGODB_URI', () => {
    expect(refusal({ REDIS_URL: 'redis://:secret@cache' })).toMatch(/^REDIS_URL needs MONGODB_URI(?!.*secret)/);
  });
});

describe('who may use the server', () => {
  const secret = 'a secret of at least 32 characters';

  test('is told by a shared secret', () => {
    expect(loadConfig({ AUTH_JWT_SECRET: secret, AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' }).auth).toEqual({
      mode: 'jwt',
      key: { secret },
      issuer: 'i',
      audience: 'a',
    });
  });

  test('is told by the keys at a URL', () => {
    expect(loadConfig({ AUTH_JWKS_URL: 'https://keys.example/jwks' }).auth).toEqual({
      mode: 'jwt',
      key: { jwksUrl: new URL('https://keys.example/jwks') },
      issuer: undefined,
      audience: undefined,
    });
  });

  test.each(['1', 'true'])('is everybody, also from elsewhere, where ALLOW_ANONYMOUS is %s', (value) => {
    expect(loadConfig({ ALLOW_ANONYMOUS: value, HOST: '0.0.0.0' }).auth).toEqual({ mode: 'anonymous' });
  });

  test.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('is everybody where HOST is %s', (HOST) => {
    expect(loadConfig({ HOST }).auth).toEqual({ mode: 'anonymous' });
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', 'chat.example', '127.0.0.1.evil.example'])(
    'must be decided where HOST is %s',
    (HOST) => expect(refusal({ HOST })).toMatch(/^HOST .*ALLOW_ANONYMOUS=1/),
  );

  test.each(['0.0.0.0', '10.0.0.1'])('is decided by keys where HOST is %s', (HOST) => {
    expect(loadConfig({ HOST, AUTH_JWT_SECRET: secret }).auth.mode).toBe('jwt');
  });

  test.each(['0', 'false'])('is decided by keys where ALLOW_ANONYMOUS is %s', (value) => {
    expect(loadConfig({ ALLOW_ANONYMOUS: value, AUTH_JWT_SECRET: secret }).auth.mode).toBe('jwt');
    expect(refusal({ ALLOW_ANONYMOUS: value })).toMatch(/^ALLOW_ANONYMOUS=0 .*AUTH_JWT_SECRET/);
  });

  const names = ['AUTH_JWT_SECRET', 'AUTH_JWKS_URL', 'AUTH_ISSUER', 'AUTH_AUDIENCE'];
  test.each(names.flatMap((name) => ['', ' ', '\t\n'].map((value) => [name, value] as const)))(
    'is not everybody where %s was to say it and is %j',
    (name, value) => {
      const others = name === 'AUTH_JWT_SECRET' ? {} : { AUTH_JWT_SECRET: secret };
      for (const env of [{}, others, { ALLOW_ANONYMOUS: '1', HOST: '0.0.0.0' }]) {
        expect(refusal({ ...env, [name]: value })).toMatch(new RegExp(`^${name} is set but empty: `));
      }
    },
  );

  test.each<[string, Environment]>([
    ['AUTH_JWT_SECRET', { AUTH_JWT_SECRET: secret }],
    ['AUTH_JWKS_URL', { AUTH_JWKS_URL: 'https://keys.example' }],
    ['AUTH_ISSUER', { AUTH_ISSUER: 'issuer' }],
    ['AUTH_AUDIENCE', { AUTH_AUDIENCE: 'audience' }],
  ])('is not both everybody and decided by %s', (name, env) => {
    const message = refusal({ ...env, ALLOW_ANONYMOUS: '1' });
    expect(message).toMatch(new RegExp(`^ALLOW_ANONYMOUS=1 and ${name} `));
    expect(message).not.toContain(secret);
  });

  test('is not told by two kinds of keys', () => {
    const message = refusal({ AUTH_JWT_SECRET: secret, AUTH_JWKS_URL: 'https://keys.example' });
    expect(message).toMatch(/^AUTH_JWT_SECRET and AUTH_JWKS_URL /);
    expect(message).not.toContain(secret);
  });

  test.each(['AUTH_ISSUER', 'AUTH_AUDIENCE'])('is not told by %s alone', (name) => {
    expect(refusal({ [name]: 'x' })).toMatch(new RegExp(`^${name} needs AUTH_JWT_SECRET or AUTH_JWKS_URL`));
  });
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.255.0.3', true],
  ['::1', true],
  ['[::1]', true],
  ['128.0.0.1', false],
  ['0.0.0.0', false],
  ['::', false],
  ['localhost.example', false],
  ['127.0.0.1.example', false],
])('%s is this machine: %p', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
