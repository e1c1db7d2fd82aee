import { join } from 'node:path';
import type { Locator, Page, WebSocketRoute } from 'playwright-core';
import { eventually } from './eventually.ts';

/** For whatever the page is to show: it takes a fraction of that where the machine is not busy. */
export const shownMs = 25_000;

/** The demo page, as it was built. */
export const pageDir = join('examples', 'chat', 'dist');

/** Arguments that make a server serve it. */
export const pageArgs: readonly string[] = ['--page', pageDir];

/** What a browser window is opened with to be a phone's. */
export const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

/** A message as the page shows it. */
export interface ShownMessage {
  /** Of a stored message. */
  readonly id: string | undefined;
  /** As on the wire, or waiting, sending, unsent. */
  readonly status: string;
  readonly text: string;
}

// What the page's functions use of the DOM, whose types the tests do without.
interface ArticleElement {
  readonly dataset: Readonly<Record<string, string | undefined>>;
  querySelector(selectors: string): { readonly textContent: string | null } | null;
}

const failedConnection = /WebSocket connection to 'ws:\/\/[^']*\/api\/ws\/[^']*' failed/;

/** The demo page in a browser window, by what its user sees and does. */
export class ChatWindow implements AsyncDisposable {
  readonly page: Page;
  readonly user: string;
  /** Errors and warnings of the console, errors that nobody caught, and what the content security policy refused. */
  readonly faults: string[] = [];
  /** The address of every WebSocket that was opened. */
  readonly sockets: string[] = [];
  /** What was sent over them. */
  readonly sent: string[] = [];

  constructor(page: Page, user: string, outages: boolean) {
    this.page = page;
    this.user = user;
    page.setDefaultTimeout(shownMs);
    page.on('console', (message) => {
      const isFault = message.type() === 'error' || message.type() === 'warning';
      if (isFault && !(outages && failedConnection.test(message.text()))) this.faults.push(message.text());
    });
    page.on('pageerror', (error) => this.faults.push(String(error)));
    page.on('crash', () => this.faults.push('the page crashed'));
    page.on('websocket', (socket) => {
      this.sockets.push(socket.url());
      socket.on('framesent', ({ payload }) => this.sent.push(payload.toString()));
    });
  }

  /** Opens the page as the window's user. */
  async load(url: string): Promise<void> {
    await this.page.addInitScript(`sessionStorage.setItem('threadwire-chat:user', ${JSON.stringify(this.user)})`);
    await this.page.goto(url);
    await this.connection('connected').waitFor({ state: 'attached' });
  }

  /** What says how the connection stands, once it stands so. */
  connection(state: string): Locator {
    return this.page.locator(`[data-testid="connection"][data-state="${state}"]`);
  }

  get list(): Locator {
    return this.page.getByRole('navigation', { name: 'Threads' });
  }

  /** A thread's row in the list. */
  row(threadId: string): Locator {
    return this.list.locator(`[data-testid="thread"][data-thread-id="${threadId}"]`);
  }

  unread(threadId: string): Locator {
    return this.row(threadId).getByTestId('unread');
  }

  /** The region of the messages, which scrolls. */
  get messageList(): Locator {
    return this.page.getByRole('region', { name: 'Messages' });
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: 'Message', exact: true });
  }

  get editor(): Locator {
    return this.page.getByRole('textbox', { name: 'Edit message' });
  }

  /** Waits until what is typed goes there. */
  async focused(field: Locator): Promise<void> {
    await field.and(this.page.locator(':focus')).waitFor();
  }

  /** A message that has this in its text. */
  message(text: string): Locator {
    return this.page.getByTestId('message').filter({ hasText: text });
  }

  /** What the assistant wrote, or is writing. */
  get replies(): Locator {
    return this.page.locator('[data-testid="message"][data-role="assistant"]');
  }

  /** The thread that the address names. */
  get threadId(): string {
    const [, id] = /#\/t\/(.+)$/.exec(this.page.url()) ?? [];
    if (id === undefined) throw new Error(`no thread is open at ${this.page.url()}`);
    return id;
  }

  /** Creates a thread by the dialog, in which the assistant answers only where it is asked to, and gives its id; it is open then. */
  async createThread(title: string, { isAnswered = false } = {}): Promise<string> {
    const { page } = this;
    await page.getByRole('button', { name: 'New thread' }).first().click();
    const field = page.getByRole('dialog').getByRole('textbox', { name: 'Title' });
    await field.fill(title);
    await page.getByRole('checkbox', { name: 'Answers by the assistant' }).setChecked(isAnswered);
    await field.press('Enter');
    await page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
    return this.threadId;
  }

  /** Opens a thread by its row. */
  async open(threadId: string): Promise<void> {
    const link = this.row(threadId).getByRole('link');
    await link.click();
    await this.row(threadId).locator('[aria-current="page"]').waitFor();
  }

  /** Types into the composer and sends. */
  async write(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /** Loads the page anew with a hand in its connection: the function that it gives sends what a server would. */
  async joinServer(): Promise<(event: string, payload: unknown) => void> {
    const connections: WebSocketRoute[] = [];
    await this.page.routeWebSocket(/\/api\/ws\//, (route) => {
      // What has no handler here passes.
      route.connectToServer();
      connections.push(route);
    });
    await this.page.reload();
    await this.connection('connected').waitFor({ state: 'attached' });
    return (event, payload) => connections.at(-1)?.send(`42${JSON.stringify([event, payload])}`);
  }

  /** Loads the page anew, as its user does. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.connection('connected').waitFor({ state: 'attached' });
  }

  async editLast(text: string): Promise<void> {
    await this.composer.press('ArrowUp');
    await this.editor.fill(text);
    await this.editor.press('Enter');
    await this.editor.waitFor({ state: 'hidden' });
  }

  async delete(text: string): Promise<void> {
    const message = this.message(text);
    await message.hover();
    await message.getByRole('button', { name: 'Delete message' }).click();
    const question = message.getByRole('group', { name: 'Delete this message?' });
    await question.getByRole('button', { name: 'Delete', exact: true }).click();
  }

  /** The messages that are drawn now, from above to below: in a long thread those in sight, and some around them. */
  async shown(): Promise<ShownMessage[]> {
    // Over JSON: what is undefined in a page is null here.
    const shown = await this.page.getByTestId('message').evaluateAll((articles: ArticleElement[]) =>
      articles.map((article) => ({
        id: article.dataset['messageId'] ?? '',
        status: article.dataset['status'] ?? '',
        text: article.querySelector('.message-body')?.textContent ?? '',
      })),
    );
    return shown.map(({ id, ...rest }) => ({ ...rest, id: id === '' ? undefined : id }));
  }

  /** Waits until what is drawn is as it is asked for. */
  async shows(what: string, isSo: (shown: readonly ShownMessage[]) => boolean): Promise<void> {
    await eventually(`${this.user} sees ${what}`, async () => isSo(await this.shown()), shownMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
