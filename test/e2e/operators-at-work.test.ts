import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { startApp } from '../support/app.ts';
import { describeInChromium } from '../support/browser.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { ConsoleWindow, adminDir } from '../support/console-window.ts';
import { eventually } from '../support/eventually.ts';
import { operator } from '../support/operator.ts';
import { shownMs } from '../support/page-window.ts';
import { upTo } from '../support/store-ops.ts';

const clientCount = 200;
const threadCount = 20;
const messagesEach = 10;

/** Two hundred users, each in a thread with nine others. */
async function connectAll(url: string): Promise<TestClient[]> {
  const clients: TestClient[] = [];
  for (const n of upTo(clientCount)) {
    clients.push(await connectClient(url, { auth: { user: `user-${n}`, client: { name: 'chat', version: '2.0' } } }));
  }
  for (const t of upTo(threadCount)) await clients[0]!.call('create_thread', { id: `t${t}`, title: `Thread ${t}` });
  await Promise.all(clients.map((client, i) => client.call('subscribe_thread', { thread_id: threadOf(i) })));
  return clients;
}

const threadOf = (i: number): string => `t${(i % threadCount) + 1}`;

/** The login in a browser of somebody who does not get in. */
class LoginWindow {
  readonly #page: Page;
  readonly #url: string;

  constructor(page: Page, url: string) {
    page.setDefaultTimeout(shownMs);
    this.#page = page;
    this.#url = url;
  }

  /** What the page says to a password. */
  async answerTo(password: string): Promise<string | null> {
    await this.#page.goto(`${this.#url}/admin/`);
    await this.#page.getByRole('textbox', { name: 'Name' }).fill(operator.username);
    await this.#page.getByLabel('Password').fill(password);
    await this.#page.getByRole('button', { name: 'Log in' }).click();
    return await this.#page.getByRole('alert').textContent();
  }
}

describeInChromium('operators, while two hundred users are at it', (browser) => {
  test('see all of them by both pages, and act on one; the others miss nothing, and whoever guesses stays out', async () => {
    await using app = await startApp({ operator, adminDir, ratePerSecond: 0 });
    const clients = await connectAll(app.url);
    const context = await browser.newContext({ viewport: { width: 1360, height: 860 } });
    await using console = await ConsoleWindow.logIn(context, app);
    const { page } = console;
    const official = await context.newPage();
    await official.goto(`${app.url}/admin/sockets/`);
    await official.locator('.v-app-bar').getByText('connected', { exact: true }).first().waitFor({ timeout: shownMs });

    const { message } = await clients[1]!.call('stream_start', { thread_id: threadOf(1) });
    const talk = async (): Promise<void> => {
      for (const round of upTo(messagesEach)) {
        await Promise.all(
          upTo(threadCount).map((t) =>
            clients[threadCount + t - 1]!.call('send_message', { thread_id: `t${t}`, content: `${round}` }),
          ),
        );
      }
    };
    const talking = talk();
    await console.open('Connections');
    await page.getByText(`${clientCount} on this node`).waitFor();
    await page.getByRole('searchbox').fill('user-1');
    await console.row('Connections', 'user-111').waitFor();
    await page.getByRole('searchbox').fill('user-150');
    await eventually('one is found', async () => (await console.table('Connections').locator('tbody tr').count()) > 0);
    await talking;

    await console.open('Streams');
    await console.row('Running streams', threadOf(1)).waitFor();
    await official.locator('.v-navigation-drawer').getByText('Rooms', { exact: true }).click();
    await official.locator('tbody tr').filter({ hasText: 'thread:t7' }).first().waitFor({ timeout: shownMs });
    await official.locator('.v-navigation-drawer').getByText('Clients', { exact: true }).click();
    await official
      .getByText(/of 200\b/)
      .first()
      .waitFor({ timeout: shownMs });

    // By the official page's button, which the console's log has.
    await official.locator('.v-navigation-drawer').getByText('Sockets', { exact: true }).click();
    const first = official
      .locator('tbody tr')
      .filter({ has: official.locator('.mdi-logout') })
      .first();
    await first.waitFor({ timeout: shownMs });
    const shown = (await first.textContent()) ?? '';
    const kicked = clients.find(({ socket }) => shown.includes(socket.id!))!;
    await first.locator('.mdi-logout').click();
    await kicked.disconnected(shownMs);
    await console.open('Audit log');
    await console.row('Audit log', 'disconnect').first().waitFor();

    if (kicked !== clients[1])
      await clients[1]!.call('stream_end', { stream_id: message.id, offset: 0, status: 'complete' });
    for (const [i, client] of clients.entries()) {
      if (client === kicked) continue;
      const { head_seq: head } = await client.call('fetch_history', { thread_id: threadOf(i), limit: 1 });
      const seqs = client.buffered.flatMap(({ payload }) => ('seq' in payload ? payload.seq : []));
      // Each change once, in order.
      expect([i, seqs]).toEqual([i, upTo(head)]);
    }
    await Promise.all([page.reload(), official.reload()]);
    await console.row('Audit log', 'disconnect').first().waitFor();
    await official.locator('.v-app-bar').getByText('connected', { exact: true }).first().waitFor({ timeout: shownMs });

    // Whoever guesses is told no more than that it is wrong, and then to wait, be it right or not.
    const guesses = new LoginWindow(await (await browser.newContext()).newPage(), app.url);
    for (const guess of upTo(5)) {
      expect(await guesses.answerTo(`guess ${guess}`)).toBe('The name or the password is wrong.');
    }
    expect(await guesses.answerTo(operator.secret.password)).toBe('Too many logins: try again in 15 minutes.');
    // Who is logged in from the same address goes on.
    await console.row('Audit log', 'the address is locked out').waitFor();
    expect(console.faults).toEqual([]);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  }, 180_000);
});
