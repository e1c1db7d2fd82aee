import { expect, test } from '@jest/globals';
import { describeInChromium } from '../support/browser.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { seriousFaults } from '../support/page-accessibility.ts';
import { pageArgs } from '../support/page-window.ts';
import type { ChatWindow } from '../support/page-window.ts';
import { turnWheel } from '../support/page-reading.ts';
import { startServer } from '../support/process.ts';

const timeoutMs = 120_000;

/** Far above what the server itself numbers in these tests. */
const firstSeq = 1000;

/** Replies that grow in a page, told as the server tells them; each change comes as the whole message, as it may. */
class Replies {
  readonly #send: (event: string, payload: unknown) => void;
  readonly #messages = new Map<string, Record<string, unknown>>();
  #seq = firstSeq;

  constructor(send: (event: string, payload: unknown) => void) {
    this.#send = send;
  }

  start(id: string, content = ''): void {
    this.#seq += 1;
    const now = new Date().toISOString();
    const message = {
      id,
      thread_id: 'talk',
      position: this.#seq,
      seq: this.#seq,
      message_id: `of-${id}`,
      sender: { id: 'assistant' },
      role: 'assistant',
      content,
      metadata: {},
      status: 'streaming',
      created_at: now,
      updated_at: now,
    };
    this.#messages.set(id, message);
    this.#send('stream_start', message);
  }

  grow(id: string, content: string): void {
    this.#seq += 1;
    const message = { ...this.#messages.get(id), content, seq: this.#seq };
    this.#messages.set(id, message);
    this.#send('message_updated', message);
  }

  end(id: string, status: string, error?: string): void {
    this.#seq += 1;
    const { content } = this.#messages.get(id) ?? {};
    const length = String(content).length;
    const updated_at = new Date().toISOString();
    this.#send('stream_end', { thread_id: 'talk', stream_id: id, seq: this.#seq, status, length, error, updated_at });
  }
}

// What the functions that run in the page use of it.
interface ScrollerElement {
  readonly scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
}

function scrollOf({ messageList }: ChatWindow): Promise<{ top: number; below: number }> {
  return messageList.evaluate(({ scrollTop, scrollHeight, clientHeight }: ScrollerElement) => ({
    top: scrollTop,
    below: scrollHeight - scrollTop - clientHeight,
  }));
}

/** Where the list stands once it does: a turn of the wheel goes on for some frames. */
async function restOf(window: ChatWindow): Promise<{ top: number; below: number }> {
  let last = await scrollOf(window);
  await eventually('the list stands still', async () => {
    const now = await scrollOf(window);
    const isStill = now.top === last.top;
    last = now;
    return isStill;
  });
  return last;
}

/** Its last message is in sight as a whole; below it there is an edge. */
function standsAtEnd(window: ChatWindow): Promise<void> {
  return eventually('the list stands at its end', async () => (await scrollOf(window)).below < 16);
}

const paragraph =
  'A paragraph of **some** length that fills a line or two, and then one more, of `code` and words.\n\n';

describeInChromium('a reply that grows in the demo page', (browser) => {
  test(
    'says that it does, offers to stop it, and says how it ended',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/talk', reducedMotion: 'reduce' });
      const replies = new Replies(await window.joinServer());
      await window.page.getByText('the first word is yours').waitFor();

      const ends = { complete: '', cancelled: 'Stopped', failed: 'Failed: no model', interrupted: 'Broke off' };
      const names = Object.keys(ends) as (keyof typeof ends)[];
      for (const name of names) replies.start(name);
      for (const name of names) replies.grow(name, `An answer that is **${name}`);
      for (const name of names) {
        const message = window.message(`An answer that is ${name}`);
        await message.locator('strong .caret').waitFor();
        expect(await message.locator('.message-body').getAttribute('aria-busy')).toBe('true');
        await message.getByText('Assistant is writing…').waitFor();
        await message.getByRole('button', { name: 'Stop Assistant' }).waitFor();
        expect(await message.getByRole('button', { name: 'Edit message' }).count()).toBe(0);
      }
      expect(await window.page.getByTestId('announcer').textContent()).toBe('Assistant is writing…');
      expect(await seriousFaults(window.page)).toEqual([]);

      for (const name of names) {
        replies.end(name, name, name === 'failed' ? 'no model' : undefined);
        const message = window.message('An answer that is').and(window.page.locator(`[data-status="${name}"]`));
        await message.waitFor();
        expect(await message.locator('.message-state').allTextContents()).toEqual(
          ends[name] === '' ? [] : [ends[name]],
        );
        expect(await message.locator('.caret').count()).toBe(0);
        expect(await message.getByRole('button', { name: 'Stop' }).count()).toBe(0);
      }
      expect(await seriousFaults(window.page)).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'and breaks off reads on as it did, without the marks that it did not get to close; one that is whole, as it is',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/talk' });
      const replies = new Replies(await window.joinServer());
      await window.page.getByText('the first word is yours').waitFor();
      for (const status of ['cancelled', 'failed', 'interrupted', 'complete']) {
        replies.start(status, `It is ${status} **in the middle of`);
        const body = window.message(`It is ${status}`).locator('.message-body');
        await body.locator('strong .caret').waitFor();
        replies.end(status, status);
        await body.locator('.caret').waitFor({ state: 'detached' });
        const words = status === 'complete' ? '**in the middle of' : 'in the middle of';
        expect(await body.textContent()).toBe(`It is ${status} ${words}`);
        expect(await body.locator('strong').count()).toBe(status === 'complete' ? 0 : 1);
      }
    },
    timeoutMs,
  );

  test(
    'shows a table from the first word of its head on',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/talk' });
      const replies = new Replies(await window.joinServer());
      await window.page.getByText('the first word is yours').waitFor();
      replies.start('reply', 'Look:');
      const body = window.message('Look:').locator('.message-body');
      const steps: readonly { said: string; head: readonly string[]; caret: string }[] = [
        { said: '\n| Na', head: ['Na'], caret: 'th' },
        { said: 'me | Va', head: ['Name', 'Va'], caret: 'th' },
        { said: 'lue |\n', head: ['Name', 'Value'], caret: 'th' },
        { said: '| :--', head: ['Name', 'Value'], caret: 'th' },
        { said: ': | -', head: ['Name', 'Value'], caret: 'th' },
        { said: '--: |\n', head: ['Name', 'Value'], caret: 'th' },
        { said: '| a', head: ['Name', 'Value'], caret: 'td' },
      ];
      let content = 'Look:';
      for (const { said, head, caret } of steps) {
        replies.grow('reply', (content += said));
        const isShown = async (): Promise<boolean> =>
          (await body.locator('th').allTextContents()).join() === head.join() &&
          (await body.locator(`${caret} .caret`).count()) === 1;
        await eventually(`a table is shown at the end of ${JSON.stringify(content)}`, isShown);
        expect(await body.locator('p').allTextContents()).toEqual(['Look:']);
        expect(await body.locator('.caret').count()).toBe(1);
      }
      expect(await body.locator('th').first().getAttribute('data-align')).toBe('center');
    },
    timeoutMs,
  );

  test(
    'is followed from the end of the list, and by nobody who has scrolled up',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      for (let i = 0; i < 30; i += 1) {
        await api.call('send_message', { thread_id: 'talk', content: `said before: ${i}` });
      }
      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/talk' });
      const replies = new Replies(await window.joinServer());
      await window.message('said before: 29').waitFor();

      let content = '';
      const grow = async (count: number, marker: string): Promise<void> => {
        for (let i = 0; i < count; i += 1) replies.grow('reply', (content += paragraph));
        replies.grow('reply', (content += `${marker}\n\n`));
        await window.message(marker).waitFor();
      };
      replies.start('reply');
      await grow(20, 'first mark');
      await standsAtEnd(window);
      await grow(20, 'second mark');
      await standsAtEnd(window);

      await turnWheel(window, -600);
      const before = await restOf(window);
      expect(before.below).toBeGreaterThan(300);
      await grow(20, 'third mark');
      await eventually('there is more below', async () => (await scrollOf(window)).below > before.below + 300);
      expect((await scrollOf(window)).top).toBe(before.top);

      await window.page.getByTestId('jump').click();
      await standsAtEnd(window);
      await grow(20, 'fourth mark');
      await standsAtEnd(window);
    },
    timeoutMs,
  );

  test.each([6, 8, 10])(
    'is at the end of what is opened, %i messages below one of several pages, and is followed from there',
    async (between) => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      await using other = await connectClient(server.url, { user: 'assistant' });
      const ask = (content: string) => api.call('send_message', { thread_id: 'talk', content });
      const answer = (content: string) => other.call('send_message', { thread_id: 'talk', content, role: 'assistant' });
      await ask('Tell me all.');
      await answer(paragraph.repeat(40));
      for (let i = 0; i < between; i += 1) await (i % 2 === 0 ? ask : answer)(`short ${i}`);
      const start = { thread_id: 'talk', message_id: 'growing' };
      const { message } = await other.call('stream_start', start);
      await using window = await browser.openWindow(server.url, 'carl', { path: '/t/talk' });
      await standsAtEnd(window);
      await window.reload();
      let offset = 0;
      for (const delta of ['It begins.', paragraph.repeat(2), 'It goes on.']) {
        await other.call('stream_chunk', { stream_id: message.id, offset, delta });
        offset += delta.length;
        await window.replies.last().getByText(delta.trim().slice(0, 9)).first().waitFor();
        await standsAtEnd(window);
      }
      expect(await window.page.getByTestId('jump').isVisible()).toBe(false);
    },
    timeoutMs,
  );

  test(
    'is not drawn anew with each piece: what stands before the last block stays the same element, however long',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/talk' });
      const replies = new Replies(await window.joinServer());
      await window.page.getByText('the first word is yours').waitFor();
      let content = paragraph.repeat(1000);
      replies.start('reply', content);
      const body = window.message('A paragraph').locator('.message-body');
      await body.waitFor();
      // Whatever changes in the page, with the exception of the last block and what comes after it.
      await window.page.evaluate(`
        globalThis.changed = 0;
        globalThis.longestMs = 0;
        const body = document.querySelector('.message-body');
        new MutationObserver((records) => {
          for (const { target } of records) {
            const block = [...body.children].findIndex((child) => child.contains(target));
            if (block !== -1 && block < 999) globalThis.changed += 1;
          }
        }).observe(body, { subtree: true, childList: true, characterData: true });
        new PerformanceObserver((list) => {
          for (const { duration } of list.getEntries()) globalThis.longestMs = Math.max(globalThis.longestMs, duration);
        }).observe({ type: 'longtask' });
      `);
      for (const word of 'now it goes on | with `a few` words | **and marks** | and ends'.split(' | ')) {
        for (const letter of word) replies.grow('reply', (content += letter));
        content += '\n\n';
        await window.message(word.replaceAll(/[`*]/g, '')).waitFor();
      }
      expect(await window.page.evaluate('globalThis.changed')).toBe(0);
      // Far from what one would notice as a page that hangs; a busy machine takes a part of it.
      expect(await window.page.evaluate<number>('globalThis.longestMs')).toBeLessThan(1000);
    },
    timeoutMs,
  );
});
