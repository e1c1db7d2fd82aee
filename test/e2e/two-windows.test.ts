import { expect, test } from '@jest/globals';
import { describeInChromium } from '../support/browser.ts';
import { connectClient, readThread } from '../support/client.ts';
import { asShown, readAll } from '../support/page-reading.ts';
import { pageArgs } from '../support/page-window.ts';
import { startServer } from '../support/process.ts';

const timeoutMs = 120_000;

describeInChromium('two windows of the demo page', (browser) => {
  test(
    'talk in three threads: each sees at once what the other creates, writes, edits and deletes',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using ann = await browser.openWindow(server.url, 'ann');
      await using bob = await browser.openWindow(server.url, 'bob');

      const ids: string[] = [];
      for (const title of ['Red', 'Green', 'Blue']) {
        const id = await ann.createThread(title);
        ids.push(id);
        await bob.list.getByRole('link', { name: title }).waitFor();
      }
      const [red, green, blue] = ids as [string, string, string];

      // Ann has Blue open: what Bob writes elsewhere is marked, what he wrote there before is not.
      await bob.open(blue);
      await bob.write('hello Blue');
      await ann.message('hello Blue').waitFor();
      await bob.open(red);
      await bob.write('hello Red');
      await ann.unread(red).waitFor();
      await bob.open(green);
      await bob.write('hello Green');
      await ann.unread(green).waitFor();
      expect(await ann.unread(blue).count()).toBe(0);

      // Bob has Green open now.
      await ann.open(red);
      await ann.message('hello Red').waitFor();
      await ann.unread(red).waitFor({ state: 'detached' });
      await ann.write('welcome to Red');
      await bob.unread(red).waitFor();
      await ann.open(green);
      await ann.message('hello Green').waitFor();
      await ann.unread(green).waitFor({ state: 'detached' });
      await ann.write('welcome to Green');
      await bob.message('welcome to Green').waitFor();
      await ann.open(blue);
      await ann.write('welcome to Blue');
      await bob.unread(blue).waitFor();
      expect(await bob.unread(green).count()).toBe(0);
      await bob.open(blue);
      await bob.message('welcome to Blue').waitFor();
      await bob.unread(blue).waitFor({ state: 'detached' });

      // Both are in Blue.
      await ann.editLast('welcome, everybody');
      await bob.message('welcome, everybody').locator('.message-edited').waitFor();
      await bob.delete('hello Blue');
      await ann.page.locator('[data-testid="message"][data-status="deleted"]').waitFor();

      await using reader = await connectClient(server.url, { user: 'reader' });
      for (const id of ids) {
        const stored = asShown(await readThread(reader, id));
        for (const window of [ann, bob]) {
          await window.open(id);
          await window.shows('the whole thread', (shown) => shown.length === stored.length);
          expect(await readAll(window)).toEqual(stored);
        }
      }
      expect(asShown(await readThread(reader, blue))).toMatchObject([
        { status: 'deleted', text: '' },
        { status: 'complete', text: 'welcome, everybody' },
      ]);
    },
    timeoutMs,
  );

  test(
    'that follow ten threads each need one connection each',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      const ids = Array.from({ length: 10 }, (_, i) => `thread-${i}`);
      for (const id of ids) await api.call('create_thread', { id, title: `Title ${id}` });
      await using ann = await browser.openWindow(server.url, 'ann');
      await using bob = await browser.openWindow(server.url, 'bob');
      const windows = [ann, bob];
      for (const id of ids) {
        for (const window of windows) await window.open(id);
        await api.call('send_message', { thread_id: id, content: `to ${id}` });
        for (const window of windows) await window.message(`to ${id}`).waitFor();
      }
      // All of them are followed still.
      for (const id of ids) await api.call('send_message', { thread_id: id, content: `again to ${id}` });
      for (const id of ids) {
        for (const window of windows) {
          await window.open(id);
          await window.message(`again to ${id}`).waitFor();
        }
      }
      for (const { sockets } of windows) {
        expect(sockets).toEqual([expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/api\/ws\/\?/)]);
      }
    },
    timeoutMs,
  );
});
