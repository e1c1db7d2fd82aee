import { afterEach, expect, test } from '@jest/globals';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { describeInChromium } from '../support/browser.ts';
import type { TestBrowser } from '../support/browser.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { pageArgs, shownMs } from '../support/page-window.ts';
import { startServer } from '../support/process.ts';
import type { ServerProcess } from '../support/process.ts';

const timeoutMs = 120_000;
const password = 'correct horse';

/** What a browser says where a page asks who is logged in, and nobody is. */
const loggedOut = /Failed to load resource: .*401/;

/** The official UI in a browser of an operator, by what is seen and done there. */
class OperatorWindow implements AsyncDisposable {
  readonly page: Page;
  /** Whatever a console or a policy says against a page, and every request to somewhere else. */
  readonly faults: string[] = [];
  readonly #context: BrowserContext;
  readonly #url: string;

  constructor(context: BrowserContext, page: Page, url: string) {
    this.#context = context;
    this.#url = url;
    this.page = page;
    this.#watch(page);
  }

  async logIn(): Promise<void> {
    await this.page.goto(`${this.#url}/admin/`);
    await this.page.getByRole('textbox', { name: /name/i }).fill('admin');
    await this.page.locator('input[type="password"]').fill(password);
    await this.page.locator('input[type="password"]').press('Enter');
    await eventually('the operator is logged in', async () => {
      const response = await this.#context.request.get(`${this.#url}/admin/session`);
      return response.ok();
    });
    await this.page.waitForLoadState();
  }

  /** Opens a page of the official UI; it is connected when this resolves. */
  async open(hash = ''): Promise<void> {
    await this.page.goto('about:blank');
    await this.page.goto(`${this.#url}/admin/sockets/${hash}`);
    await this.connected();
  }

  async connected(): Promise<void> {
    await this.page.locator('.v-app-bar').getByText('connected', { exact: true }).first().waitFor();
  }

  /** Goes to a page by the menu. */
  async menu(name: string): Promise<void> {
    await this.page.locator('.v-navigation-drawer').getByText(name, { exact: true }).click();
  }

  /** The row of a list that has this in it: while one list takes the place of another, the new one's. */
  row(text: string): Locator {
    return this.page.locator('tbody tr').filter({ hasText: text }).last();
  }

  /** Waits until no list has it. */
  async gone(text: string): Promise<void> {
    const rows = this.page.locator('tbody tr').filter({ hasText: text });
    await eventually(`${text} is gone`, async () => (await rows.count()) === 0, shownMs);
  }

  /** A second tab of the same operator. */
  async secondTab(): Promise<Page> {
    const page = await this.#context.newPage();
    this.#watch(page);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.close();
  }

  #watch(page: Page): void {
    page.setDefaultTimeout(shownMs);
    page.on('console', (message) => {
      const isFault = message.type() === 'error' || message.type() === 'warning';
      if (isFault && !loggedOut.test(message.text())) this.faults.push(message.text());
    });
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('crash', () => this.faults.push('the page crashed'));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${this.#url}/`) && !url.startsWith('data:')) this.faults.push(`a request to ${url}`);
    });
    page.on('websocket', (socket) => {
      if (new URL(socket.url()).host !== new URL(this.#url).host) this.faults.push(`a WebSocket to ${socket.url()}`);
    });
  }
}

describeInChromium('the official Socket.IO admin UI', (browser) => {
  const windows: OperatorWindow[] = [];

  afterEach(() => {
    expect(windows.splice(0).flatMap(({ faults }) => faults)).toEqual([]);
  });

  async function openOperator(server: ServerProcess): Promise<OperatorWindow> {
    const window = await operatorWindow(browser, server);
    windows.push(window);
    await window.logIn();
    return window;
  }

  test(
    'opens connected, without a second login, and shows who is in which thread',
    async () => {
      await using server = await startOperatedServer();
      await using ada = await connectClient(server.url, {
        auth: { user: 'ada', client: { name: 'probe', version: '1' } },
      });
      await ada.call('create_thread', { id: 'lobby', title: 'Lobby' });
      await ada.call('subscribe_thread', { thread_id: 'lobby' });
      await using operator = await openOperator(server);
      const { page } = operator;
      await operator.open();
      expect(await page.title()).toBe('Socket.IO Admin UI');
      await page.getByText('Servers').first().waitFor();

      await operator.menu('Sockets');
      await operator.row(ada.socket.id!).waitFor();
      await eventually('nobody else is there', async () => (await page.locator('tbody tr').count()) === 1);
      await operator.row(ada.socket.id!).click();
      await page.getByText('"user": "ada"').waitFor();
      await page.getByText('"client": "probe 1"').waitFor();
      await operator.row('thread:lobby').waitFor();
      expect(await page.locator('form:has(.select-room)').count()).toBe(1);
      expect(await page.locator('form:has(.select-room)').isVisible()).toBe(false);

      // On a page of details as on any other.
      await page.reload();
      await operator.connected();
      await page.getByText('"user": "ada"').waitFor();
      expect(new URL(page.url()).hash).toContain(ada.socket.id!);

      await operator.menu('Rooms');
      await operator.row('thread:lobby').waitFor();
      await operator.row('thread:lobby').click();
      await operator.row('127.0.0.1 (ada)').waitFor();
      await operator.menu('Clients');
      await operator.row(ada.session.client_id).waitFor();
      await operator.menu('Servers');
      await operator.row(String(server.pid)).waitFor();

      // What comes and goes is seen without being asked for.
      await operator.menu('Rooms');
      await ada.call('create_thread', { id: 'attic' });
      await ada.call('subscribe_thread', { thread_id: 'attic' });
      await operator.row('thread:attic').waitFor();
      await ada.call('unsubscribe_thread', { thread_id: 'attic' });
      await operator.gone('thread:attic');
      await operator.menu('Events');
      await page.locator('tbody tr').filter({ hasText: 'thread:attic' }).first().waitFor();
    },
    timeoutMs,
  );

  test(
    'ends a connection and empties a thread by its buttons',
    async () => {
      await using server = await startOperatedServer();
      await using ada = await connectClient(server.url, { user: 'ada' });
      await using bob = await connectClient(server.url, { user: 'bob' });
      await ada.call('create_thread', { id: 'lobby' });
      for (const client of [ada, bob]) await client.call('subscribe_thread', { thread_id: 'lobby' });
      await using operator = await openOperator(server);
      await operator.open('#/rooms/');
      await operator.row('thread:lobby').locator('.mdi-tag-off-outline').click();
      for (const client of [ada, bob]) {
        expect(await client.next('error')).toMatchObject({ code: 'forbidden', thread_id: 'lobby' });
      }
      await operator.menu('Rooms');
      await operator.gone('thread:lobby');

      await operator.menu('Sockets');
      const id = bob.socket.id!;
      await operator.row(id).locator('.mdi-logout').click();
      expect(await bob.disconnected(shownMs)).toBe('io server disconnect');
      await operator.menu('Sockets');
      await operator.gone(id);
      expect(await ada.call('ping', {})).toHaveProperty('server_time');
    },
    timeoutMs,
  );

  test(
    'shows who comes to an empty server, in the dark, too',
    async () => {
      await using server = await startOperatedServer();
      await using operator = await openOperator(server);
      const { page } = operator;
      await eventually('nobody is there', async () =>
        (await (await fetch(`${server.url}/metrics`)).text()).includes('threadwire_connections 0'),
      );
      await page.evaluate(`localStorage.setItem('dark_theme', 'true')`);
      await operator.open('#/sockets/');
      await page.locator('.theme--dark').first().waitFor();
      await using ada = await connectClient(server.url, { user: 'ada' });
      await operator.row(ada.socket.id!).waitFor();
    },
    timeoutMs,
  );

  test(
    'is left for the login where the operator logs out elsewhere, or has not logged in',
    async () => {
      await using server = await startOperatedServer();
      await using operator = await openOperator(server);
      const { page } = operator;
      await operator.open();
      const other = await operator.secondTab();
      await other.goto(`${server.url}/admin/sockets/`);
      // The page may be left before this is answered.
      await other.evaluate(`void fetch('/admin/logout', { method: 'POST' })`);
      for (const left of [page, other]) {
        await left.waitForURL(`${server.url}/admin/`);
        await left.locator('input[type="password"]').waitFor();
      }
      await page.goto(`${server.url}/admin/sockets/#/rooms/`);
      await page.locator('input[type="password"]').waitFor();
      expect(new URL(page.url()).pathname).toBe('/admin/');
    },
    timeoutMs,
  );
});

async function startOperatedServer(): Promise<ServerProcess> {
  return await startServer({ env: { ADMIN_PASSWORD: password }, args: [...pageArgs, '--admin', 'admin/dist'] });
}

async function operatorWindow(browser: TestBrowser, server: ServerProcess): Promise<OperatorWindow> {
  // Any window has the browser that others can be opened in.
  await using user = await browser.openWindow(server.url, 'ann');
  const context = await user.page
    .context()
    .browser()!
    .newContext({ viewport: { width: 1400, height: 900 } });
  return new OperatorWindow(context, await context.newPage(), server.url);
}
