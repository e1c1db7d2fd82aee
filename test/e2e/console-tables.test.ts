import { expect, test } from '@jest/globals';
import type { Locator } from 'playwright-core';
import { startApp } from '../support/app.ts';
import { describeInChromium } from '../support/browser.ts';
import { connectClient } from '../support/client.ts';
import { adminDir, ConsoleWindow } from '../support/console-window.ts';
import { eventually } from '../support/eventually.ts';
import { openConsole, operator } from '../support/operator.ts';
import { upTo } from '../support/store-ops.ts';

const timeoutMs = 120_000;
const laptop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

describeInChromium('the tables of the console', (browser) => {
  test(
    'grow by nothing while they are pointed at or walked through, say how much waits, and show it when asked',
    async () => {
      await using app = await startApp({ operator, adminDir, ratePerSecond: 0 });
      await using window = await ConsoleWindow.logIn(await browser.newContext({ viewport: laptop }), app);
      const { page } = window;
      await using ada = await connectClient(app.url, { user: 'ada' });
      const refuse = async (count: number): Promise<void> => {
        await Promise.all(upTo(count).map((n) => ada.request('fetch_history', { thread_id: `none-${n}` })));
      };
      await refuse(3);
      await window.open('Errors');
      const rows = window.table('Last refusals').locator('tbody tr');
      await eventually('they are there', async () => (await rows.count()) === 3);
      const top = await rows.nth(1).boundingBox();
      await rows.nth(1).hover();
      // More than are kept: the first three are pushed out.
      await refuse(250);
      const waiting = page.getByRole('button', { name: '200 newer wait: show' });
      await waiting.waitFor();
      expect([await rows.count(), await rows.nth(1).boundingBox()]).toEqual([3, top]);
      // They were refused for all that.
      expect(await window.table('Last refusals').locator('[data-gone]').count()).toBe(0);
      await waiting.click();
      await eventually('all are shown', async () => (await rows.count()) === 200);
      await rows.nth(1).hover();
      await refuse(2);
      await page.getByRole('button', { name: '2 newer wait: show' }).waitFor();
      expect(await rows.count()).toBe(200);
      await page.getByRole('searchbox').hover();
      await waiting.waitFor({ state: 'detached' });

      await rows.first().waitFor();
      await page.keyboard.press('Escape');
      await page.locator('main').focus();
      await page.keyboard.press('j');
      await refuse(1);
      const one = page.getByRole('button', { name: '1 newer wait: show' });
      await one.focus();
      await page.keyboard.press('Enter');
      await one.waitFor({ state: 'detached' });
      // The walk goes on from a row.
      expect(await page.locator('tr:focus').count()).toBe(1);
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'do not move under a finger, from its touch to its tap',
    async () => {
      await using app = await startApp({ operator, adminDir });
      const context = await browser.newContext({ viewport: phone, hasTouch: true });
      await using window = await ConsoleWindow.logIn(context, app);
      const { page } = window;
      await using ada = await connectClient(app.url, { user: 'ada' });
      await using bob = await connectClient(app.url, { user: 'bob' });
      await page.goto(`${app.url}/admin/#/connections`);
      const button = window.row('Connections', 'ada').getByRole('button', { name: 'Disconnect' });
      await button.waitFor();
      await window.row('Connections', 'bob').waitFor();
      const [x, y] = await centreOf(button);
      const session = await context.newCDPSession(page);
      await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y }] });
      // The newest is on top: it would be where the finger is.
      await using eve = await connectClient(app.url, { user: 'eve' });
      await page.getByText('3 on this node').waitFor();
      await page.getByRole('button', { name: '1 newer wait: show' }).waitFor();
      expect(await centreOf(button)).toEqual([x, y]);
      await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
      await window.dialog.getByText('ada').first().waitFor();
      await window.dialog.getByRole('button', { name: 'Cancel' }).click();
      await window.row('Connections', 'eve').waitFor();
      for (const client of [ada, bob, eve]) expect(await client.call('ping', {})).toHaveProperty('server_time');
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'draw so many rows at once, and say how many there are; a search goes beyond what was read',
    async () => {
      await using app = await startApp({ operator, adminDir, ratePerSecond: 0 });
      await using window = await ConsoleWindow.logIn(await browser.newContext({ viewport: laptop }), app);
      const { page } = window;
      const entry = (n: number) => ({
        // Older than any id of the server's own.
        id: `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`,
        at: Date.UTC(2030, 0, 1) + n,
        operator: 'admin',
        address: '127.0.0.1',
        action: 'disconnect',
        target: `client-${n}.`,
        outcome: 'ok' as const,
        detail: '',
      });
      await app.store.appendAudit(upTo(700).map(entry));
      await window.open('Audit log');
      const rows = window.table('Audit log').locator('tbody tr');
      await page.getByText('The latest 100 entries; there are older ones').waitFor();
      await page.getByRole('searchbox').fill('client-150.');
      await page.getByText('0 found in the latest 100 entries').waitFor();
      await page.getByRole('button', { name: 'Search older' }).click();
      await page.getByText('1 found in the latest 600 entries').waitFor();
      await window.row('Audit log', 'client-150.').waitFor();
      await page.getByRole('searchbox').fill('');
      await page.getByText('500 of 600 are shown.').waitFor();
      expect(await rows.count()).toBe(500);
      await page.getByRole('button', { name: 'Show 100 more' }).click();
      await eventually('all are drawn', async () => (await rows.count()) === 600);
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'have what can be done with a row in sight, however narrow the window is',
    async () => {
      await using app = await startApp({ operator, adminDir });
      await using window = await ConsoleWindow.logIn(await browser.newContext({ viewport: laptop }), app);
      const { page } = window;
      await using ada = await connectClient(app.url, { user: 'ada' });
      await ada.call('create_thread', { id: 't' });
      await ada.call('stream_start', { thread_id: 't' });
      for (const viewport of [laptop, phone]) {
        await page.setViewportSize(viewport);
        for (const [address, table, name] of [
          ['connections', 'Connections', 'Disconnect'],
          ['streams', 'Running streams', 'Cancel'],
        ] as const) {
          await page.goto(`${app.url}/admin/#/${address}`);
          const button = window.row(table, 'ada').getByRole('button', { name });
          await button.waitFor();
          const [x, y] = await centreOf(button);
          const what = await page.evaluate<string>(`document.elementFromPoint(${x}, ${y})?.textContent ?? ''`);
          expect([viewport.width, what]).toEqual([viewport.width, name]);
          const beyond = await page.evaluate<number>(widthBeyondSight);
          if (viewport === laptop) expect([address, beyond]).toEqual([address, 0]);
        }
      }
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'say in full what explains a row, also to who cannot rest a pointer on it',
    async () => {
      await using app = await startApp({ operator, adminDir });
      const reason = 'Because of what was written. '.repeat(8).trim();
      {
        using console = await openConsole(app);
        await console.get('revoke_user', { user_id: 'eve', reason });
      }
      await using window = await ConsoleWindow.logIn(await browser.newContext({ viewport: phone }), app);
      const { page } = window;
      for (const [address, table] of [
        ['actions', 'Revoked users'],
        ['audit', 'Audit log'],
      ] as const) {
        await page.goto(`${app.url}/admin/#/${address}`);
        const text = window.row(table, 'eve').locator('bdi', { hasText: reason });
        await text.scrollIntoViewIfNeeded();
        const [width, height] = await page.evaluate<[number, number]>(
          `(({ scrollWidth, clientWidth, clientHeight }) => [scrollWidth - clientWidth, clientHeight])(
            [...document.querySelectorAll('bdi')].find(({ textContent }) => textContent.endsWith('${reason}')))`,
        );
        expect([table, width, height > 40]).toEqual([table, 0, true]);
      }
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'are where they were left when somebody comes back, and begin with what there is',
    async () => {
      await using app = await startApp({ operator, adminDir, ratePerSecond: 0 });
      await using window = await ConsoleWindow.logIn(await browser.newContext({ viewport: laptop }), app);
      const { page } = window;
      await using ada = await connectClient(app.url, { user: 'ada' });
      await Promise.all(upTo(120).map((n) => ada.call('create_thread', { id: `t${n}`, title: `Thread ${n}` })));
      await window.open('Threads');
      await page.getByRole('searchbox').fill('thread');
      await page.getByText('120 found among all 120 threads').waitFor();
      const place = 1500;
      const scrolled = async (): Promise<boolean> => (await page.evaluate<number>('scrollY')) === place;
      const leave = async (): Promise<void> => {
        await window.row('Threads', 'Thread 60').getByRole('link').click();
        await window.heading('Thread 60').waitFor();
        expect(await page.evaluate('scrollY')).toBe(0);
      };
      await page.evaluate(`scrollTo(0, ${place})`);
      await eventually('it is scrolled', scrolled);
      for (const back of [
        () => page.goBack(),
        () => page.getByRole('link', { name: 'Threads' }).last().click(),
        () => page.keyboard.press('Escape'),
      ]) {
        await leave();
        await back();
        await window.heading('Threads').waitFor();
        await eventually('it is where it was', scrolled);
        expect(await page.getByRole('searchbox').inputValue()).toBe('thread');
      }
      // By the menu it is opened anew.
      await leave();
      await window.open('Threads');
      await window.row('Threads', 'Thread 60').waitFor();
      expect(await page.evaluate('scrollY')).toBe(0);

      await page.goto(`${app.url}/admin/#/connections?page=99&sort=user`);
      await window.row('Connections', 'ada').waitFor();
      expect(page.url()).toMatch(/#\/connections\?sort=user$/);
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );
});

/** By how much the widest table of a page has to be scrolled to the side. */
const widthBeyondSight = `Math.max(
  ...[...document.querySelectorAll('.table-scroll')].map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth),
)`;

async function centreOf(locator: Locator): Promise<[x: number, y: number]> {
  const box = (await locator.boundingBox())!;
  return [box.x + box.width / 2, box.y + box.height / 2];
}
