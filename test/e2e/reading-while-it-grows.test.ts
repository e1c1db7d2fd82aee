import { expect, test } from '@jest/globals';
import type { BrowserContextOptions } from 'playwright-core';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { describeInChromium } from '../support/browser.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { turnWheel } from '../support/page-reading.ts';
import { pageDir, phone, shownMs } from '../support/page-window.ts';
import type { ChatWindow } from '../support/page-window.ts';
import { Prompter } from '../support/prompter.ts';

const timeoutMs = 120_000;

interface Way {
  readonly way: string;
  /** Up where it is less than nothing. */
  readonly go: (window: ChatWindow, by: number) => Promise<void>;
  readonly options?: BrowserContextOptions;
}

// What the functions that run in the page use of it.
interface BoxElement {
  readonly textContent: string | null;
  getBoundingClientRect(): { readonly top: number };
}

interface ScrollerElement extends BoxElement {
  scrollTop: number;
  readonly scrollHeight: number;
  readonly clientHeight: number;
  querySelectorAll(selectors: string): Iterable<BoxElement>;
}

function below({ messageList }: ChatWindow): Promise<number> {
  return messageList.evaluate(
    ({ scrollTop, scrollHeight, clientHeight }: ScrollerElement) => scrollHeight - scrollTop - clientHeight,
  );
}

function standsAtEnd(window: ChatWindow): Promise<void> {
  return eventually('the list stands at its end', async () => (await below(window)) < 16);
}

/** The first paragraph in sight, and where it stands. */
function readIn({ messageList }: ChatWindow): Promise<{ text: string; top: number }> {
  return messageList.evaluate((list: ScrollerElement) => {
    const edge = list.getBoundingClientRect().top;
    for (const paragraph of list.querySelectorAll('.message-body p')) {
      const top = Math.round(paragraph.getBoundingClientRect().top - edge);
      if (top >= 0) return { text: paragraph.textContent ?? '', top };
    }
    throw new Error('no paragraph is in sight');
  });
}

/** What is read once the list stands: what scrolls it goes on for some frames. */
async function readAtRest(window: ChatWindow): Promise<{ text: string; top: number }> {
  let last = await readIn(window);
  let stillSince = performance.now();
  await eventually(
    'the list stands still',
    async () => {
      const now = await readIn(window);
      if (now.text !== last.text || now.top !== last.top) stillSince = performance.now();
      last = now;
      return performance.now() - stillSince > 300;
    },
    shownMs,
  );
  return last;
}

/** A reply that says a line every few moments, and goes on until it is disposed of. */
class Growth implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #lines = 0;
  #isPaused = false;

  constructor(prompter: Prompter, question: string) {
    this.#timer = setInterval(() => {
      if (this.#isPaused) return;
      this.#lines += 1;
      prompter.say(question, `Line ${this.#lines} of ${question}.\n\n`);
    }, 10);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  /** Until so many lines more are shown of what it says, the last of the replies. */
  async goOn({ page }: ChatWindow, lines: number): Promise<void> {
    const until = this.#lines + lines;
    await eventually(`line ${until} is shown`, () =>
      page.evaluate<boolean>(`{
        const shown = [...document.querySelectorAll('[data-role="assistant"] .message-body p')].at(-1)?.textContent;
        Number(/^Line (\\d+)/.exec(shown ?? '')?.[1] ?? 0) >= ${until};
      }`),
    );
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** A finger is drawn over the messages: down, so that they go up. */
async function swipe({ page }: ChatWindow, by: number): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const steps = 10;
  const start = { x: 150, y: by < 0 ? 200 : 650 };
  await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [start] });
  for (let i = 1; i <= steps; i += 1) {
    const touchPoints = [{ x: start.x, y: start.y - (by * i) / steps }];
    await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints });
  }
  await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await session.detach();
}

/** As the bar at the side is drawn: the list moves by steps while the pointer is pressed. */
async function drag({ page, messageList }: ChatWindow, by: number): Promise<void> {
  await messageList.hover({ position: { x: 4, y: 200 } });
  await page.mouse.down();
  for (let i = 0; i < 8; i += 1) {
    await messageList.evaluate((scroller: ScrollerElement, step: number) => {
      scroller.scrollTop += step;
    }, by / 8);
  }
  await page.mouse.up();
}

async function press({ page, messageList }: ChatWindow, key: string): Promise<void> {
  await messageList.focus();
  await page.keyboard.press(key);
}

/** A server whose replies the test prompts, with a thread in which it answers everything at once. */
async function startPrompted(prompter: Prompter): Promise<App & { readonly api: TestClient }> {
  const app = await startApp({ pageDir, responder: prompter.responder });
  const api = await connectClient(app.url, { user: 'carl' });
  await api.call('create_thread', { id: 'talk', title: 'Talk', metadata: { responder: { overlap: 'concurrent' } } });
  return {
    ...app,
    api,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

const path = '/t/talk';

const ways: readonly Way[] = [
  { way: 'turns the wheel', go: (window, by) => turnWheel(window, by) },
  { way: 'presses a key that scrolls by a page', go: (window, by) => press(window, by < 0 ? 'PageUp' : 'End') },
  { way: 'presses a key that scrolls all the way', go: (window, by) => press(window, by < 0 ? 'Home' : 'End') },
  { way: 'draws the scrollbar', go: drag },
  { way: 'swipes', go: swipe, options: phone },
];

describeInChromium('whoever reads while a reply grows fast in the demo page', (browser) => {
  test.each(ways)(
    'and $way to leave the end stays exactly there, until they come back to it',
    async ({ go, options }) => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter);
      await using ann = await browser.openWindow(app.url, 'ann', { path, ...options });
      await ann.write('speak');
      using growth = new Growth(prompter, 'speak');
      await growth.goOn(ann, 100);

      // Each time at another moment of its growth.
      for (let i = 0; i < 2; i += 1) {
        await go(ann, -400);
        const read = await readAtRest(ann);
        const left = await below(ann);
        await growth.goOn(ann, 50);
        expect(await readIn(ann)).toEqual(read);
        expect(await below(ann)).toBeGreaterThan(left + 500);

        await ann.page.getByTestId('jump').click();
        await growth.goOn(ann, 20);
        await standsAtEnd(ann);
      }

      await go(ann, -400);
      const read = await readAtRest(ann);
      // Nearly as fast as one reads: nobody catches up by hand with what runs away by screens.
      growth.pause();
      const isThere = async (): Promise<boolean> => {
        await go(ann, 400);
        return (await below(ann)) < 16;
      };
      await eventually('the list is scrolled to its end', isThere, shownMs);
      growth.resume();
      await growth.goOn(ann, 50);
      await standsAtEnd(ann);
      expect((await readIn(ann)).text).not.toBe(read.text);
    },
    timeoutMs,
  );

  test(
    'and has left the end by a little only is not called back to it',
    async () => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter);
      await using ann = await browser.openWindow(app.url, 'ann', { path });
      await ann.write('speak');
      using growth = new Growth(prompter, 'speak');
      await growth.goOn(ann, 100);
      await turnWheel(ann, -20);
      const read = await readAtRest(ann);
      await growth.goOn(ann, 50);
      expect(await readIn(ann)).toEqual(read);
    },
    timeoutMs,
  );

  test(
    'and writes a message is at the end again, and stays there',
    async () => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter);
      await using ann = await browser.openWindow(app.url, 'ann', { path });
      await ann.write('speak');
      using growth = new Growth(prompter, 'speak');
      await growth.goOn(ann, 100);
      await turnWheel(ann, -1000);
      await eventually('the list has left its end', async () => (await below(ann)) > 300);
      await ann.write('listen');
      await ann.message('listen').waitFor();
      await standsAtEnd(ann);
      growth.pause();
      using other = new Growth(prompter, 'listen');
      await other.goOn(ann, 100);
      await standsAtEnd(ann);
    },
    timeoutMs,
  );

  test(
    'and types many lines without having left the end is still there',
    async () => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter);
      await using ann = await browser.openWindow(app.url, 'ann', { path });
      await ann.write('speak');
      using growth = new Growth(prompter, 'speak');
      await growth.goOn(ann, 100);
      growth.pause();
      await ann.composer.focus();
      for (let i = 0; i < 6; i += 1) {
        await ann.page.keyboard.type(`a line ${i}`);
        await ann.page.keyboard.press('Shift+Enter');
      }
      await standsAtEnd(ann);
      growth.resume();
      await growth.goOn(ann, 50);
      await standsAtEnd(ann);
    },
    timeoutMs,
  );

  test(
    'stays exactly there, though the reply is wholly above what they read',
    async () => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter);
      await using ann = await browser.openWindow(app.url, 'ann', { path });
      await ann.write('speak');
      prompter.say('speak', 'I begin.\n\n');
      for (let i = 0; i < 30; i += 1) {
        await app.api.call('send_message', { thread_id: 'talk', role: 'system', content: `said after: ${i}` });
      }
      await ann.message('said after: 29').waitFor();
      await standsAtEnd(ann);
      await turnWheel(ann, -100);
      const read = await readAtRest(ann);
      expect(read.text).toMatch(/^said after/);
      expect(await ann.replies.count()).toBe(1);
      using growth = new Growth(prompter, 'speak');
      await growth.goOn(ann, 100);
      // What has just grown is held in its place with the next frame.
      growth.pause();
      const after = await readAtRest(ann);
      expect(after.text).toBe(read.text);
      // A list scrolls by whole pixels, of which its rows may have halves.
      expect(Math.abs(after.top - read.top)).toBeLessThanOrEqual(1);
      // By hand, one can still go wherever one likes.
      await turnWheel(ann, -100);
      expect(await readAtRest(ann)).not.toEqual(read);
    },
    timeoutMs,
  );
});
