import { isIP } from 'node:net';
import { z } from 'zod';
import { isArgon2idHash, maxPasswordBytes } from './admin/operator-account.ts';
import type { OperatorSecret } from './admin/operator-account.ts';

export type Transport = 'websocket' | 'polling';

/** How users prove who they are. */
export type AuthConfig =
  | { readonly mode: 'anonymous' }
  | {
      readonly mode: 'jwt';
      readonly key: { readonly secret: string } | { readonly jwksUrl: URL };
      readonly issuer?: string | undefined;
      readonly audience?: string | undefined;
    };

/** Everything that the environment decides. */
export interface Config {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly mongodbUri?: string | undefined;
  readonly dataDir: string;
  readonly auth: AuthConfig;
  readonly corsOrigins: readonly string[];
  readonly transports: readonly Transport[];
  /** Proxies of ours before this server, whose word of addresses is taken. */
  readonly trustedProxies: number;
  readonly metricsToken?: string | undefined;
  readonly operator: {
    readonly username: string;
    /** Undefined: none was set. */
    readonly secret: OperatorSecret | undefined;
  };
  /** Events per second and connection; 0: no limit. */
  readonly ratePerSecond: number;
  readonly maxSubscriptions: number;
  readonly streamLeaseMs: number;
  readonly streamMaxIdleMs: number;
  readonly drainTimeoutMs: number;
  readonly logLevel: string;
}

/** The environment holds a value that cannot be used. The message is one line that names the variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

function integer(min: number, max: number, fallback: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .pipe(z.number().min(min, message).max(max, message))
    .default(fallback);
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function url(protocols: readonly string[]) {
  const message = `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  return z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), message);
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}

/** A host name in lower case, or an address as `listen` takes it: IPv6 without the brackets that URLs put around it. */
function normalHost(text: string): string {
  const address = text.replace(/^\[(.+)\]$/, '$1');
  return isIP(address) === 0 ? text.toLowerCase() : address;
}

const transportsMessage = 'must be websocket, polling or both, by a comma';
const dayMs = 24 * 60 * 60 * 1000;

/** A secret that was to be injected and is missing must not open the server to everybody. */
const filled = z.string().refine((text) => text.trim() !== '', 'is set but empty: give it a value, or unset it');

const environmentSchema = z.object({
  PORT: integer(0, 65_535, 3000),
  HOST: z
    .string()
    .transform(normalHost)
    .refine(
      (host) => isIP(host) !== 0 || /^[a-z\d._-]+$/.test(host),
      'must be an address or a host name and nothing else: the port is PORT',
    )
    .default('127.0.0.1'),
  // A mongodb:// URI may list several hosts, which is not a URL to everybody.
  MONGODB_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\/./, 'must begin with mongodb:// or mongodb+srv://')
    .optional(),
  DATA_DIR: z.string().default('./data'),
  REDIS_URL: url(['redis:', 'rediss:']).optional(),
  AUTH_JWT_SECRET: filled.optional(),
  AUTH_JWKS_URL: filled.pipe(url(['http:', 'https:'])).optional(),
  AUTH_ISSUER: filled.optional(),
  AUTH_AUDIENCE: filled.optional(),
  ALLOW_ANONYMOUS: z
    .enum(['0', '1', 'false', 'true'], 'must be 0 or 1')
    .transform((text) => text === '1' || text === 'true')
    .optional(),
  CORS_ORIGINS: z
    .string()
    .default('')
    .transform(list)
    .pipe(z.array(z.string().refine(isOrigin, 'must list exact origins such as https://app.example, by commas'))),
  TRANSPORTS: z
    .string()
    .default('websocket')
    .transform(list)
    .pipe(z.array(z.enum(['websocket', 'polling'], transportsMessage)).min(1, transportsMessage)),
  TRUST_PROXY: integer(0, 10, 0),
  ADMIN_USERNAME: z
    .string()
    .regex(/^[^\p{C}]{1,64}$/u, 'must be 1 to 64 characters')
    .default('admin'),
  ADMIN_PASSWORD: filled
    .refine((text) => Buffer.byteLength(text) <= maxPasswordBytes, `must be at most ${maxPasswordBytes} bytes`)
    // As files of secrets often end in one. Nobody could log in.
    .refine((text) => !/[\r\n]/.test(text), 'must be without line breaks, which browsers leave out of a password')
    .optional(),
  ADMIN_PASSWORD_HASH: filled
    .pipe(
      z.string().refine(isArgon2idHash, 'must be an argon2id hash, $argon2id$v=19$m=…,t=…,p=…$…$…, of 1 GiB at most'),
    )
    .optional(),
  METRICS_TOKEN: z
    .string()
    .regex(/^[!-~]+$/, 'must be ASCII without blanks, as a bearer token is')
    .optional(),
  RATE_LIMIT_PER_SECOND: integer(0, 1_000_000, 50),
  MAX_SUBSCRIPTIONS: integer(1, 1_000_000, 1000),
  STREAM_LEASE_MS: integer(1, dayMs, 30_000),
  STREAM_MAX_IDLE_MS: integer(1, dayMs, 600_000),
  DRAIN_TIMEOUT_MS: integer(0, dayMs, 10_000),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'must be trace, debug, info, warn, error, fatal or silent',
    })
    .default('info'),
});
type Environment = z.infer<typeof environmentSchema>;

/** Whether a host name or address means this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** Values that would show a secret in the line that complains about them. */
const secrets = new Set([
  'ADMIN_PASSWORD',
  'ADMIN_PASSWORD_HASH',
  'AUTH_JWT_SECRET',
  'METRICS_TOKEN',
  'MONGODB_URI',
  'REDIS_URL',
  'AUTH_JWKS_URL',
]);

/** Variables whose value says who gets in. */
const mayNotBeEmpty = /^(AUTH_|ADMIN_PASSWORD)/;

/**
 * Reads the configuration from environment variables; an empty one counts as unset, but for those that say who gets in.
 *
 * @throws {ConfigError} at the first value that cannot be used.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => value !== undefined && (value !== '' || mayNotBeEmpty.test(name))),
  );
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const name = String(issue.path[0]);
    const shown = secrets.has(name) ? '' : ` (it is ${JSON.stringify(given[name])})`;
    throw new ConfigError(`${name} ${issue.message}${shown}`);
  }
  const values = parsed.data;
  if (values.REDIS_URL !== undefined) {
    throw new ConfigError(
      values.MONGODB_URI === undefined
        ? 'REDIS_URL needs MONGODB_URI: several nodes share one MongoDB'
        : 'REDIS_URL is not supported by this version: run one node, without it',
    );
  }
  return {
    host: values.HOST,
    port: values.PORT,
    mongodbUri: values.MONGODB_URI,
    dataDir: values.DATA_DIR,
    auth: authConfig(values),
    corsOrigins: values.CORS_ORIGINS,
    transports: values.TRANSPORTS,
    trustedProxies: values.TRUST_PROXY,
    metricsToken: values.METRICS_TOKEN,
    operator: { username: values.ADMIN_USERNAME, secret: operatorSecret(values) },
    ratePerSecond: values.RATE_LIMIT_PER_SECOND,
    maxSubscriptions: values.MAX_SUBSCRIPTIONS,
    streamLeaseMs: values.STREAM_LEASE_MS,
    streamMaxIdleMs: values.STREAM_MAX_IDLE_MS,
    drainTimeoutMs: values.DRAIN_TIMEOUT_MS,
    logLevel: values.LOG_LEVEL,
  };
}

function operatorSecret({ ADMIN_PASSWORD: password, ADMIN_PASSWORD_HASH: hash }: Environment) {
  if (password !== undefined && hash !== undefined) {
    throw new ConfigError('ADMIN_PASSWORD and ADMIN_PASSWORD_HASH exclude each other: unset one of them');
  }
  if (hash !== undefined) return { hash };
  return password === undefined ? undefined : { password };
}

function authConfig(values: Environment): AuthConfig {
  const { AUTH_JWT_SECRET: secret, AUTH_JWKS_URL: jwksUrl, ALLOW_ANONYMOUS: anonymous } = values;
  const named = (['AUTH_JWT_SECRET', 'AUTH_JWKS_URL', 'AUTH_ISSUER', 'AUTH_AUDIENCE'] as const).filter(
    (name) => values[name] !== undefined,
  );
  if (anonymous && named.length > 0) {
    throw new ConfigError(`ALLOW_ANONYMOUS=1 and ${named[0]} exclude each other: unset one of them`);
  }
  if (secret !== undefined && jwksUrl !== undefined) {
    throw new ConfigError('AUTH_JWT_SECRET and AUTH_JWKS_URL exclude each other: unset one of them');
  }
  const rules = { issuer: values.AUTH_ISSUER, audience: values.AUTH_AUDIENCE };
  if (secret !== undefined) return { mode: 'jwt', key: { secret }, ...rules };
  if (jwksUrl !== undefined) return { mode: 'jwt', key: { jwksUrl: new URL(jwksUrl) }, ...rules };
  if (named.length > 0) {
    throw new ConfigError(`${named[0]} needs AUTH_JWT_SECRET or AUTH_JWKS_URL to check tokens with`);
  }
  if (anonymous === false) {
    throw new ConfigError('ALLOW_ANONYMOUS=0 lets nobody in: set AUTH_JWT_SECRET or AUTH_JWKS_URL');
  }
  if (anonymous === undefined && !isLoopback(values.HOST)) {
    throw new ConfigError(
      `HOST ${JSON.stringify(values.HOST)} is not loopback: set AUTH_JWT_SECRET or AUTH_JWKS_URL, or ALLOW_ANONYMOUS=1`,
    );
  }
  return { mode: 'anonymous' };
}
