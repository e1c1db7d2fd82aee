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
  /^\$argon2id\$v=19\$m=(?<memory>\d{1,7}),t=\d{1,2},p=\d{1,2}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{16,86}$/;
const maxMemoryKib = 1024 ** 2;

/** Whether a text is an argon2id hash in PHC format, with costs that a login may take: 1 GiB, 99 passes. */
export function isArgon2idHash(text: string): boolean {
  const memory = argon2idHash.exec(text)?.groups?.['memory'];
  return memory !== undefined && Number(memory) <= maxMemoryKib;
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
