import { expect, test } from '@jest/globals';
import { describeInChromium } from '../support/browser.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { pageArgs } from '../support/page-window.ts';
import { startServer } from '../support/process.ts';

const timeoutMs = 90_000;

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

/** What a page would run that took text for HTML. */
const attacks = [
  `<script>globalThis.wasRun = 'script'</script>`,
  `<img src="x" onerror="globalThis.wasRun = 'image'">`,
  `<svg onload="globalThis.wasRun = 'svg'"></svg><iframe srcdoc="<b>hi</b>"></iframe>`,
  '```<b>html\n</code></pre><script>globalThis.wasRun = "code"</script>\n```',
  'javascript:globalThis.wasRun="link"',
];

describeInChromium('the demo page', (browser) => {
  test(
    'runs under a strict content security policy, whose violations these tests see',
    async () => {
      await using server = await startServer({ args: pageArgs });
      const response = await fetch(server.url);
      expect(response.headers.get('content-security-policy')?.split('; ')).toEqual(policy);

      await using window = await browser.openWindow(server.url, 'ann');
      expect(window.faults).toEqual([]);
      await window.page.evaluate(`{
        const script = document.createElement('script');
        script.textContent = "globalThis.wasRun = 'inline'";
        document.body.append(script);
        document.body.setAttribute('style', 'color: red');
      }`);
      await eventually('the violations are told', () => window.faults.length >= 2);
      expect(window.faults.splice(0)).toEqual([
        expect.stringMatching(/script.*Content Security Policy.*script-src 'self'/s),
        expect.stringMatching(/style.*Content Security Policy.*style-src 'self'/s),
      ]);
      expect(await window.page.evaluate('typeof wasRun')).toBe('undefined');
    },
    timeoutMs,
  );

  test(
    'shows HTML in titles, names and messages as the text that it is',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      const title = `<img src="x" onerror="globalThis.wasRun = 'title'">`;
      await api.call('create_thread', { id: 'html', title });
      for (const content of attacks) await api.call('send_message', { thread_id: 'html', content });
      await api.call('send_message', { thread_id: 'html', content: 'the end' });

      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/html' });
      await window.message('the end').waitFor();
      await window.page.getByRole('heading', { level: 1, name: title, exact: true }).waitFor();
      await window.row('html').getByText(title).waitFor();
      const texts = (await window.shown()).map(({ text }) => text);
      expect(texts).toHaveLength(attacks.length + 1);
      for (const [i, attack] of attacks.entries()) {
        // Of a code block without its fences.
        const inner = attack.includes('\n') ? attack.split('\n').slice(1, -1).join('\n') : attack;
        expect(texts[i]).toContain(inner);
      }
      const made = window.messageList.locator('script, img, iframe, .message-body svg:not(.icon), [onerror], [onload]');
      expect(await made.count()).toBe(0);
      // Nor is what one writes oneself anything else.
      await window.write(attacks[0]!);
      await window.page.locator('[data-own="true"][data-status="complete"]').waitFor();
      expect((await window.shown()).at(-1)?.text).toBe(attacks[0]);
      expect(await window.page.evaluate('typeof wasRun')).toBe('undefined');
    },
    timeoutMs,
  );
});
