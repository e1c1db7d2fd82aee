import { afterAll, afterEach, describe, expect, test } from '@jest/globals';
import { chromium as playwright } from 'playwright-core';
import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core';
import { ChatWindow } from './page-window.ts';
import { chromium, missingRequirements } from './requirements.cjs';

const executable = chromium();

/** Why Chromium cannot run here: nothing, or one line, which the reporter also gives at the end of a run. */
const missing: readonly string[] = missingRequirements()
  .filter(({ name }) => name === 'chromium')
  .map(({ title, reason }) => `${title}: ${reason}`);

/** Starting it is what takes longest on a busy machine. */
const launchMs = 60_000;

export interface WindowOptions extends BrowserContextOptions {
  /** What follows the `#`: a thread's `/t/<id>`. */
  readonly path?: string;
  /** The test takes the server or the network away: attempts to connect may fail. */
  readonly outages?: boolean;
}

export interface TestBrowser {
  /** The page in a browser profile of its own, as somebody: connected, where the server is there. */
  openWindow(url: string, user: string, options?: WindowOptions): Promise<ChatWindow>;
  /** A browser profile of its own, with nothing open. */
  newContext(options?: BrowserContextOptions): Promise<BrowserContext>;
}

/** Tests of the page in a browser, where there is one; where there is none, the reporter names what was not run. */
export function describeInChromium(name: string, define: (browser: TestBrowser) => void): void {
  describe(name, () => {
    test('can run here, or is named as missing', () => {
      expect(missing).toHaveLength(executable === undefined ? 1 : 0);
    });
    if (executable !== undefined) define(useBrowser(executable));
  });
}

/**
 * One Chromium for the tests of a file, started by the first that opens a window. After each test, what the page's console
 * said against it in any of the test's windows, faults of the content security policy included, fails the test.
 */
function useBrowser(executablePath: string): TestBrowser {
  let browser: Promise<Browser> | undefined;
  const windows: ChatWindow[] = [];
  const launch = (): Promise<Browser> =>
    playwright.launch({ executablePath, args: ['--disable-gpu', '--disable-quic'], timeout: launchMs });

  afterEach(() => {
    const faults = windows.splice(0).flatMap((window) => window.faults.map((fault) => `${window.user}: ${fault}`));
    expect(faults).toEqual([]);
  });
  afterAll(async () => {
    await (await browser)?.close();
  }, launchMs);

  return {
    newContext: async (options) => {
      browser ??= launch();
      return await (await browser).newContext(options);
    },
    openWindow: async (url, user, { path = '/', outages = false, ...contextOptions } = {}) => {
      browser ??= launch();
      const context = await (await browser).newContext({ viewport: { width: 1200, height: 800 }, ...contextOptions });
      try {
        const window = new ChatWindow(await context.newPage(), user, outages);
        windows.push(window);
        await window.load(`${url}/#${path}`);
        return window;
      } catch (error) {
        await context.close();
        throw error;
      }
    },
  };
}
