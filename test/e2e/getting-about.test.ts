import { expect, test } from '@jest/globals';
import { describeInChromium } from '../support/browser.ts';
import { connectClient, readThread } from '../support/client.ts';
import { pageArgs } from '../support/page-window.ts';
import { startServer } from '../support/process.ts';

const timeoutMs = 90_000;

describeInChromium('the demo page', (browser) => {
  test(
    'says of a thread that cannot be opened why, and leads back to the list',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'others', title: 'Not yours', members: ['dora'] });
      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/nowhere' });
      const alert = window.page.getByRole('alert');
      await alert.filter({ hasText: 'There is no such thread' }).waitFor();
      await alert.getByRole('link', { name: 'Back to threads' }).click();
      await window.page.getByRole('heading', { name: 'No threads yet' }).waitFor();

      // Whether it is not there, or is not for Ann, is not told.
      await window.page.goto(`${server.url}/#/t/others`);
      await alert.filter({ hasText: 'There is no such thread' }).waitFor();
      await api.call('update_thread', { thread_id: 'others', title: 'Yours too', members: ['dora', 'ann'] });
      await alert.getByRole('button', { name: 'Try again' }).click();
      await window.page.getByRole('heading', { level: 1, name: 'Yours too' }).waitFor();

      await window.page.goto(`${server.url}/#/t/no%20id`);
      await alert.filter({ hasText: 'This link leads nowhere' }).waitFor();
    },
    timeoutMs,
  );

  test(
    'tells a member who was taken off an open thread, and shows nothing more of it',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'team', title: 'Team', members: ['ann', 'bob'] });
      await api.call('send_message', { thread_id: 'team', content: 'for the team' });
      const path = '/t/team';
      await using ann = await browser.openWindow(server.url, 'ann', { path });
      await using bob = await browser.openWindow(server.url, 'bob', { path });
      for (const window of [ann, bob]) await window.message('for the team').waitFor();

      await api.call('update_thread', { thread_id: 'team', members: ['bob'] });
      await ann.page.getByRole('alert').filter({ hasText: 'You no longer have access' }).waitFor();
      await ann.row('team').waitFor({ state: 'detached' });
      await api.call('send_message', { thread_id: 'team', content: 'without ann' });
      await bob.message('without ann').waitFor();
      expect(await ann.page.getByTestId('message').count()).toBe(0);

      await api.call('update_thread', { thread_id: 'team', members: ['ann', 'bob'] });
      await ann.page.getByRole('button', { name: 'Try again' }).click();
      await ann.message('without ann').waitFor();
      await ann.row('team').waitFor();
    },
    timeoutMs,
  );

  test(
    'comes back to its thread and its user after a reload',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using window = await browser.openWindow(server.url, 'ann');
      const first = await window.createThread('First');
      await window.write('in the first');
      await window.createThread('Second');
      await window.open(first);
      await window.page.locator('[data-status="complete"]').filter({ hasText: 'in the first' }).waitFor();

      await window.page.reload();
      await window.message('in the first').waitFor();
      expect(window.threadId).toBe(first);
      await window.row(first).locator('[aria-current="page"]').waitFor();
      await window.page.getByRole('button', { name: 'Your name: ann' }).waitFor();
      expect(await window.page.locator('[data-own="true"]').count()).toBe(1);
      // What was read before it still counts as read.
      expect(await window.list.getByTestId('unread').count()).toBe(0);
      await window.page.goBack();
      await window.page.getByRole('heading', { level: 1, name: 'Second' }).waitFor();
    },
    timeoutMs,
  );

  test(
    'is used with the keyboard alone: find a thread, open it, write, edit',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      for (const name of ['apples', 'pears', 'plums']) await api.call('create_thread', { id: name, title: name });
      await using window = await browser.openWindow(server.url, 'ann');
      const { keyboard } = window.page;
      await window.row('apples').waitFor();

      await keyboard.press('Control+k');
      await window.focused(window.page.getByRole('searchbox', { name: 'Search threads' }));
      await keyboard.type('pea');
      await window.row('apples').waitFor({ state: 'detached' });
      await window.row('plums').waitFor({ state: 'detached' });
      // Over the button that clears the search to the only thread that is left.
      await keyboard.press('Tab');
      await keyboard.press('Tab');
      await window.focused(window.row('pears').getByRole('link'));
      await keyboard.press('Enter');
      await window.page.getByRole('heading', { level: 1, name: 'pears' }).waitFor();
      expect(window.threadId).toBe('pears');

      // The composer has the keyboard from the beginning, and again after each edit.
      await window.focused(window.composer);
      await keyboard.type('sweet and');
      await keyboard.press('Shift+Enter');
      await keyboard.type('soft');
      await keyboard.press('Enter');
      const stored = window.page.locator('[data-own="true"][data-status="complete"]');
      await stored.waitFor();
      await keyboard.press('ArrowUp');
      await window.focused(window.editor);
      await keyboard.type(', mostly');
      await keyboard.press('Enter');
      await window.page.locator('.message-edited').waitFor();
      await window.focused(window.composer);
      await keyboard.press('ArrowUp');
      await window.focused(window.editor);
      await keyboard.type(' no, not at all');
      await keyboard.press('Escape');
      await window.focused(window.composer);
      await keyboard.type('bye');
      await keyboard.press('Enter');
      await stored.nth(1).waitFor();
      const messages = await readThread(api, 'pears');
      expect(messages.map(({ content }) => content)).toEqual(['sweet and\nsoft, mostly', 'bye']);
    },
    timeoutMs,
  );
});
