import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { chromium as playwright } from 'playwright-core';
import { startApp } from './support/app.ts';
import { operator } from './support/operator.ts';
import { chromium } from './support/requirements.cjs';

const executablePath = chromium();

test('the page of the login lets browsers say where its form comes from', async () => {
  await using app = await startApp({ operator });
  const page = await fetch(`${app.url}/admin/`);
  // By `no-referrer` they send `Origin: null` with it, which is refused.
  expect(page.headers.get('Referrer-Policy')).toBe('same-origin');
});

describe('in Chromium', () => {
  if (executablePath === undefined) {
    test.todo('is not here');
    return;
  }
  test('an operator logs in by the form', async () => {
    await using app = await startApp({ operator });
    const browser = await playwright.launch({ executablePath, args: ['--disable-gpu'], timeout: 60_000 });
    try {
      const page = await browser.newPage();
      await page.goto(`${app.url}/admin/`);
      await page.getByLabel('Name').fill(operator.username);
      await page.getByLabel('Password').fill(operator.secret.password);
      const answered = page.waitForResponse((response) => response.request().method() === 'POST');
      await page.getByRole('button').click();
      expect((await answered).status()).toBe(303);
      expect(await page.context().cookies()).toEqual([
        expect.objectContaining({ name: 'threadwire_operator', httpOnly: true, sameSite: 'Strict' }),
      ]);
    } finally {
      await browser.close();
    }
  }, 90_000);
});

test('a login whose body does not come is cut off', async () => {
  await using app = await startApp({ operator });
  const socket = connect(app.server.port, '127.0.0.1');
  socket.resume();
  socket.write(
    'POST /admin/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
  );
  await once(socket, 'close', { signal: AbortSignal.timeout(20_000) });
  expect(socket.destroyed).toBe(true);
});
