#!/usr/bin/env node
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { hashPassword, maxPasswordBytes } from './admin/operator-account.ts';

/** The first line of standard input; typed, it is not shown. */
async function readPassword(): Promise<string> {
  const { stdin, stderr } = process;
  const isTyped = stdin.isTTY;
  if (isTyped) stderr.write('Password: ');
  // Whoever edits the line has its terminal show it, but for this one.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: isTyped });
  lines.once('SIGINT', () => process.exit(130));
  const [line = ''] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?];
  lines.close();
  if (isTyped) stderr.write('\n');
  return line;
}

const password = await readPassword();
if (password === '' || Buffer.byteLength(password) > maxPasswordBytes) {
  console.error(`threadwire: a password has 1 to ${maxPasswordBytes} bytes; none was made of this one`);
  process.exit(1);
}
// In quotes, because a shell would take its dollar signs for variables.
console.log(`ADMIN_PASSWORD_HASH='${await hashPassword(password)}'`);
