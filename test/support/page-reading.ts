import type { Message } from '@threadwire/protocol';
import { eventually } from './eventually.ts';
import type { ChatWindow, ShownMessage } from './page-window.ts';

interface ScrollerElement {
  scrollTop: number;
  readonly scrollHeight: number;
}

/** What was read of a thread so far: its end, as far up as one has scrolled. */
export class Reading {
  /** From above to below. */
  readonly messages: ShownMessage[] = [];

  /** Whether what is drawn reaches down to what was read: otherwise something between them may be missing. */
  isJoinedBy(shown: readonly ShownMessage[]): boolean {
    const first = this.messages[0];
    return first === undefined || shown.some(({ id }) => id === first.id);
  }

  /**
   * Adds what is drawn now, and joins what was read. Both have to agree where they meet: then nothing is missing, double or
   * out of order.
   */
  add(shown: readonly ShownMessage[]): void {
    const first = this.messages[0];
    const end = first === undefined ? shown.length : shown.findIndex(({ id }) => id === first.id);
    for (const [i, message] of shown.slice(end).entries()) {
      const before = this.messages[i];
      // Below, there may be newer ones now.
      if (before && before.id !== message.id) throw new Error(`${message.text} stands where ${before.text} stood`);
    }
    this.messages.unshift(...shown.slice(0, end));
  }
}

/** So far one turn of the wheel goes: less than what is drawn beyond the upper edge. */
const stepPx = 500;

/** Turns the wheel over the messages, and waits until the page has drawn what that brought. */
export async function turnWheel({ page, messageList }: ChatWindow, deltaPx: number): Promise<void> {
  await messageList.hover({ position: { x: 300, y: 200 } });
  await page.mouse.wheel(0, deltaPx);
  await page.evaluate(`new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn())))`);
}

/** Reads a thread from its end upwards, until so many messages are read or the thread begins. */
export async function readUpwards(window: ChatWindow, count = Infinity, timeoutMs = 30_000): Promise<Reading> {
  const reading = new Reading();
  const deadline = performance.now() + timeoutMs;
  reading.add(await window.shown());
  while (reading.messages.length < count && !(await isAtBeginning(window))) {
    if (performance.now() > deadline) {
      throw new Error(`${reading.messages.length} messages were read in ${timeoutMs} ms, not ${count}`);
    }
    await turnWheel(window, -stepPx);
    reading.add(await drawnNext(window, reading));
  }
  return reading;
}

/**
 * What is drawn once it joins what was read. While older messages are put in above, the list may stand elsewhere for a frame;
 * one that stays there has made its reader miss something.
 */
async function drawnNext(window: ChatWindow, reading: Reading): Promise<readonly ShownMessage[]> {
  let shown: readonly ShownMessage[] = [];
  await eventually(`the list stands at ${reading.messages[0]?.text}, above which nothing was read`, async () => {
    shown = await window.shown();
    return reading.isJoinedBy(shown);
  });
  return shown;
}

/** Everything of a thread that is open, as one reads it who scrolls up to where it begins. */
export async function readAll(window: ChatWindow): Promise<readonly ShownMessage[]> {
  return (await readUpwards(window)).messages;
}

/** How the page is to show what the server has. */
export function asShown(messages: readonly Message[]): ShownMessage[] {
  return messages.map(({ id, status, content }) => ({ id, status, text: content }));
}

async function isAtBeginning({ page, messageList }: ChatWindow): Promise<boolean> {
  if ((await page.locator('.thread-intro').count()) === 0) return false;
  return messageList.evaluate((scroller: ScrollerElement) => scroller.scrollTop < 2);
}
