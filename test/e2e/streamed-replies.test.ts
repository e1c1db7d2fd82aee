import { expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import type { Locator } from 'playwright-core';
import { createBuiltInResponder } from '../../server/src/responder/built-in-responder.ts';
import { codeAnswer } from '../../server/src/responder/code-answer.ts';
import type { Responder } from '../../server/src/responder/responder.ts';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { describeInChromium } from '../support/browser.ts';
import { connectClient, readThread } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { seriousFaults } from '../support/page-accessibility.ts';
import { turnWheel } from '../support/page-reading.ts';
import { pageArgs, pageDir, phone, shownMs } from '../support/page-window.ts';
import type { ChatWindow } from '../support/page-window.ts';
import { makeTempDir, startServer } from '../support/process.ts';
import { Prompter } from '../support/prompter.ts';
import { newSignal } from '../support/signal.ts';

const timeoutMs = 120_000;

/** So many words, numbered: where one is missing, doubled or out of order, it shows. */
function words(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, i) => `word${from + i}`).join(' ');
}

/** A server whose replies the test prompts, with a thread in which it answers. */
async function startPrompted(prompter: Prompter, overlap = 'queue'): Promise<App & { readonly api: TestClient }> {
  const app = await startApp({ pageDir, responder: prompter.responder });
  const api = await connectClient(app.url, { user: 'carl' });
  await api.call('create_thread', { id: 'talk', title: 'Talk', metadata: { responder: { overlap } } });
  return {
    ...app,
    api,
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    },
  };
}

/** What the assistant wrote in a thread, as it is stored. */
async function storedReplies(api: TestClient, threadId = 'talk'): Promise<Message[]> {
  return (await readThread(api, threadId)).filter(({ sender }) => sender.id === 'assistant');
}

function body(reply: Locator): Locator {
  return reply.locator('.message-body');
}

function withStatus(window: ChatWindow, status: string): Locator {
  return window.replies.and(window.page.locator(`[data-status="${status}"]`));
}

/** Waits until a message's text is this: it may be one that is still to grow. */
async function reads(message: Locator, text: string): Promise<void> {
  let last: string | null = null;
  const isSo = async (): Promise<boolean> => (last = await body(message).textContent()) === text;
  await eventually(`a message reads: ${text}`, isSo, shownMs).catch((error: unknown) => {
    throw new Error(`${String(error)}; it reads: ${last}`);
  });
}

interface BodyElement {
  readonly innerHTML: string;
}

/** All that is drawn of a message's text. */
function markupOf(message: Locator): Promise<string> {
  return body(message).evaluate(({ innerHTML }: BodyElement) => innerHTML);
}

/** Has the page note what its first reply reads at each change; gives what was noted. */
async function watchGrowth({ page }: ChatWindow): Promise<() => Promise<string[]>> {
  await page.evaluate(`{
    const noted = (globalThis.noted = []);
    const note = () => {
      const text = document.querySelector('[data-role="assistant"] .message-body')?.textContent ?? '';
      if (text !== noted.at(-1)) noted.push(text);
    };
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true });
    note();
  }`);
  return () => page.evaluate<string[]>('globalThis.noted');
}

/** A text that only grew, in several steps. */
function expectGrowth(noted: readonly string[], whole: string): void {
  expect(noted.length).toBeGreaterThan(2);
  for (const [i, text] of noted.entries()) expect(text.startsWith(noted[i - 1] ?? '')).toBe(true);
  expect(noted.at(-1)).toBe(whole);
}

/** Reached by the keyboard from where one writes, which the button is not far from. */
async function stopByKeyboard(window: ChatWindow): Promise<void> {
  await window.composer.focus();
  const stop = window.page.getByRole('button', { name: 'Stop Assistant' }).and(window.page.locator(':focus'));
  for (let presses = 0; (await stop.count()) === 0; presses += 1) {
    expect(presses).toBeLessThan(5);
    await window.page.keyboard.press('Shift+Tab');
  }
  await window.page.keyboard.press('Enter');
}

async function isStopped(reply: Locator): Promise<void> {
  await reply
    .locator('.message-state')
    .filter({ hasText: /^Stopped$/ })
    .waitFor();
  expect(await reply.locator('.caret, .typing').count()).toBe(0);
  expect(await reply.getByRole('button', { name: 'Stop' }).count()).toBe(0);
}

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

function standsAtEnd(window: ChatWindow): Promise<void> {
  return eventually('the list stands at its end', async () => (await scrollOf(window)).below < 16);
}

describeInChromium('a reply of the server in the demo page', (browser) => {
  test(
    'answers in a thread of the dialog: it grows behind a caret, and ends as Markdown, with nothing being written',
    async () => {
      const halts = [
        { after: '> hello', caret: 'blockquote .caret', goOn: newSignal() },
        { after: '| Words', caret: 'tr:nth-child(3) td:first-child .caret', goOn: newSignal() },
        { after: '- `/long`:', caret: 'li .caret', goOn: newSignal() },
      ];
      const builtIn = createBuiltInResponder({ delay: () => Promise.resolve() });
      const respond: Responder = async function* (message, context) {
        let said = '';
        for await (const piece of builtIn(message, context)) {
          yield piece;
          said += piece;
          await halts.find(({ after }) => said.trimEnd().endsWith(after))?.goOn.promise;
        }
      };
      await using app = await startApp({ pageDir, responder: { respond, isRepeatable: true } });
      await using api = await connectClient(app.url, { user: 'carl' });
      await using ann = await browser.openWindow(app.url, 'ann');
      const id = await ann.createThread('Ask me', { isAnswered: true });
      await ann.write('hello **there**');

      const writing = withStatus(ann, 'streaming');
      for (const { caret, goOn } of halts) {
        await writing.locator(caret).waitFor();
        expect(await writing.locator('.caret').count()).toBe(1);
        expect(await body(writing).getAttribute('aria-busy')).toBe('true');
        await writing.getByText('Assistant is writing…').waitFor();
        await ann.row(id).getByText('Assistant is writing…').waitFor();
        // Each row of a table has all its cells from the beginning.
        for (const row of await writing.locator('tr').all()) expect(await row.locator('th, td').count()).toBe(2);
        goOn.resolve();
      }

      const reply = withStatus(ann, 'complete');
      await reply.waitFor();
      expect(await reply.locator('blockquote').textContent()).toBe('hello **there**');
      expect(await reply.locator('tr').first().allInnerTexts()).toEqual(['In this thread\t']);
      expect(await reply.locator('tbody tr').allInnerTexts()).toEqual(
        expect.arrayContaining(['Messages\t1', 'Replies\t0', 'Words\t2', 'People\t1']),
      );
      expect(await reply.locator('.caret, .message-state').count()).toBe(0);
      expect(await ann.messageList.getByText('is writing…').count()).toBe(0);
      await ann.row(id).getByText('Assistant: You wrote: hello **there**').waitFor();
      await ann.page.getByTestId('announcer').filter({ hasText: 'Assistant: You wrote:' }).waitFor();
      expect(await storedReplies(api, id)).toMatchObject([{ status: 'complete' }]);
    },
    timeoutMs,
  );

  test(
    'goes on where it was in a window that is loaded anew, was offline, or is opened meanwhile by somebody else',
    async () => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter);
      const path = '/t/talk';
      await using ann = await browser.openWindow(app.url, 'ann', { path });
      await ann.write('count');
      let last = 200;
      prompter.say('count', words(1, last));
      await reads(ann.replies, words(1, last));
      const noted = await watchGrowth(ann);
      /** Word by word, each of which Ann reads before the next one, for as long as something else takes. */
      const goOnDuring = async <T>(work: Promise<T>): Promise<T> => {
        const state = { isOver: false };
        const over = work.finally(() => (state.isOver = true));
        over.catch(() => undefined);
        while (!state.isOver) {
          last += 1;
          prompter.say('count', ` word${last}`);
          await reads(ann.replies, words(1, last));
        }
        return over;
      };

      await using reloading = await browser.openWindow(app.url, 'ann', { path, outages: true });
      await reads(reloading.replies, words(1, last));
      await goOnDuring(reloading.reload());
      await reads(reloading.replies, words(1, last));
      await reloading.replies.locator('.caret').waitFor();

      await reloading.page.context().setOffline(true);
      await goOnDuring(reloading.connection('offline').waitFor());
      expect(await reloading.replies.getByText(`word${last}`).count()).toBe(0);
      await reloading.page.context().setOffline(false);
      await goOnDuring(reloading.connection('connected').waitFor());
      await reads(reloading.replies, words(1, last));

      await using bob = await goOnDuring(browser.openWindow(app.url, 'bob', { path }));
      await reads(bob.replies, words(1, last));
      await bob.replies.getByText('Assistant is writing…').waitFor();
      const notedByBob = await watchGrowth(bob);
      for (let i = 1; i <= 20; i += 1) {
        last += 1;
        prompter.say('count', ` word${last}`);
        await reads(bob.replies, words(1, last));
      }
      const windows = [ann, reloading, bob];
      for (const window of windows) await reads(window.replies, words(1, last));
      prompter.say('count', '\n\n| and | a table |\n|---|---|\n| **x** | |');
      for (const window of windows) await window.replies.locator('td:last-child .caret').waitFor();
      prompter.say('count', '\n| `y` | z |');
      prompter.end('count');

      const [stored, ...others] = await eventuallyEnded(app.api);
      expect(others).toEqual([]);
      expect(stored!.content).toBe(`${words(1, last)}\n\n| and | a table |\n|---|---|\n| **x** | |\n| \`y\` | z |`);
      for (const window of windows) {
        await withStatus(window, 'complete').waitFor();
        expect(await window.replies.count()).toBe(1);
        expect(await body(window.replies).locator('p').textContent()).toBe(words(1, last));
        expect(await window.replies.locator('td').allTextContents()).toEqual(['x', '', 'y', 'z']);
        expect(await markupOf(window.replies)).toBe(await markupOf(ann.replies));
        expect(await window.shown()).toEqual(await ann.shown());
      }
      for (const texts of [await noted(), await notedByBob()]) {
        expectGrowth(
          texts.filter((text) => !text.includes('and')),
          words(1, last),
        );
      }
    },
    timeoutMs,
  );

  test(
    'is stopped for everybody: by the mouse, by the keyboard, after a reload, and before its first word',
    async () => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter);
      const path = '/t/talk';
      await using ann = await browser.openWindow(app.url, 'ann', { path });
      await using bob = await browser.openWindow(app.url, 'bob', { path });
      const windows = [ann, bob];
      const mouse = (window: ChatWindow): Promise<void> =>
        window.page.getByRole('button', { name: 'Stop Assistant' }).click();
      const ways: readonly { name: string; said: string; stop: () => Promise<void> }[] = [
        { name: 'by the mouse', said: 'some text', stop: () => mouse(ann) },
        { name: 'by the keyboard', said: 'more text', stop: () => stopByKeyboard(bob) },
        {
          name: 'after a reload',
          said: 'text again',
          stop: async () => {
            await ann.reload();
            await reads(withStatus(ann, 'streaming'), 'text again');
            await mouse(ann);
          },
        },
        { name: 'before a word', said: '', stop: () => mouse(bob) },
        { name: 'before a word, by the keyboard', said: '', stop: () => stopByKeyboard(ann) },
      ];
      for (const [i, { name, said, stop }] of ways.entries()) {
        await ann.write(name);
        if (said !== '') prompter.say(name, said);
        const replies = windows.map((window) => window.replies.nth(i));
        for (const reply of replies) {
          await reads(reply, said);
          await reply.locator(said === '' ? '.typing' : '.caret').waitFor();
        }
        await stop();
        for (const reply of replies) {
          await isStopped(reply);
          await reads(reply, said);
        }
        // Nobody goes on with what nobody will read.
        await eventually(`the responder stops: ${name}`, () => prompter.isAborted(name));
      }
      // The keyboard is not lost with the button that it was on.
      expect(await ann.replies.last().and(ann.page.locator(':focus')).count()).toBe(1);
      await ann.row('talk').getByText('Assistant: Stopped').waitFor();
      await bob.reload();
      await isStopped(bob.replies.last());
      expect(await bob.shown()).toEqual(await ann.shown());
      const expected = ways.map(({ said }) => ({ content: said, status: 'cancelled' }));
      expect(await storedReplies(app.api)).toMatchObject(expected);
    },
    timeoutMs,
  );

  test(
    'grows beside others by itself, and is stopped alone',
    async () => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter, 'concurrent');
      await app.api.call('create_thread', { id: 'other', title: 'Another' });
      const path = '/t/talk';
      await using ann = await browser.openWindow(app.url, 'ann', { path });
      await using bob = await browser.openWindow(app.url, 'bob', { path });
      const windows = [ann, bob];
      const questions = ['red', 'green', 'blue'];
      for (const question of questions) {
        await ann.write(question);
        prompter.say(question, `${question} 0`);
      }
      for (let i = 1; i <= 5; i += 1) for (const question of questions) prompter.say(question, ` ${question} ${i}`);
      const upTo = (question: string, last: number): string =>
        Array.from({ length: last + 1 }, (_, i) => `${question} ${i}`).join(' ');
      const replyOf = (window: ChatWindow, question: string): Locator =>
        window.replies.filter({ hasText: `${question} 0` });
      for (const window of windows) {
        for (const question of questions) await reads(replyOf(window, question), upTo(question, 5));
        expect(await withStatus(window, 'streaming').count()).toBe(3);
        expect(await window.page.locator('.caret').count()).toBe(3);
      }

      // Nothing is lost on one who looks away.
      await ann.open('other');
      await ann.replies.first().waitFor({ state: 'detached' });
      for (const question of questions) prompter.say(question, ` ${question} 6`);
      for (const question of questions) await reads(replyOf(bob, question), upTo(question, 6));
      await ann.open('talk');
      for (const question of questions) await reads(replyOf(ann, question), upTo(question, 6));

      await replyOf(bob, 'green').getByRole('button', { name: 'Stop Assistant' }).click();
      for (const window of windows) await isStopped(replyOf(window, 'green'));
      for (const question of questions) prompter.say(question, ` ${question} 7`);
      for (const window of windows) {
        for (const question of ['red', 'blue']) await reads(replyOf(window, question), upTo(question, 7));
        expect(await withStatus(window, 'streaming').count()).toBe(2);
      }
      for (const question of questions) prompter.end(question);
      for (const window of windows) {
        for (const question of ['red', 'blue']) {
          await replyOf(window, question).and(withStatus(window, 'complete')).waitFor();
        }
        await reads(replyOf(window, 'green'), upTo('green', 6));
      }
      expect(await bob.shown()).toEqual(await ann.shown());
      const stored = await storedReplies(app.api);
      expect(stored.map(({ content, status }) => `${status}: ${content}`).toSorted()).toEqual([
        `cancelled: ${upTo('green', 6)}`,
        `complete: ${upTo('blue', 7)}`,
        `complete: ${upTo('red', 7)}`,
      ]);
    },
    timeoutMs,
  );

  test(
    'goes on to its end, with no word doubled or missing, where the server is killed twice and started again',
    async () => {
      await using dir = await makeTempDir();
      const options = { dataDir: dir.path, args: pageArgs };
      await using first = await startServer(options);
      const windowOptions = { outages: true };
      await using ann = await browser.openWindow(first.url, 'ann', windowOptions);
      const id = await ann.createThread('Through thick and thin', { isAnswered: true });
      await ann.write('/code');
      // Both while it is far from its end.
      await ann.replies.getByText('TypeScript').waitFor();
      await first.kill('SIGKILL');
      const again = { ...options, env: { PORT: `${first.port}` } };
      await ann.connection('reconnecting').waitFor();
      await withStatus(ann, 'streaming').waitFor();

      await using second = await startServer(again);
      await ann.connection('connected').waitFor();
      await ann.replies.getByText('React', { exact: true }).waitFor();
      await second.kill('SIGKILL');
      await ann.connection('reconnecting').waitFor();
      await withStatus(ann, 'streaming').waitFor();

      await using third = await startServer(again);
      await using bob = await browser.openWindow(third.url, 'bob', { path: `/t/${id}`, ...windowOptions });
      await ann.connection('connected').waitFor();
      for (const window of [ann, bob]) await withStatus(window, 'complete').waitFor();
      await using api = await connectClient(third.url, { user: 'carl' });
      const stored = await storedReplies(api, id);
      expect(stored.map(({ content }) => content)).toEqual([codeAnswer(id)]);
      // A window that had nothing before shows what the one does that held on all the time.
      expect(await markupOf(ann.replies)).toBe(await markupOf(bob.replies));
      expect(await ann.shown()).toEqual(await bob.shown());
    },
    timeoutMs,
  );

  test(
    'is stopped, once the server is there again, by a button that was pressed while it was away',
    async () => {
      await using dir = await makeTempDir();
      const options = { dataDir: dir.path, args: pageArgs };
      await using first = await startServer(options);
      await using ann = await browser.openWindow(first.url, 'ann', { outages: true });
      const id = await ann.createThread('A word a second', { isAnswered: true });
      await ann.write('/slow');
      await ann.replies.getByText('This answer').waitFor();
      await first.kill('SIGKILL');
      await ann.connection('reconnecting').waitFor();
      const text = await body(ann.replies).textContent();
      await ann.page.getByRole('button', { name: 'Stop Assistant' }).click();
      await ann.replies.getByText('Stopping…').waitFor();

      await using second = await startServer({ ...options, env: { PORT: `${first.port}` } });
      await isStopped(ann.replies);
      await using api = await connectClient(second.url, { user: 'carl' });
      const [stored, ...others] = await storedReplies(api, id);
      expect(others).toEqual([]);
      expect(stored).toMatchObject({ status: 'cancelled' });
      // A word or two may have come between its start and the request: of what is bold, the end may be missing.
      const withoutMarks = (marked: string | null): string => marked!.replaceAll('**', '').trimEnd();
      expect(withoutMarks(await body(ann.replies).textContent())).toBe(withoutMarks(stored!.content));
      expect(withoutMarks(stored!.content).startsWith(withoutMarks(text))).toBe(true);
    },
    timeoutMs,
  );

  test(
    'that fails says why, below what it had said',
    async () => {
      const respond = createBuiltInResponder({ delay: () => Promise.resolve() });
      await using app = await startApp({ pageDir, responder: { respond, isRepeatable: true } });
      await using ann = await browser.openWindow(app.url, 'ann');
      await ann.createThread('Ask me', { isAnswered: true });
      await ann.write('/fail');
      const reply = withStatus(ann, 'failed');
      await reply.getByText('Failed: This reply failed because it was asked to.').waitFor();
      expect(await body(reply).textContent()).toContain('This reply begins like any other');
      expect(await reply.locator('.caret').count()).toBe(0);
      // The next one does not suffer from it.
      await ann.write('/unheard');
      await withStatus(ann, 'complete').getByText('There are:').waitFor();
    },
    timeoutMs,
  );

  test(
    'that is longer than the screen is followed from the end of the list, and by nobody who has scrolled up',
    async () => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter);
      await using ann = await browser.openWindow(app.url, 'ann', { path: '/t/talk' });
      await ann.write('tell');
      let count = 0;
      const tell = async (paragraphs: number): Promise<void> => {
        for (let i = 0; i < paragraphs; i += 1) {
          count += 1;
          const text = `**Paragraph ${count}** of ${words(1, 60)}.\n\n`;
          for (const word of text.split(/(?<= )/)) prompter.say('tell', word);
        }
        await ann.replies.getByText(`Paragraph ${count}`, { exact: true }).waitFor();
      };
      for (let i = 0; i < 4; i += 1) {
        await tell(5);
        await standsAtEnd(ann);
      }
      const stop = ann.page.getByRole('button', { name: 'Stop Assistant' });
      await stop.click({ trial: true });

      await turnWheel(ann, -600);
      await eventually('the list has left its end', async () => (await scrollOf(ann)).below > 300);
      let before = await scrollOf(ann);
      await eventually('the list stands still', async () => {
        const { top } = before;
        before = await scrollOf(ann);
        return before.top === top;
      });
      await tell(10);
      await eventually('there is more below', async () => (await scrollOf(ann)).below > before.below + 300);
      expect((await scrollOf(ann)).top).toBe(before.top);

      prompter.end('tell');
      await withStatus(ann, 'complete').waitFor();
      expect((await scrollOf(ann)).top).toBe(before.top);
      await ann.page.getByTestId('jump').click();
      await standsAtEnd(ann);
    },
    timeoutMs,
  );

  test(
    'has nothing serious against it while it grows, in the light, in the dark and on a phone',
    async () => {
      const prompter = new Prompter();
      await using app = await startPrompted(prompter, 'concurrent');
      for (const question of ['table', 'code', 'nothing yet']) {
        await app.api.call('send_message', { thread_id: 'talk', content: question });
      }
      prompter.say('table', '## A table\n\nWith [a link](https://example.org/)\n\n| a | b |\n|---|---|\n| **x** | `y');
      prompter.say('code', '> quoted\n\n- [x] done\n\n```ts\nconst answer = 42;');
      const faults: string[][] = [];
      const screens = [{}, { colorScheme: 'dark' as const }, phone, { ...phone, colorScheme: 'dark' as const }];
      for (const options of screens) {
        const path = '/t/talk';
        await using window = await browser.openWindow(app.url, 'ann', { path, reducedMotion: 'reduce', ...options });
        await window.replies.locator('td .caret').waitFor();
        await window.replies.locator('pre .caret').waitFor();
        await window.replies.locator('.typing').waitFor();
        faults.push(await seriousFaults(window.page));
      }
      expect(faults).toEqual(screens.map(() => []));
    },
    timeoutMs,
  );
});

/** The replies, once none of them is being written. */
async function eventuallyEnded(api: TestClient): Promise<Message[]> {
  let replies: Message[] = [];
  await eventually('every reply ends', async () => {
    replies = await storedReplies(api);
    return replies.every(({ status }) => status !== 'streaming');
  });
  return replies;
}
