import { expect, test } from '@jest/globals';
import { describeInChromium } from '../support/browser.ts';
import { connectClient } from '../support/client.ts';
import { eventually } from '../support/eventually.ts';
import { seriousFaults } from '../support/page-accessibility.ts';
import { pageArgs, phone } from '../support/page-window.ts';
import { startServer } from '../support/process.ts';

const timeoutMs = 120_000;

const rich = `# Report

Some **bold**, *slanted*, ~~gone~~ and \`inline\` text; see [the site](https://example.org/a?b=1#c) and https://example.com/.
The second line of it.

## Steps

1. First
2. Second
   - inner
   - [x] done
   - [ ] to do

   \`\`\`ts
   const answer = 42;
   \`\`\`

> Said *before*

| Name | Size | What it is |
| :--- | ---: | --- |
| \`a.ts\` | 12 | ${'a file with a long description '.repeat(6)} |
| \`b.ts\` | 3 | short |

---

\`\`\`python
def f():

    return "# no heading"
\`\`\`

![A chart](https://example.org/chart.png) and [by name][site].

[site]: https://example.net/named
`;

/** Longer than what is read as Markdown, and deeper. */
const excesses = {
  quotes: '>'.repeat(10_000),
  brackets: '['.repeat(10_000),
  pairs: `${'['.repeat(5000)}${']'.repeat(5000)}`,
  links: '[a]('.repeat(4000),
  stars: '*a **b '.repeat(4000),
  items: `${'- '.repeat(10_000)}x`,
  levels: Array.from({ length: 200 }, (_, i) => `${'  '.repeat(i)}- level`).join('\n'),
  line: 'very-long-line'.repeat(4000),
  table: `${'|a'.repeat(4000)}|\n${'|-'.repeat(4000)}|\n`,
  blocks: 'a\n\n'.repeat(12_000),
};

const attacks = [
  '[link](javascript:globalThis.wasRun=1) [link](JaVaScRiPt:alert(1)) [link](java&#x0A;script:alert(1)) <javascript:alert(1)>',
  '[data](data:text/html,<script>globalThis.wasRun=2</script>) [vb](vbscript:msgbox) [file](file:///etc/passwd) [rel](/admin/)',
  '![x](data:image/svg+xml,<svg/onload=alert(1)>) ![x](http://elsewhere.test/pixel.png) ![x](//elsewhere.test/pixel.png)',
  '<img src="http://elsewhere.test/pixel.png" onerror="globalThis.wasRun=3"><iframe src="http://elsewhere.test"></iframe>',
  '<a href="javascript:alert(1)" onclick="globalThis.wasRun=4">click</a> <style>@import "http://elsewhere.test/x.css";</style>',
  '[a]: javascript:globalThis.wasRun=5\n\n[a] ![a]',
  '[x](https://example.org/"onmouseover="globalThis.wasRun=6) <https://example.org/"onclick="alert(1)>',
  '```"><script>globalThis.wasRun=7</script>\n</code></pre><script>globalThis.wasRun=7</script>\n```',
  '| <script>globalThis.wasRun=8</script> |\n| --- |\n| <img src=x onerror=alert(1)> |',
];

// What the functions that run in the page use of it.
interface ScrollerElement {
  readonly scrollLeft: number;
}

interface ParagraphElement {
  readonly lastChild: { readonly data: string };
  readonly ownerDocument: {
    createRange(): {
      setStart(node: object, offset: number): void;
      setEnd(node: object, offset: number): void;
      getBoundingClientRect(): { readonly left: number };
    };
  };
}

interface LinkElement {
  readonly href: string;
  readonly target: string;
  readonly rel: string;
}

describeInChromium('Markdown in messages of the demo page', (browser) => {
  test(
    'is shown as what it stands for',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      await api.call('send_message', { thread_id: 'talk', content: rich, role: 'assistant' });
      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/talk' });
      const body = window.message('Report').locator('.message-body');
      await body.waitFor();

      // None but the page's own: a reply must not stand among them.
      expect(await window.messageList.getByRole('heading').allTextContents()).toEqual(['Talk']);
      expect(await body.locator('.text-heading').allTextContents()).toEqual(['Report', 'Steps']);
      expect(await body.locator('strong', { hasText: 'bold' }).count()).toBe(1);
      expect(await body.locator('ol > li > ul > li').count()).toBe(3);
      expect(await body.getByRole('img', { name: 'Done' }).count()).toBe(1);
      expect(await body.getByRole('img', { name: 'To do' }).count()).toBe(1);
      expect(await body.locator('blockquote').innerText()).toBe('Said before');
      expect(await body.locator('hr').count()).toBe(1);
      expect(await body.locator('img').count()).toBe(0);
      const links = await body
        .locator('a')
        .evaluateAll((anchors: LinkElement[]) => anchors.map(({ href, target, rel }) => ({ href, target, rel })));
      const hrefs = [
        'https://example.org/a?b=1#c',
        'https://example.com/',
        'https://example.org/chart.png',
        'https://example.net/named',
      ];
      expect(links).toEqual(hrefs.map((href) => ({ href, target: '_blank', rel: 'noopener noreferrer' })));

      const table = body.getByRole('region', { name: 'Table: Name, Size, What it is' });
      expect(await table.getByRole('columnheader').allTextContents()).toEqual(['Name', 'Size', 'What it is']);
      expect(await table.getByRole('row').count()).toBe(3);

      const code = body.locator('figure.code');
      expect(await code.locator('figcaption').allTextContents()).toEqual(['ts', 'python']);
      expect(await code.locator('code').allTextContents()).toEqual([
        'const answer = 42;',
        'def f():\n\n    return "# no heading"',
      ]);
      await window.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await code.nth(1).hover();
      await code.nth(1).getByRole('button', { name: 'Copy code' }).click();
      await code.nth(1).getByRole('button', { name: 'Copied' }).waitFor();
      expect(await window.page.evaluate('navigator.clipboard.readText()')).toBe(
        'def f():\n\n    return "# no heading"',
      );
    },
    timeoutMs,
  );

  test(
    'keeps the line breaks that people make, and scrolls a wide table by the keyboard',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using window = await browser.openWindow(server.url, 'ann', phone);
      await window.createThread('Talk');
      await window.write('one\ntwo\nthree');
      const text = window.message('one').locator('.message-body');
      await text.waitFor();
      expect(await text.innerText()).toBe('one\ntwo\nthree');

      await window.write(`| ${'wide | '.repeat(30)}\n|${' - |'.repeat(30)}\n| ${'cell | '.repeat(30)}`);
      const table = window.messageList.getByRole('region', { name: /^Table/ });
      await table.waitFor();
      await table.focus();
      await window.page.keyboard.press('ArrowRight');
      await eventually('the table has scrolled', () =>
        table.evaluate((element: ScrollerElement) => element.scrollLeft > 0),
      );
      // The page itself is no wider than the screen.
      expect(await window.page.evaluate('document.querySelector(".message-list").scrollWidth')).toBeLessThanOrEqual(
        390,
      );
    },
    timeoutMs,
  );

  test(
    'can do nothing but be read',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      for (const content of attacks) await api.call('send_message', { thread_id: 'talk', content });
      await api.call('send_message', { thread_id: 'talk', content: attacks.join('\n\n') });
      await api.call('send_message', { thread_id: 'talk', content: 'the end' });
      await using window = await browser.openWindow(server.url, 'ann');
      const foreign: string[] = [];
      window.page.on('request', (request) => {
        if (!request.url().startsWith(server.url)) foreign.push(request.url());
      });
      await window.open('talk');
      await window.message('the end').waitFor();
      const bodies = window.messageList.locator('.message-body');
      expect(await bodies.count()).toBe(attacks.length + 2);

      const made = bodies.locator(
        'script, img, iframe, style, object, svg:not(.icon), [onerror], [onload], [onclick], [onmouseover]',
      );
      expect(await made.count()).toBe(0);
      const hrefs = await bodies.locator('a').evaluateAll((anchors: LinkElement[]) => anchors.map(({ href }) => href));
      expect(hrefs.length).toBeGreaterThan(0);
      for (const href of hrefs) expect(href).toMatch(/^https?:\/\/(?:example\.org|elsewhere\.test)\//);
      // Nothing of it is hidden from whoever reads.
      await window.message('<iframe src="http://elsewhere.test"></iframe>').first().waitFor();
      expect(await window.page.evaluate('typeof wasRun')).toBe('undefined');
      expect(foreign).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'is shown as it stands where it is more than anybody means',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      for (const [name, content] of Object.entries(excesses)) {
        await api.call('create_thread', { id: name, title: name });
        await api.call('send_message', { thread_id: name, content, role: 'assistant' });
      }
      await using window = await browser.openWindow(server.url, 'ann');
      for (const [name, content] of Object.entries(excesses)) {
        await window.open(name);
        const body = window.messageList.locator('.message-body');
        await body.waitFor({ timeout: 10_000 });
        const letters = (text: string) => text.replaceAll(/[^a-z[\]>]/g, '');
        const shown = letters((await body.textContent()) ?? '');
        // Of some, the marks are what it means; the words are there in any case.
        const words = letters(content).replaceAll(/[[\]>]/g, '');
        expect({ name, words: shown.replaceAll(/[[\]>]/g, '') }).toEqual({ name, words });
        if (name === 'quotes' || name === 'brackets') expect(shown).toBe(content);
      }
      // It is still a page that one can write in.
      await window.write('all is well');
      await window.message('all is well').and(window.page.locator('[data-status="complete"]')).waitFor();
    },
    timeoutMs,
  );

  test(
    'turns no text around that comes after it',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      const turned = ['[a\u202E](https://example.org/)', '**a\u202E**', '*a\u2067*', '~~a\u202E~~', '`a\u202E`'];
      for (const part of turned) {
        await api.call('send_message', { thread_id: 'talk', content: `${part} (first) second`, role: 'assistant' });
      }
      await using window = await browser.openWindow(server.url, 'ann', { path: '/t/talk' });
      const bodies = window.messageList.locator('.message-body p');
      await bodies.nth(turned.length - 1).waitFor();
      const ends = await bodies.evaluateAll((paragraphs: ParagraphElement[]) =>
        paragraphs.map(({ lastChild, ownerDocument }) => {
          const placeOf = (word: string): number => {
            const at = lastChild.data.indexOf(word);
            const range = ownerDocument.createRange();
            range.setStart(lastChild, at);
            range.setEnd(lastChild, at + word.length);
            return range.getBoundingClientRect().left;
          };
          return placeOf('first') < placeOf('second');
        }),
      );
      expect(ends).toEqual(turned.map(() => true));
    },
    timeoutMs,
  );

  test(
    'breaks no rule of accessibility',
    async () => {
      await using server = await startServer({ args: pageArgs });
      await using api = await connectClient(server.url, { user: 'carl' });
      await api.call('create_thread', { id: 'talk', title: 'Talk' });
      await api.call('send_message', { thread_id: 'talk', content: rich, role: 'assistant' });
      await using ann = await connectClient(server.url, { user: 'ann' });
      await ann.call('send_message', { thread_id: 'talk', content: rich });
      const faults: Record<string, string[]> = {};
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const [what, options] of Object.entries({ desktop: {}, phone })) {
          const all = { path: '/t/talk', reducedMotion: 'reduce', colorScheme, ...options } as const;
          await using window = await browser.openWindow(server.url, 'ann', all);
          await window.message('Report').last().waitFor();
          faults[`${what}, ${colorScheme}`] = await seriousFaults(window.page);
        }
      }
      expect(faults).toEqual({ 'desktop, light': [], 'phone, light': [], 'desktop, dark': [], 'phone, dark': [] });
    },
    timeoutMs,
  );
});
