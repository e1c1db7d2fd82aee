import { expect, test } from '@jest/globals';
import { describeInChromium } from '../support/browser.ts';
import { connectClient, readThread } from '../support/client.ts';
import { asShown, readAll } from '../support/page-reading.ts';
import { pageArgs } from '../support/page-window.ts';
import type { ChatWindow, ShownMessage } from '../support/page-window.ts';
import { makeTempDir, startServer } from '../support/process.ts';

const timeoutMs = 120_000;

/** Neither waiting nor being sent, nor refused. */
function isStored({ id, status }: ShownMessage): boolean {
  return id !== undefined && status === 'complete';
}

/** Writes one message after the other, as fast as the page takes them. */
async function writeMany(window: ChatWindow, texts: readonly string[]): Promise<void> {
  for (const text of texts) await window.write(text);
}

function numbered(user: string, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${user} ${from + i} of ${to}`);
}

describeInChromium('the demo page', (browser) => {
  test(
    'loses and doubles nothing in either window where the server is killed while both write',
    async () => {
      await using dir = await makeTempDir();
      await using first = await startServer({ dataDir: dir.path, args: pageArgs });
      await using api = await connectClient(first.url, { user: 'carl' });
      await api.call('create_thread', { id: 'busy', title: 'Busy' });
      const options = { path: '/t/busy', outages: true };
      await using ann = await browser.openWindow(first.url, 'ann', options);
      await using bob = await browser.openWindow(first.url, 'bob', options);
      const windows = [ann, bob];

      const writing = Promise.all(windows.map((window) => writeMany(window, numbered(window.user, 1, 12))));
      await bob.shows('a message of Ann', (shown) => shown.some(({ text }) => text.startsWith('ann 3 ')));
      await first.kill('SIGKILL');
      await writing;
      // Whatever was on its way, these are written while nobody is there to take them.
      for (const window of windows) {
        await window.connection('reconnecting').waitFor();
        await writeMany(window, numbered(window.user, 13, 15));
        await window.shows('what it wrote', (shown) => shown.at(-1)?.status === 'waiting');
      }

      await using second = await startServer({
        dataDir: dir.path,
        args: pageArgs,
        env: { PORT: `${first.port}` },
      });
      for (const window of windows) {
        await window.connection('connected').waitFor();
        await window.write(`the end of ${window.user}`);
      }
      for (const window of windows) {
        for (const { user } of windows) await window.message(`the end of ${user}`).waitFor();
        await window.shows('everything confirmed', (shown) => shown.every(isStored));
      }

      await using reader = await connectClient(second.url, { user: 'reader' });
      const stored = await readThread(reader, 'busy');
      for (const window of windows) {
        expect(await readAll(window)).toEqual(asShown(stored));
        const own = stored.filter(({ sender }) => sender.id === window.user).map(({ content }) => content);
        const written = [numbered(window.user, 1, 12), numbered(window.user, 13, 15), `the end of ${window.user}`];
        expect(own).toEqual(written.flat());
        // One before the kill, and at least one after it.
        expect(window.sockets.length).toBeGreaterThan(1);
      }
    },
    timeoutMs,
  );

  test(
    'keeps what is written offline, and sends it once and in order when the network is back',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'train', title: 'On the train' });
      const path = '/t/train';
      await using ann = await browser.openWindow(server.url, 'ann', { path, outages: true });
      await using bob = await browser.openWindow(server.url, 'bob', { path });
      await ann.write('before the tunnel');
      await bob.message('before the tunnel').waitFor();

      await ann.page.context().setOffline(true);
      await ann.connection('offline').waitFor();
      await ann.page.getByTestId('banner').filter({ hasText: 'You are offline.' }).waitFor();
      const texts = numbered('in the tunnel', 1, 5);
      await writeMany(ann, texts);
      await ann.shows('what waits', (shown) => {
        return shown.filter(({ status }) => status === 'waiting').length === texts.length;
      });
      await bob.write('are you there?');
      await bob.message('are you there?').waitFor();
      expect(await bob.message('in the tunnel').count()).toBe(0);
      expect(await ann.message('are you there?').count()).toBe(0);

      await ann.page.context().setOffline(false);
      await ann.connection('connected').waitFor();
      for (const window of [ann, bob]) {
        await window.shows('everything', (shown) => shown.length === texts.length + 2 && shown.every(isStored));
      }
      await ann.page.getByTestId('banner').waitFor({ state: 'detached' });
      const stored = await readThread(api, 'train');
      expect(stored.map(({ content }) => content)).toEqual(['before the tunnel', 'are you there?', ...texts]);
      for (const window of [ann, bob]) expect(await readAll(window)).toEqual(asShown(stored));
    },
    timeoutMs,
  );
});
