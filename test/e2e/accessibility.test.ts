import { expect, test } from '@jest/globals';
import { describeInChromium } from '../support/browser.ts';
import type { WindowOptions } from '../support/browser.ts';
import { connectClient } from '../support/client.ts';
import { seriousFaults } from '../support/page-accessibility.ts';
import { pageArgs, phone } from '../support/page-window.ts';
import type { ChatWindow } from '../support/page-window.ts';
import { startServer } from '../support/process.ts';

const timeoutMs = 120_000;

interface Screen {
  readonly what: string;
  readonly options: WindowOptions;
  /** Waits until everything is there, and brings it about. */
  readonly ready: (window: ChatWindow) => Promise<void>;
}

async function networkIsGone(window: ChatWindow): Promise<void> {
  await conversationIsShown(window);
  await window.page.context().setOffline(true);
  await window.write('On its way');
  await window.page.getByTestId('banner').waitFor();
  await window.message('On its way').getByRole('button', { name: 'Discard' }).waitFor();
}

async function conversationIsShown(window: ChatWindow): Promise<void> {
  await window.message('The last word').waitFor();
}

const screens: readonly Screen[] = [
  {
    what: 'a list and no thread',
    options: {},
    ready: async (window) => {
      await window.row('talk').waitFor();
      await window.page.getByRole('heading', { name: 'Pick a thread, or start one' }).waitFor();
    },
  },
  {
    what: 'a thread in which nothing was said',
    options: { path: '/t/silence' },
    ready: (window) => window.page.getByText('the first word is yours').waitFor(),
  },
  { what: 'a conversation', options: { path: '/t/talk' }, ready: conversationIsShown },
  { what: 'a conversation in the dark', options: { path: '/t/talk', colorScheme: 'dark' }, ready: conversationIsShown },
  { what: 'a conversation on a phone', options: { path: '/t/talk', ...phone }, ready: conversationIsShown },
  {
    what: 'the list on a phone in the dark',
    options: { ...phone, colorScheme: 'dark' },
    ready: (window) => window.row('talk').waitFor(),
  },
  {
    what: 'a thread that cannot be opened',
    options: { path: '/t/nowhere' },
    ready: (window) => window.page.getByRole('alert').getByRole('link', { name: 'Back to threads' }).waitFor(),
  },
  {
    what: 'a message about to be deleted',
    options: { path: '/t/talk' },
    ready: async (window) => {
      await conversationIsShown(window);
      const message = window.message('The last word');
      await message.hover();
      await message.getByRole('button', { name: 'Delete message' }).click();
      await message.getByRole('group', { name: 'Delete this message?' }).waitFor();
    },
  },
  {
    what: 'a message that is being edited',
    options: { path: '/t/talk' },
    ready: async (window) => {
      await conversationIsShown(window);
      await window.composer.press('ArrowUp');
      await window.editor.waitFor();
    },
  },
  { what: 'no network', options: { path: '/t/talk', outages: true }, ready: networkIsGone },
  {
    what: 'no network, in the dark',
    options: { path: '/t/talk', outages: true, colorScheme: 'dark' },
    ready: networkIsGone,
  },
  {
    what: 'the dialog of a new thread',
    options: {},
    ready: async ({ page }) => {
      await page.getByRole('button', { name: 'New thread' }).first().click();
      await page.getByRole('dialog').getByRole('textbox', { name: 'Title' }).waitFor();
    },
  },
];

describeInChromium('axe-core finds nothing serious in the demo page', (browser) => {
  test(
    'that shows no thread yet',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using window = await browser.openWindow(server.url, 'ann', { reducedMotion: 'reduce' });
      await window.page.getByRole('heading', { name: 'No threads yet' }).waitFor();
      expect(await seriousFaults(window.page)).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'that shows each of its screens',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using ann = await connectClient(server.url, { user: 'ann' });
      await using bob = await connectClient(server.url, { user: 'bob' });
      await ann.call('create_thread', { id: 'silence', title: 'Silence' });
      await ann.call('create_thread', { id: 'secret', title: 'For two', members: ['bob'] });
      await ann.call('create_thread', { id: 'talk', title: 'Talk' });
      const say = async (client: typeof ann, content: string) =>
        (await client.call('send_message', { thread_id: 'talk', content })).message;
      await say(ann, 'Good morning');
      const edited = await say(bob, 'Good mornign');
      await bob.call('edit_message', { thread_id: 'talk', id: edited.id, content: 'Good morning to you' });
      const gone = await say(bob, 'Never mind');
      await bob.call('delete_message', { thread_id: 'talk', id: gone.id });
      await say(bob, 'Look:\n```js\nconst answer = 42;\n```\nand https://example.org/');
      await bob.call('send_message', { thread_id: 'talk', content: 'From a machine', role: 'assistant' });
      await bob.call('send_message', { thread_id: 'secret', content: 'Only for Ann' });
      await say(ann, 'The last word');

      const faults: Record<string, string[]> = {};
      for (const { what, options, ready } of screens) {
        await using window = await browser.openWindow(server.url, 'ann', { reducedMotion: 'reduce', ...options });
        await ready(window);
        faults[what] = await seriousFaults(window.page);
      }
      expect(faults).toEqual(Object.fromEntries(screens.map(({ what }) => [what, []])));
    },
    timeoutMs,
  );
});
