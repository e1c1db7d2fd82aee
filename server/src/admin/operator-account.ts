import { timingSafeEqual } from 'node:crypto';
import { hash } from '@node-rs/argon2';
import { PasswordCheck } from './password-check.ts';

/** What proves an operator: a password, or an argon2id hash of one (`$argon2id$…`). */
export type OperatorSecret = { readonly password: string } | { readonly hash: string };

export interface OperatorOptions {
  readonly username: string;
  readonly secret: OperatorSecret;
}

/** An argon2id hash in PHC format. */
const argon2idHash =
  /^\$argon2id\$v=19\$m=(?<memory>[1-9]\d{0,6}),t=[1-9]\d?,p=(?<lanes>[1-9]\d?)\$(?<salt>[A-Za-z0-9+/]{11,86})\$(?<output>[A-Za-z0-9+/]{16,86})$/;
const maxMemoryKib = 1024 ** 2;
const kibPerLane = 8;

/**
 * Whether a text is an argon2id hash in PHC format that passwords can be compared with, with costs that a login may take: 1 GiB,
 * 99 passes.
 */
export function isArgon2idHash(text: string): boolean {
  const { memory, lanes, salt, output } = argon2idHash.exec(text)?.groups ?? {};
  if (memory === undefined || lanes === undefined) return false;
  const isMemory = Number(memory) <= maxMemoryKib && Number(memory) >= kibPerLane * Number(lanes);
  return isMemory && isBase64(salt!) && isBase64(output!);
}

/** Whether it is what some bytes are written as, without padding. */
function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64').replace(/=+$/, '') === text;
}

const argon2id = 2;
/** The second profile that OWASP recommends for argon2id: 19 MiB, two passes. */
const hashing = { algorithm: argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** A password beyond this is no password. */
export const maxPasswordBytes = 1024;

/** Hashes a password for `ADMIN_PASSWORD_HASH`. */
export function hashPassword(password: string): Promise<string> {
  return hash(password, hashing);
}

/** The one operator account. */
export class OperatorAccount {
  readonly username: string;
  readonly #hash: Promise<string>;
  readonly #check = new PasswordCheck();

  constructor({ username, secret }: OperatorOptions) {
    this.username = username;
    this.#hash = 'hash' in secret ? Promise.resolve(secret.hash) : hashPassword(secret.password);
  }

  /** Whether somebody may log in. A wrong name takes as long as a wrong password. */
  async isRight(username: string, password: string): Promise<boolean> {
    if (Buffer.byteLength(password) > maxPasswordBytes) return false;
    const isPassword = await this.#check.isRight({ hash: await this.#hash, password });
    return isSame(username, this.username) && isPassword;
  }

  async close(): Promise<void> {
    await this.#check.close();
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
