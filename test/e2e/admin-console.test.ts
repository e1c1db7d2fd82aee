import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { startApp } from '../support/app.ts';
import type { App, AppOptions } from '../support/app.ts';
import { describeInChromium } from '../support/browser.ts';
import type { TestBrowser } from '../support/browser.ts';
import { connectClient } from '../support/client.ts';
import { adminDir, ConsoleWindow } from '../support/console-window.ts';
import { eventually } from '../support/eventually.ts';
import { operator, postForm } from '../support/operator.ts';
import { seriousFaults } from '../support/page-accessibility.ts';
import { jwtSecret, tokenFor } from '../support/tokens.ts';

const timeoutMs = 120_000;

const pages = ['Overview', 'Threads', 'Streams', 'Connections', 'Errors', 'Actions', 'Audit log'] as const;
const phoneViewport = { width: 360, height: 740 };

/** By how many pixels the first such element is too narrow for its text; a hundredth is enough for an ellipsis. */
function widthMissingOf(selector: string): string {
  return `(() => {
    const element = document.querySelector('${selector}');
    const range = document.createRange();
    range.selectNodeContents(element);
    return Math.max(0, range.getBoundingClientRect().width - element.getBoundingClientRect().width);
  })()`;
}

async function start(options: AppOptions = {}): Promise<App> {
  return await startApp({ operator, adminDir, ...options });
}

async function logIn(browser: TestBrowser, app: App): Promise<ConsoleWindow> {
  return await ConsoleWindow.logIn(
    await browser.newContext({ viewport: { width: 1360, height: 860 }, reducedMotion: 'reduce' }),
    app,
  );
}

describeInChromium('the console of operators', (browser) => {
  test(
    'is behind a login, shows live data on each page, and lets the operator out',
    async () => {
      await using app = await start();
      await using window = await logIn(browser, app);
      const { page } = window;
      await window.row('Nodes', String(process.pid)).getByText('Embedded up').waitFor();
      const plot = page.getByRole('slider', { name: 'Connections' });
      await plot.waitFor();

      await window.open('Threads');
      await page.getByText('No threads yet.').waitFor();
      await using ada = await connectClient(app.url, {
        auth: { user: 'ada', client: { name: 'probe', version: '7' } },
      });
      await using bob = await connectClient(app.url, { user: 'bob' });
      await ada.call('create_thread', { id: 't1', title: 'Deploy' });
      await ada.call('create_thread', { id: 't2', title: 'Other' });
      for (const client of [ada, bob]) await client.call('subscribe_thread', { thread_id: 't1' });
      // What is new is there without a reload.
      const line = window.row('Threads', 'Deploy');
      await line.getByRole('cell').nth(2).getByText('2', { exact: true }).waitFor();
      await page.getByRole('searchbox').fill('OTHER');
      await line.waitFor({ state: 'detached' });
      expect(page.url()).toContain('q=OTHER');
      await page.reload();
      await window.row('Threads', 'Other').waitFor();
      expect(await window.table('Threads').locator('tbody tr').count()).toBe(1);
      await page.getByRole('searchbox').fill('');
      await line.getByRole('link').click();
      await window.heading('Deploy').waitFor();
      await window.row('Subscribers by user', 'bob').waitFor();

      const { message } = await bob.call('stream_start', { thread_id: 't1' });
      await bob.call('stream_chunk', { stream_id: message.id, offset: 0, delta: 'some text' });
      await window.row('Running streams of this thread', 'bob').getByText('streaming').waitFor();
      await window.open('Streams');
      await window.row('Running streams', 't1').getByText('≈').waitFor();

      await window.open('Connections');
      await window.row('Connections', 'ada').getByText('probe 7').waitFor();
      await window.row('Connections', 'ada').getByRole('link').click();
      await window.heading('ada').waitFor();
      await window.row('Threads that this connection follows', 't1').waitFor();

      await ada.request('fetch_history', { thread_id: 'missing' });
      await window.open('Errors');
      await window.row('Last refusals', 'fetch_history').getByText('thread_not_found').waitFor();
      await page.getByRole('button', { name: /^invalid_payload/ }).click();
      await page.getByText('The one refusal does not match.').waitFor();

      await window.open('Audit log');
      await window.row('Audit log', 'login').getByText('127.0.0.1').waitFor();
      expect(await page.getByRole('link', { name: 'Socket.IO admin UI' }).getAttribute('href')).toBe('/admin/sockets/');

      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('button', { name: 'Log in' }).waitFor();
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'asks before anything that harms, says to how many, and does it',
    async () => {
      let drains = 0;
      await using app = await start({ onDrainAsked: () => (drains += 1) });
      await using window = await logIn(browser, app);
      const { page } = window;
      await using ada = await connectClient(app.url, { user: 'ada' });
      await using adaToo = await connectClient(app.url, { user: 'ada' });
      await using bob = await connectClient(app.url, { user: 'bob' });
      await using eve = await connectClient(app.url, { user: 'eve' });
      await ada.call('create_thread', { id: 't' });
      const { message } = await bob.call('stream_start', { thread_id: 't' });

      await window.open('Streams');
      const cancel = window.row('Running streams', 'bob').getByRole('button', { name: 'Cancel' });
      await cancel.click();
      // What is pressed too soon does no harm.
      await page.keyboard.press('Enter');
      await window.dialog.waitFor({ state: 'detached' });
      await cancel.click();
      await window.dialog.getByLabel('Reason').fill('Enough.');
      await window.confirm(/This cannot be taken back/, 'Cancel stream', 'The stream is cancelled.');
      expect(await bob.next('stream_cancel')).toMatchObject({ stream_id: message.id, reason: 'Enough.' });
      await window.row('Streams that ended lately', 'bob').getByText('cancelled').waitFor();

      await window.open('Connections');
      await window.row('Connections', 'bob').getByRole('button', { name: 'Disconnect' }).click();
      await window.confirm(/1 connection of/, 'Disconnect', '1 connection of bob is closed.');
      await bob.disconnected();

      await window.row('Connections', 'ada').first().getByRole('link').click();
      await page.getByRole('button', { name: 'Disconnect user…' }).click();
      await window.confirm(/2 connections of/, 'Disconnect user', '2 connections of ada closed.');
      await Promise.all([ada.disconnected(), adaToo.disconnected()]);
      await page.getByText('This connection is gone.').waitFor();

      await window.open('Actions');
      await page.getByLabel('User id').fill('no such user');
      await page.getByRole('button', { name: 'Revoke user…' }).click();
      await page.getByText('A user id has 1 to 64 characters').waitFor();
      await page.getByLabel('User id').fill('eve');
      await page.getByRole('button', { name: 'Revoke user…' }).click();
      await window.dialog.getByLabel('Reason').fill('Spam.');
      await window.confirm(
        /1 connection on this node is closed now/,
        'Revoke user',
        'eve is revoked; 1 connection closed.',
      );
      await eve.disconnected();
      await expect(connectClient(app.url, { user: 'eve' })).rejects.toMatchObject({ data: { code: 'forbidden' } });
      await window.row('Revoked users', 'Spam.').getByRole('button', { name: 'Restore' }).click();
      await window.confirm(/may connect again, at once/, 'Restore user', 'eve may connect again.');
      // Its row stands there, struck out, as long as it is pointed at.
      await page.getByRole('searchbox').hover();
      await page.getByText('Nobody is revoked.').waitFor();
      await using back = await connectClient(app.url, { user: 'eve' });

      await page.getByLabel('Message').fill('Maintenance at noon.');
      await page.getByRole('button', { name: 'Tell everybody…' }).click();
      await window.dialog.getByText('1 connection is told that the system is under maintenance').waitFor();
      await window.confirm('Maintenance at noon.', 'Tell everybody', '1 connection told.');
      expect(await back.next('system_status')).toEqual({ status: 'maintenance', message: 'Maintenance at noon.' });

      await page.getByRole('button', { name: 'Drain this node…' }).click();
      await window.dialog.getByText('It is the only node').waitFor();
      await window.dialog.getByRole('button', { name: 'Cancel' }).click();
      expect(drains).toBe(0);
      await page.getByRole('button', { name: 'Drain this node…' }).click();
      await window.confirm(
        /1 connection is told to connect elsewhere/,
        'Drain this node',
        'The node drains, and ends then.',
      );
      expect(drains).toBe(1);

      await window.open('Audit log');
      for (const action of ['cancel_stream', 'disconnect_user', 'revoke_user', 'restore_user', 'announce', 'drain']) {
        await window.row('Audit log', action).getByText('ok', { exact: true }).waitFor();
      }
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'follows a thread without its text, which is shown after a question and noted',
    async () => {
      await using app = await start();
      await using window = await logIn(browser, app);
      const { page } = window;
      await using ada = await connectClient(app.url, { user: 'ada' });
      await ada.call('create_thread', { id: 't', title: 'Private' });
      await ada.call('send_message', { thread_id: 't', content: 'my secret' });
      await page.goto(`${app.url}/admin/#/threads/t`);
      const tail = 'Changes of this thread, the newest first';
      await window.row(tail, 'ada').waitFor();
      await ada.call('send_message', { thread_id: 't', content: 'another secret' });
      await eventually('both are there', async () => (await window.row(tail, 'ada').count()) === 2);
      expect(await page.content()).not.toContain('secret');

      await page.getByRole('button', { name: 'Show text…' }).click();
      await window.confirm(/noted in the audit log/, 'Show text', 'The text is shown');
      await window.row(tail, 'my secret').waitFor();
      await ada.call('send_message', { thread_id: 't', content: 'the third secret' });
      await window.row(tail, 'the third secret').waitFor();
      await page.getByRole('button', { name: 'Hide text' }).click();
      await window.row(tail, 'my secret').waitFor({ state: 'detached' });

      // Where it is paused nothing comes, but it is said how much waits.
      await page.getByRole('button', { name: 'Pause' }).click();
      await ada.call('send_message', { thread_id: 't', content: 'later' });
      await page.getByText('1 newer wait').waitFor();
      expect(await window.row(tail, 'ada').count()).toBe(3);
      await page.getByRole('button', { name: 'Paused' }).click();
      await eventually('it goes on', async () => (await window.row(tail, 'ada').count()) === 4);

      await window.open('Audit log');
      await window.row('Audit log', 'read_bodies').waitFor();
      expect(await window.row('Audit log', 'read_bodies').count()).toBe(1);
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'shows what is being written as it grows, and loses no line that changes while it is held',
    async () => {
      await using app = await start();
      await using window = await logIn(browser, app);
      const { page } = window;
      await using bot = await connectClient(app.url, { user: 'bot' });
      await bot.call('create_thread', { id: 't' });
      const { message: said } = await bot.call('send_message', { thread_id: 't', content: 'said' });
      const { message } = await bot.call('stream_start', { thread_id: 't' });
      await page.goto(`${app.url}/admin/#/threads/t`);
      const tail = 'Changes of this thread, the newest first';
      const written = window.row(tail, 'assistant');
      await written.getByRole('cell', { name: '0', exact: true }).waitFor();
      await bot.call('stream_chunk', { stream_id: message.id, offset: 0, delta: 'begun' });
      await written.getByRole('cell', { name: '5', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Show text…' }).click();
      await window.confirm(/noted in the audit log/, 'Show text', 'The text is shown');
      await written.getByText('begun', { exact: true }).waitFor();
      await bot.call('stream_chunk', { stream_id: message.id, offset: 5, delta: ' and gone on' });
      await written.getByText('begun and gone on', { exact: true }).waitFor();

      await page.getByRole('button', { name: 'Pause' }).click();
      await bot.call('edit_message', { thread_id: 't', id: said.id, content: 'said anew' });
      await page.getByText('1 newer wait').waitFor();
      expect(await window.row(tail, 'said').innerText()).not.toContain('anew');
      await page.getByRole('button', { name: 'Paused' }).click();
      await window.row(tail, 'said anew').waitFor();
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'exports what was found, and holds rows that are pointed at',
    async () => {
      await using app = await start();
      await using window = await logIn(browser, app);
      const { page } = window;
      await using ada = await connectClient(app.url, {
        auth: { user: 'ada', client: { name: '=1+1', version: '"quoted", text' } },
      });
      await using bob = await connectClient(app.url, { user: 'bob' });
      await ada.call('create_thread', { id: 'first', title: 'First' });
      await ada.call('create_thread', { id: 'second', title: 'Second' });
      await window.open('Connections');
      await page.getByRole('searchbox').fill('ada');
      await window.row('Connections', 'bob').waitFor({ state: 'detached' });
      const csv = await window.exported();
      expect(csv.split('\r\n')).toEqual([
        expect.stringMatching(/^\ufeff?User,Address,Client,subscriptions \(threads\),buffered \(bytes\),/),
        expect.stringContaining(`ada,127.0.0.1,"'=1+1 ""quoted"", text",0,`),
        '',
      ]);
      await window.notice('1 row exported.').waitFor();

      await window.open('Threads');
      const rows = window.table('Threads').locator('tbody tr');
      await expect(rows.first().innerText()).resolves.toContain('Second');
      await rows.first().hover();
      await bob.call('send_message', { thread_id: 'first', content: 'first is first now' });
      await rows.nth(1).getByRole('cell').nth(5).getByText('1', { exact: true }).waitFor();
      // Its activity is the last, and it is where it was.
      expect(await rows.nth(1).innerText()).toContain('First');
      await page.getByRole('searchbox').hover();
      await eventually('it goes up', async () => (await rows.first().innerText()).includes('First'));
      // In the order of its titles, by the head of the column.
      await page.getByRole('columnheader', { name: 'Thread', exact: true }).getByRole('button').click();
      expect(await page.getByRole('columnheader', { name: 'Thread', exact: true }).getAttribute('aria-sort')).toBe(
        'ascending',
      );
      expect(page.url()).toContain('sort=title');
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'can be used by keys alone, which are not taken from whoever writes',
    async () => {
      await using app = await start();
      await using window = await logIn(browser, app);
      const { page } = window;
      await using ada = await connectClient(app.url, { user: 'ada' });
      for (const id of ['a1', 'b2', 'c3']) await ada.call('create_thread', { id, title: `Title ${id}` });
      const { keyboard } = page;
      await keyboard.press('g');
      await keyboard.press('t');
      await window.heading('Threads').waitFor();
      await window.row('Threads', 'a1').waitFor();
      await keyboard.press('/');
      await keyboard.type('g c?');
      expect(await page.getByRole('searchbox').inputValue()).toBe('g c?');
      await keyboard.press('Escape');
      expect(await page.getByRole('searchbox').inputValue()).toBe('');
      await keyboard.press('Escape');
      await window.row('Threads', 'a1').waitFor();
      const focused = page.locator('tr:focus');
      await keyboard.press('j');
      await focused.getByText('c3').first().waitFor();
      await keyboard.press('ArrowDown');
      await keyboard.press('j');
      await focused.getByText('a1').first().waitFor();
      await keyboard.press('k');
      await keyboard.press('Enter');
      await window.heading('Title b2').waitFor();
      await keyboard.press('Escape');
      await window.heading('Threads').waitFor();
      await keyboard.press('?');
      await window.dialog.getByText('Next, previous row').waitFor();
      await keyboard.press('Escape');
      await window.dialog.waitFor({ state: 'detached' });
      await keyboard.press('g');
      await keyboard.press('o');
      await window.heading('Overview').waitFor();
      // The moments of a plot.
      const plot = page.getByRole('slider', { name: 'Connections' });
      await plot.focus();
      expect(await plot.getAttribute('aria-valuetext')).toMatch(/^now: \d/);
      await keyboard.press('ArrowLeft');
      expect(await plot.getAttribute('aria-valuetext')).toMatch(/^\d\d:\d\d:\d\d: /);
      await keyboard.press('Escape');
      expect(await plot.getAttribute('aria-valuetext')).toMatch(/^now: /);
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'is accessible in both themes and fits a phone',
    async () => {
      await using app = await start();
      await using window = await logIn(browser, app);
      const { page } = window;
      await using ada = await connectClient(app.url, { user: 'ada' });
      await ada.call('create_thread', { id: 't', title: 'A title '.repeat(20) });
      await ada.call('subscribe_thread', { thread_id: 't' });
      await ada.call('send_message', { thread_id: 't', content: 'Hello' });
      const { message } = await ada.call('stream_start', { thread_id: 't' });
      await ada.call('stream_end', { stream_id: message.id, offset: 0, status: 'failed' });
      await ada.call('stream_start', { thread_id: 't' });
      await ada.request('fetch_history', { thread_id: 'none' });

      const views: readonly (readonly [name: string, open: () => Promise<void>])[] = [
        ...pages.map((name) => [name, () => openOnPhoneToo(window, name)] as const),
        [
          'a thread',
          async () => {
            await page.goto(`${app.url}/admin/#/threads/t`);
            await window.row('Subscribers by user', 'ada').waitFor();
          },
        ],
        [
          'a connection',
          async () => {
            await page.goto(`${app.url}/admin/#/connections`);
            await window.row('Connections', 'ada').getByRole('link').click();
            await window.row('Threads that this connection follows', 't').waitFor();
          },
        ],
        [
          'a question',
          async () => {
            await page.getByRole('button', { name: 'Revoke user…' }).click();
            await window.dialog.getByText('1 connection on this node').waitFor();
          },
        ],
      ];
      const faults: Record<string, unknown> = {};
      const expected: Record<string, unknown> = {};
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        for (const viewport of [{ width: 1360, height: 860 }, phoneViewport]) {
          await page.setViewportSize(viewport);
          for (const [name, open] of views) {
            await open();
            const what = `${name}, ${colorScheme}, ${viewport.width}`;
            faults[what] = [await seriousFaults(page), await window.overflow()];
            expected[what] = [[], 0];
          }
          await page.keyboard.press('Escape');
          await window.dialog.waitFor({ state: 'detached' });
        }
      }
      expect(faults).toEqual(expected);
      // A theme that was chosen holds, whatever the system's is.
      await page.setViewportSize({ width: 1360, height: 860 });
      await page.getByRole('radio', { name: 'Light theme' }).check();
      await page.reload();
      expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('light');
      expect(window.faults).toEqual([]);
    },
    timeoutMs * 2,
  );

  test(
    'shows what others chose as the text that it is',
    async () => {
      await using app = await start();
      const attack = `<img src=x onerror="globalThis.wasRun='yes'">`;
      await postForm(app, '/admin/login', { username: attack, password: attack });
      await using window = await logIn(browser, app);
      const { page } = window;
      await using ada = await connectClient(app.url, {
        auth: { user: 'ada', client: { name: attack, version: attack } },
      });
      await ada.call('create_thread', { id: 't', title: `\u202e${attack}` });
      await ada.call('send_message', { thread_id: 't', content: attack });
      const { message } = await ada.call('stream_start', { thread_id: 't' });
      await ada.call('stream_end', { stream_id: message.id, offset: 0, status: 'failed', error: attack });
      await ada.request('send_message', { thread_id: 't', content: '', [attack]: attack } as never);

      await window.open('Threads');
      await window.row('Threads', attack).getByText('⟨U+202E⟩').waitFor();
      await window.row('Threads', attack).getByRole('link').click();
      await page.getByRole('button', { name: 'Show text…' }).click();
      await window.confirm(/noted/, 'Show text', 'The text is shown');
      await page.locator('.tail-content').getByText(attack).waitFor();
      await window.open('Connections');
      await window.row('Connections', attack).waitFor();
      await window.open('Errors');
      await window.row('Last refusals', 'send_message').waitFor();
      await window.open('Actions');
      await page.getByLabel('User id').fill('eve');
      await page.getByRole('button', { name: 'Revoke user…' }).click();
      await window.dialog.getByLabel('Reason').fill(attack);
      await window.confirm(/kept out/, 'Revoke user', 'eve is revoked');
      await window.row('Revoked users', attack).waitFor();
      await window.open('Audit log');
      // What was typed into the login's field for the name may have been the password.
      await window.row('Audit log', 'another name').getByText('refused', { exact: true }).waitFor();
      // It is there as the reason of what the operator did, and nowhere else.
      await window.row('Audit log', attack).getByText('revoke_user').waitFor();
      expect(await window.row('Audit log', attack).count()).toBe(1);
      // An address, too, is what somebody gave.
      await page.goto(`${app.url}/admin/#/threads/${encodeURIComponent(attack)}`);
      await page.getByRole('alert').filter({ hasText: 'not valid' }).waitFor();
      expect(await page.locator('img:not(header img), iframe, [onerror]').count()).toBe(0);
      expect(await page.evaluate('typeof wasRun')).toBe('undefined');
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'is opened by a link of another site: by whoever is logged in at once, by others after the login',
    async () => {
      await using app = await start();
      // To a browser another site than that of 127.0.0.1.
      await using elsewhere = createServer((_request, response) => {
        response.setHeader('Content-Type', 'text/html').end(`<a href="${app.url}/admin/#/threads">The threads</a>`);
      });
      await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
      const site = `http://localhost:${(elsewhere.address() as AddressInfo).port}/`;
      await using window = await logIn(browser, app);
      const { page } = window;
      await page.goto(site);
      await page.getByRole('link').click();
      await window.heading('Threads').waitFor();
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByLabel('Password').waitFor();

      await page.goto(site);
      await page.getByRole('link').click();
      await page.getByRole('textbox', { name: 'Name' }).fill(operator.username);
      await page.getByLabel('Password').fill(operator.secret.password);
      await page.getByRole('button', { name: 'Log in' }).click();
      await window.heading('Threads').waitFor();
    },
    timeoutMs,
  );

  test(
    'shows names as the text that they are, and makes room for the ids before them',
    async () => {
      await using app = await start({ auth: { mode: 'jwt', key: { secret: jwtSecret } } });
      const attack = `<img src=x onerror="globalThis.wasRun='yes'">`;
      await using ada = await connectClient(app.url, {
        auth: { token: await tokenFor('ada:lovelace', { name: attack }) },
      });
      await ada.call('create_thread', { id: 't', metadata: { [attack]: attack } });
      await ada.call('subscribe_thread', { thread_id: 't' });
      await ada.request(attack as never, {} as never);
      await using window = await logIn(browser, app);
      const { page } = window;
      for (const viewport of [{ width: 1024, height: 768 }, phoneViewport]) {
        await page.setViewportSize(viewport);
        await page.goto(`${app.url}/admin/#/connections`);
        const link = window.row('Connections', 'ada:lovelace').getByRole('link');
        await link.getByText(attack).waitFor({ state: 'attached' });
        const lacks = await page.evaluate<number>(widthMissingOf('tbody .row-link bdi'));
        expect([viewport.width, lacks]).toEqual([viewport.width, 0]);
      }
      await window.row('Connections', 'ada:lovelace').getByRole('link').click();
      await page.locator('dd').getByText(attack).waitFor();
      await page.goto(`${app.url}/admin/#/errors`);
      await window.row('Last refusals', 'unknown_event').waitFor();
      await page.goto(`${app.url}/admin/#/threads/t`);
      await window.row('Subscribers by user', 'ada:lovelace').waitFor();
      expect(await page.locator('img:not(header img), iframe, [onerror]').count()).toBe(0);
      expect(await page.evaluate('typeof wasRun')).toBe('undefined');
      expect(window.faults).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'says when it is offline, and goes to the login where the session is over, and back',
    async () => {
      await using app = await start();
      const context = await browser.newContext({ viewport: { width: 1360, height: 860 } });
      await using window = await ConsoleWindow.logIn(context, app);
      const { page } = window;
      await window.open('Connections');
      const cookies = await context.cookies();
      // Another window of the same session logs out: this one is told.
      const other = await context.newPage();
      await other.goto(`${app.url}/admin/`);
      await other.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('button', { name: 'Log in' }).waitFor();
      expect(cookies).toHaveLength(1);
      await page.getByRole('textbox', { name: 'Name' }).fill(operator.username);
      await page.getByLabel('Password').fill(operator.secret.password);
      await page.getByRole('button', { name: 'Log in' }).click();
      await window.heading('Connections').waitFor();
      // Only the refusals that told it so.
      expect(window.faults.filter((fault) => !fault.includes('401'))).toEqual([]);

      await app.server.close();
      await page.getByRole('alert').filter({ hasText: 'This page is offline' }).waitFor();
    },
    timeoutMs,
  );
});

/** By the menu, where the window is a phone's. */
async function openOnPhoneToo(window: ConsoleWindow, name: string): Promise<void> {
  const menu = window.page.getByRole('button', { name: 'Menu' });
  if (await menu.isVisible()) await menu.click();
  await window.open(name);
}
