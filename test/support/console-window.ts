import { join } from 'node:path';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import type { App } from './app.ts';
import { operator } from './operator.ts';
import { shownMs } from './page-window.ts';

/** The operators' console, as it was built. */
export const adminDir = join('admin', 'dist');

/** The console in a browser window, by what an operator sees and does. */
export class ConsoleWindow implements AsyncDisposable {
  readonly page: Page;
  /** What the browser said against the page: errors, warnings, refusals of its policy, and requests to others. */
  readonly faults: string[] = [];

  constructor(page: Page, url: string) {
    this.page = page;
    page.setDefaultTimeout(shownMs);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning')
        this.faults.push(`${message.text()} at ${message.location().url}`);
    });
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('crash', () => this.faults.push('the page crashed'));
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (origin !== url && protocol !== 'data:' && protocol !== 'blob:') {
        this.faults.push(`a request to ${request.url()}`);
      }
    });
    page.on('websocket', (socket) => {
      if (new URL(socket.url()).host !== new URL(url).host) this.faults.push(`a connection to ${socket.url()}`);
    });
  }

  /** Logs in by the form, as an operator does. */
  static async logIn(context: BrowserContext, app: App): Promise<ConsoleWindow> {
    const window = new ConsoleWindow(await context.newPage(), app.url);
    const { page } = window;
    await page.goto(`${app.url}/admin/`);
    await page.getByRole('textbox', { name: 'Name' }).fill(operator.username);
    await page.getByLabel('Password').fill(operator.secret.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await window.heading('Overview').waitFor();
    await page.getByTestId('status').getByText('All well').waitFor();
    return window;
  }

  heading(name: string): Locator {
    return this.page.getByRole('heading', { level: 1, name, exact: true });
  }

  table(name: string): Locator {
    return this.page.getByRole('table', { name, exact: true });
  }

  /** A row of a table that has this in it. */
  row(table: string, text: string): Locator {
    return this.table(table).locator('tbody tr').filter({ hasText: text });
  }

  /** What tells what has come of an action. */
  notice(text: string): Locator {
    return this.page.locator('.notice').filter({ hasText: text });
  }

  /** The question that is asked before something is done. */
  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  /** Opens a page by the navigation. */
  async open(name: string): Promise<void> {
    await this.page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name, exact: true }).click();
    await this.heading(name).waitFor();
  }

  /** Answers the question that is open, whose text must have this in it, and waits for what comes of it. */
  async confirm(says: string | RegExp, button: string, notice: string): Promise<void> {
    await this.dialog.getByText(says).waitFor();
    await this.dialog.getByRole('button', { name: button, exact: true }).click();
    await this.dialog.waitFor({ state: 'detached' });
    await this.notice(notice).waitFor();
  }

  /** Saves what the page exports, and gives its text. */
  async exported(): Promise<string> {
    const saved = this.page.waitForEvent('download');
    await this.page.getByRole('button', { name: 'CSV' }).first().click();
    const chunks: Buffer[] = [];
    for await (const chunk of await (await saved).createReadStream()) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  }

  /** By how many pixels the page is wider than its window. */
  async overflow(): Promise<number> {
    return await this.page.evaluate<number>('Math.max(0, document.documentElement.scrollWidth - innerWidth)');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
