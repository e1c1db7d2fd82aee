import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import { connectNamespace, logIn, postForm } from '../support/operator.ts';
import { startServer } from '../support/process.ts';

const root = join(__dirname, '..', '..');
const oneTime = /^ *operators +(\S+)\/admin\/ .*one-time password (\S+):/m;

/** What the program that hashes passwords says of what it is given. */
async function hashOf(input: string): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(process.execPath, [join(root, 'server', 'dist', 'hash-password.js')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(input);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number]>]);
  return { code, output };
}

describe('a start without a password for operators', () => {
  test('prints one on loopback, which lets in until the next start', async () => {
    await using first = await startServer();
    await first.waitForOutput(oneTime);
    const [, url, password] = oneTime.exec(first.output)!;
    expect(url).toBe(first.url);
    expect(password!.length).toBeGreaterThanOrEqual(16);
    const cookie = await logIn(first, password);
    const { outcome, socket } = await connectNamespace(first, '/admin', { Cookie: cookie });
    expect(outcome).toBe('connected');
    socket.disconnect();

    await using second = await startServer();
    await second.waitForOutput(oneTime);
    expect(oneTime.exec(second.output)![2]).not.toBe(password);
    await expect(logIn(second, password)).rejects.toThrow('401');
    // A cookie of the first server is none here.
    expect((await connectNamespace(second, '/admin', { Cookie: cookie })).outcome).toBe('unauthenticated');
  });

  test('elsewhere lets nobody in, and says so', async () => {
    await using server = await startServer({ env: { HOST: '0.0.0.0', ALLOW_ANONYMOUS: '1' } });
    await server.waitForOutput(/^ *operators +none: set ADMIN_PASSWORD/m);
    expect(server.output).not.toMatch(/one-time/);
    const url = `http://127.0.0.1:${server.port}`;
    expect((await postForm({ url }, '/admin/login', { username: 'admin', password: '' })).status).toBe(403);
  });
});

test('a password of the environment is not printed, and lets in under the name that was set', async () => {
  const env = { ADMIN_USERNAME: 'op', ADMIN_PASSWORD: 'hunter2 hunter2', LOG_LEVEL: 'trace' };
  await using server = await startServer({ env });
  await server.waitForOutput(/^ *operators +\S+\/admin\/ +\(user op\)$/m);
  const wrong = await postForm(server, '/admin/login', { username: 'admin', password: env.ADMIN_PASSWORD });
  const right = await postForm(server, '/admin/login', { username: 'op', password: env.ADMIN_PASSWORD });
  expect([wrong.status, right.status]).toEqual([401, 303]);
  await server.waitForOutput(/"outcome":"ok"/);
  expect(server.output).not.toContain('hunter2');
});

test('a hash that the program made lets in by its password', async () => {
  const { code, output } = await hashOf('pass "word" $HOME é\nanother line\n');
  const [, hash] = /^ADMIN_PASSWORD_HASH='(\$argon2id\$v=19\$[^']+)'\n$/.exec(output) ?? [];
  expect([code, hash]).toEqual([0, expect.any(String)]);
  await using server = await startServer({ env: { ADMIN_PASSWORD_HASH: hash! } });
  expect(await logIn(server, 'pass "word" $HOME é')).toMatch(/^threadwire_operator=/);
});

test.each([
  ['nothing', ''],
  ['an empty line', '\n'],
  ['more than a password has', `${'x'.repeat(1025)}\n`],
])('of %s it makes no hash', async (_what, input) => {
  expect(await hashOf(input)).toEqual({ code: 1, output: '' });
});
