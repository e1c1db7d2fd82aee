import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { startApp } from '../support/app.ts';
import { httpRequest } from '../support/http-request.ts';
import { StartFailed, makeTempDir, startServer } from '../support/process.ts';

async function makePage() {
  const directory = await makeTempDir();
  await mkdir(join(directory.path, 'assets'));
  await writeFile(join(directory.path, 'index.html'), '<!doctype html><title>A page</title>');
  await writeFile(join(directory.path, 'assets', 'main-0a1b2c.js'), 'export {};');
  return directory;
}

describe('a page at /', () => {
  test('is served with a policy that lets it load its own files and nothing else', async () => {
    await using directory = await makePage();
    await using app = await startApp({ pageDir: directory.path });
    const page = await httpRequest(`${app.url}/`);
    expect(page).toMatchObject({ status: 200, text: '<!doctype html><title>A page</title>' });
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    });
    const script = await httpRequest(`${app.url}/assets/main-0a1b2c.js`);
    expect(script.headers['content-type']).toMatch(/^text\/javascript/);
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  });

  test('leaves every other path as it is', async () => {
    await using directory = await makePage();
    await using app = await startApp({ pageDir: directory.path });
    expect((await httpRequest(`${app.url}/healthz`)).status).toBe(200);
    for (const path of ['/nothing', '/assets/nothing.js', '/assets/', '/..%2fserver.js', '/%2e%2e/package.json']) {
      const { status, text } = await httpRequest(`${app.url}${path}`);
      expect([path, status, JSON.parse(text)]).toEqual([
        path,
        expect.any(Number),
        { error: expect.objectContaining({ retry: 'never' }) },
      ]);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
    }
  });

  test('that was not built stops the start with a line that says so', async () => {
    await using directory = await makeTempDir();
    const failed = await startServer({ args: ['--page', directory.path] }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(StartFailed);
    expect((failed as StartFailed).exit).toEqual({ code: 1, signal: null });
    expect((failed as StartFailed).output).toMatch(/^threadwire: --page .*: there is no index\.html in it; [^\n]*\n$/);
  });

  test('is the only thing that can be said on the command line', async () => {
    const failed = await startServer({ args: ['--port', '1'] }).catch((error: unknown) => error);
    expect((failed as StartFailed).output).toMatch(
      /^threadwire: .*'--port'.*the options are --page DIRECTORY and --admin DIRECTORY\n$/,
    );
  });
});
