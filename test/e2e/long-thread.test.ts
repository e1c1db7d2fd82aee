import { expect, test } from '@jest/globals';
import { describeInChromium } from '../support/browser.ts';
import { connectClient, readThread } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { asShown, readUpwards, turnWheel } from '../support/page-reading.ts';
import { pageArgs, shownMs } from '../support/page-window.ts';
import type { ChatWindow } from '../support/page-window.ts';
import { startServer } from '../support/process.ts';

const timeoutMs = 240_000;
const messageCount = 5000;
/** So many of them are read by scrolling. */
const readCount = 2500;
const readMs = 120_000;

const maxElements = 1500;
/** Of all objects that are in use, after a garbage collection: 8 MiB were seen. */
const maxHeapBytes = 40 * 1024 * 1024;
/** The page scrolls in another thread than it draws in: for so long it may show nothing. */
const maxBlankMs = 1000;

/** Turns of the wheel through the messages that are kept; through those that were read, it would be some 150. */
const maxTurns = 50;

/** What `watchFrames` keeps on the page. */
interface FrameWatch {
  readonly frames: number;
  readonly longestBlankMs: number;
}

// What is used here of the DOM, whose types the tests do without.
interface BoxElement {
  readonly dataset: Readonly<Record<string, string | undefined>>;
  getBoundingClientRect(): { readonly top: number; readonly bottom: number };
}

interface ListElement extends BoxElement {
  querySelectorAll(selectors: string): Iterable<BoxElement>;
}

/** Looks at every frame whether a message is in sight. */
const watchFrames = `{
  const watch = (globalThis.frameWatch = { frames: 0, longestBlankMs: 0 });
  let seenAt = performance.now();
  const look = () => {
    const list = document.querySelector('[role="region"][aria-label="Messages"]');
    const { top, bottom } = list.getBoundingClientRect();
    const isInSight = [...list.querySelectorAll('[data-testid="message"]')].some((message) => {
      const box = message.getBoundingClientRect();
      return box.bottom > top && box.top < bottom;
    });
    const now = performance.now();
    watch.frames += 1;
    if (isInSight) seenAt = now;
    else watch.longestBlankMs = Math.max(watch.longestBlankMs, now - seenAt);
    requestAnimationFrame(look);
  };
  look();
}`;

/** The message at the upper edge, and where it stands. */
function uppermostInSight({ messageList }: ChatWindow): Promise<{ id: string; top: number }> {
  return messageList.evaluate((list: ListElement) => {
    const edge = list.getBoundingClientRect().top;
    for (const message of list.querySelectorAll('[data-testid="message"]')) {
      const { top, bottom } = message.getBoundingClientRect();
      if (bottom > edge) return { id: message.dataset['messageId'] ?? '', top };
    }
    throw new Error('no message is in sight');
  });
}

/** The same, once the last turn of the wheel has come to its end. */
async function placeAtRest(window: ChatWindow): Promise<{ id: string; top: number }> {
  let place = await uppermostInSight(window);
  await eventually('the list is at rest', async () => {
    const before = place;
    place = await uppermostInSight(window);
    return place.id === before.id && place.top === before.top;
  });
  return place;
}

async function heapBytes({ page }: ChatWindow): Promise<number> {
  const session = await page.context().newCDPSession(page);
  try {
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize;
  } finally {
    await session.detach();
  }
}

function elementCount({ page }: ChatWindow): Promise<number> {
  return page.locator('*').count();
}

/** So many messages the page asks for at a time. */
const pageSize = 100;

function historyRequests({ sent }: ChatWindow): number {
  return sent.filter((frame) => frame.includes('"fetch_history"')).length;
}

describeInChromium('the demo page in a thread of 5,000 messages', (browser) => {
  test(
    'opens at its end, scrolls up through thousands without a gap, and lets go of them at the end',
    async () => {
      await using server = await startServer({ args: pageArgs, env: { RATE_LIMIT_PER_SECOND: '0' } });
      await using carl = await connectClient(server.url, { user: 'carl' });
      await using dora = await connectClient(server.url, { user: 'dora' });
      await carl.call('create_thread', { id: 'long', title: 'Long' });
      const sends = Array.from({ length: messageCount }, (_, i) =>
        (i % 10 < 5 ? carl : dora).call('send_message', { thread_id: 'long', content: `message ${i}` }, 60_000),
      );
      await Promise.all(sends);
      const stored = asShown(await readThread(carl, 'long'));
      expect(stored).toHaveLength(messageCount);
      const last = stored.at(-1)!;

      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/long' });
      await window.shows('the end', (shown) => shown.at(-1)?.id === last.id);
      expect(await window.page.getByTestId('jump').count()).toBe(0);
      expect(await elementCount(window)).toBeLessThan(maxElements);

      await window.page.evaluate(watchFrames);
      const { messages } = await readUpwards(window, readCount, readMs);
      expect(messages).toEqual(stored.slice(-messages.length));
      // A page is read when one comes near it, and no other before that.
      expect(historyRequests(window)).toBeLessThanOrEqual(Math.ceil(messages.length / pageSize) + 1);
      expect(await elementCount(window)).toBeLessThan(maxElements);
      expect(await heapBytes(window)).toBeLessThan(maxHeapBytes);
      const watch = await window.page.evaluate<FrameWatch>('frameWatch');
      expect(watch.frames).toBeGreaterThan(100);
      expect(watch.longestBlankMs).toBeLessThan(maxBlankMs);

      // Far up, what comes does not move what one reads.
      const before = await placeAtRest(window);
      const { message: news } = await carl.call('send_message', { thread_id: 'long', content: 'news' });
      const jump = window.page.getByTestId('jump').filter({ hasText: '1 new message' });
      await jump.waitFor();
      const after = await uppermostInSight(window);
      expect(after.id).toBe(before.id);
      expect(Math.abs(after.top - before.top)).toBeLessThan(5);

      await jump.click();
      await window.shows('the end again', (shown) => shown.at(-1)?.id === news.id);
      await jump.waitFor({ state: 'detached' });
      expect(await elementCount(window)).toBeLessThan(maxElements);

      // What was read is not held any more: a little above the end it is asked for again.
      const requests = historyRequests(window);
      let turns = 0;
      await eventually(
        'older messages are read again',
        async () => {
          await turnWheel(window, -500);
          turns += 1;
          return historyRequests(window) > requests;
        },
        shownMs,
      );
      expect(turns).toBeLessThan(maxTurns);
    },
    timeoutMs,
  );
});
