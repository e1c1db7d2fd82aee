import { describe, expect, test } from '@jest/globals';
import type { Message } from '@threadwire/protocol';
import { limits } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { createBuiltInResponder } from '../../../../server/src/responder/built-in-responder.ts';
import { ResponderError } from '../../../../server/src/responder/responder.ts';
import { collect, contextOf, said } from './responses.ts';

const noPause = createBuiltInResponder({ delay: () => Promise.resolve() });

async function answerTo(message: Message | string, history: readonly Message[] = []): Promise<string> {
  const asked = typeof message === 'string' ? said(100, message) : message;
  const { pieces, error } = await collect(noPause(asked, contextOf(history)));
  if (error !== undefined) throw error;
  return pieces.join('');
}

/** A responder whose pauses are only noted, and the sum of those of an answer. */
async function pausesOf(content: string, heldLength = 0): Promise<{ pausesMs: number[]; pieces: string[] }> {
  const pausesMs: number[] = [];
  const respond = createBuiltInResponder({ delay: (ms) => Promise.resolve(pausesMs.push(ms)) });
  const { pieces } = await collect(respond(said(100, content), contextOf([], { heldLength })));
  return { pausesMs, pieces };
}

/** The lines of the quote, without its marks, and the answer without the quote. */
function takeQuote(answer: string): { quote: string[]; rest: string } {
  const [before, quote, ...after] = answer.split('\n\n');
  const lines = quote!.split('\n');
  expect(lines.filter((line) => !line.startsWith('> '))).toEqual([]);
  return { quote: lines.map((line) => line.slice(2)), rest: [before, ...after].join('\n\n') };
}

describe('an ordinary answer', () => {
  test('quotes the message', async () => {
    expect(takeQuote(await answerTo('Where is\nmy order?')).quote).toEqual(['Where is\\', 'my order?']);
  });

  test('cuts the quote to four lines, and long lines to 160 characters', async () => {
    const { quote } = takeQuote(await answerTo('one\ntwo\nthree\nfour\nfive'));
    expect(quote).toEqual(['one\\', 'two\\', 'three\\', 'four\\', '…']);
    const long = takeQuote(await answerTo('🙂'.repeat(200))).quote;
    expect(long).toEqual([`${'🙂'.repeat(160)} …`]);
    expect(takeQuote(await answerTo('🙂'.repeat(160))).quote).toEqual(['🙂'.repeat(160)]);
  });

  test('quotes a message of blanks as one', async () => {
    expect(takeQuote(await answerTo(' \n\t')).quote).toEqual(['*(blank)*']);
  });

  test('counts what was said in the thread', async () => {
    const history = [
      said(1, 'Good morning', { created_at: '2026-01-15T08:59:59.999Z' }),
      said(2, 'Hello Ada', { sender: { id: 'bo' } }),
      said(3, 'How can I help?', { role: 'assistant', sender: { id: 'bot' } }),
      said(4, '', { status: 'deleted' }),
      said(6, 'Too late to count'),
    ];
    expect(await answerTo(said(5, 'one  two\nthree'), history)).toContain(
      [
        '| In this thread | |',
        '|---|---|',
        '| Messages | 3 |',
        '| Replies | 1 |',
        '| Words | 7 |',
        '| People | 2 |',
        '| Busiest hour | 09:00 to 10:00 UTC |',
      ].join('\n'),
    );
  });

  test('names the first of the busiest hours, also the last hour of the day', async () => {
    const at = (time: string) => ({ created_at: `2026-01-15T${time}.000Z` });
    const late = said(2, 'late', at('23:00:00'));
    expect(await answerTo(late)).toContain('| 23:00 to 24:00 UTC |');
    expect(await answerTo(late, [said(1, 'early', at('07:15:00'))])).toContain('| 07:00 to 08:00 UTC |');
  });

  test('says so where it may not have seen all messages', async () => {
    const history = Array.from({ length: 200 }, (_, i) => said(i + 1, 'word'));
    expect(await answerTo(said(201, 'word'), history.slice(1))).toContain('| In this thread | |');
    expect(await answerTo(said(201, 'word'), history)).toContain('| Of the last 201 messages | |');
  });

  test('is the same while replies grow and later messages come', async () => {
    const message = said(3, 'Hello');
    const before = [said(1, 'Hi'), said(2, 'Once', { role: 'assistant', status: 'streaming' })];
    const after = [said(1, 'Hi'), said(2, 'Once upon a time', { role: 'assistant' }), said(4, 'And?'), said(5, 'Well')];
    expect(await answerTo(message, after)).toBe(await answerTo(message, before));
  });

  test('takes two to six seconds', async () => {
    const { pausesMs } = await pausesOf('Where is my order?');
    const totalMs = pausesMs.reduce((sum, ms) => sum + ms, 0);
    expect(totalMs).toBeGreaterThan(2000);
    expect(totalMs).toBeLessThan(6000);
  });
});

describe('what a message holds of Markdown', () => {
  test.each([
    ['> a quote', String.raw`\> a quote`],
    ['# a heading', String.raw`\# a heading`],
    ['```', '\\`\\`\\`'],
    ['~~~', String.raw`\~\~\~`],
    ['| a | b |', String.raw`\| a \| b \|`],
    ['|---|---|', String.raw`\|---\|---\|`],
    ['- a list', String.raw`\- a list`],
    ['+ a list', String.raw`\+ a list`],
    ['* a list', String.raw`\* a list`],
    ['12. a list', String.raw`12\. a list`],
    ['12) a list', String.raw`12\) a list`],
    ['===', String.raw`\===`],
    ['---', String.raw`\---`],
    ['    code', 'code'],
    ['\tcode', 'code'],
    ['<script>alert(1)</script>', String.raw`\<script\>alert(1)\</script\>`],
    ['![x](http://e.example/p.png)', String.raw`!\[x\](http://e.example/p.png)`],
    ['[x]: http://e.example', String.raw`\[x\]: http://e.example`],
    ['&lt;b&gt;', String.raw`\&lt;b\&gt;`],
    ['*a* _b_ `c`', String.raw`\*a\* \_b\_ ` + '\\`c\\`'],
    ['ends in a backslash \\', String.raw`ends in a backslash \\`],
  ])('reads as it was written: %j', async (content, shown) => {
    expect(takeQuote(await answerTo(content)).quote).toEqual([shown]);
    // In a later line just the same.
    expect(takeQuote(await answerTo(`first\n\n${content}`)).quote).toEqual(['first\\', shown]);
  });

  test('changes nothing outside of the quote', async () => {
    const { rest } = takeQuote(await answerTo('x'));
    const breaks = ['\n', '\r', '\r\n', '\v', '\f', '\u0085', '\u2028', '\u2029', ' ', '\t'];
    const marks = [
      ...breaks,
      '>',
      '#',
      '```',
      '~~~',
      '|',
      '---',
      '===',
      '- ',
      '1. ',
      '<div>',
      '\\',
      '[a]: b',
      '$$',
      'a',
    ];
    const pieces = fc.oneof(fc.constantFrom(...marks), fc.string({ unit: 'binary', maxLength: 5 }));
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { minLength: 1, maxLength: 20 }), async (parts) => {
        // One word, so that the count of words is that of the answer above.
        const content = `x${parts.join('').replace(/\s+/gu, (blanks) => blanks.replace(/[ \t]/g, ''))}`;
        const taken = takeQuote(await answerTo(content));
        expect(taken.rest.replace(/Words \| \d+/, 'Words | 1')).toBe(rest);
        for (const [i, line] of taken.quote.entries()) {
          expect(line).not.toMatch(/[\n\v\f\r\u0085\u2028\u2029]/u);
          // With a letter for every character that is escaped. A backslash at the end keeps two lines apart.
          const bare = line.replace(/\\[!-/:-@[-`{-~]/g, 'a');
          const text = i < taken.quote.length - 1 ? bare.replace(/\\$/, '') : bare;
          expect(text).not.toMatch(/[\\`*_[\]<>&|~$]|^[#+\-=:]|^\d+[.)]/u);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('commands', () => {
  test('/long answers with some 1,500 words, headings, lists and a table', async () => {
    const answer = await answerTo('/long');
    expect(answer.match(/\S+/gu)!.length).toBeGreaterThan(1300);
    expect(answer.match(/\S+/gu)!.length).toBeLessThan(1700);
    for (const structure of [/^## /m, /^- /m, /^1\. /m, /^\|---\|/m, /^> /m]) expect(answer).toMatch(structure);
    expect(answer.length).toBeLessThan(limits.maxStreamLength);
  });

  test('/code shows programs that join this thread', async () => {
    const answer = await answerTo(said(1, '/code', { thread_id: 'support-42' }));
    const languages = [...answer.matchAll(/^```(\w*)$/gm)].map(([, language]) => language);
    expect(languages).toEqual(['ts', '', 'tsx', '', 'sh', '', 'sh', '', 'python', '']);
    expect(answer).toContain("client.thread('support-42')");
    expect(answer).toContain('/api/threads/support-42/messages');
  });

  test('/slow comes at a word a second', async () => {
    const { pausesMs, pieces } = await pausesOf('/slow');
    expect(pieces.length).toBeGreaterThan(20);
    expect(pausesMs).toEqual(pieces.slice(1).map(() => 1000));
  });

  test('/fail says something, and then fails with a text for readers', async () => {
    const { pieces, error } = await collect(noPause(said(1, '/fail'), contextOf()));
    expect(pieces.join('')).toMatch(/^This reply begins /);
    expect(error).toBeInstanceOf(ResponderError);
    expect((error as Error).message).toBe('This reply failed because it was asked to.');
  });

  test('may be followed by something, and be in capitals', async () => {
    const long = await answerTo('/long');
    expect(await answerTo('/long please')).toBe(long);
    expect(await answerTo('/LONG\n')).toBe(long);
  });

  test('that do not exist are answered with those that do', async () => {
    for (const name of ['help', 'constructor']) {
      const answer = await answerTo(`/${name} me`);
      expect(answer).toMatch(new RegExp(`^There is no \`/${name}\` here\\.`));
      expect([...answer.matchAll(/^- `(\/\w+)`/gm)].map(([, command]) => command)).toEqual([
        '/long',
        '/code',
        '/slow',
        '/fail',
      ]);
    }
  });

  test.each(['/etc/hosts', '/', '//long', ' /long', 'see /long', '/long.'])(
    'are not looked for in %j',
    async (content) => {
      expect(await answerTo(content)).toMatch(/^You wrote:/);
    },
  );
});

describe('the pieces', () => {
  test.each(['Hello 🙂', '/long', '/code', '/slow', '/help', '🙂'.repeat(3000), '\u3000', 'ça\u00a0va'])(
    'of the answer to %.20j are the text, word by word, no character split',
    async (content) => {
      const { pieces } = await collect(noPause(said(1, content), contextOf()));
      expect(pieces.filter((piece) => piece === '' || !piece.isWellFormed())).toEqual([]);
      // But for the first, which may begin with blanks.
      expect(pieces.slice(1).filter((piece) => !/^\S+\s*$/u.test(piece))).toEqual([]);
      expect(pieces.join('')).toBe(await answerTo(said(1, content)));
    },
  );

  test('that are stored already come without a pause', async () => {
    const whole = await pausesOf('/slow');
    const held = whole.pieces.slice(0, 10).join('').length;
    const again = await pausesOf('/slow', held);
    expect(again.pieces).toEqual(whole.pieces);
    expect(again.pausesMs).toHaveLength(whole.pausesMs.length - 10);
  });
});

describe('when it is aborted', () => {
  test('stops in the middle of a pause, with the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('stopped');
    const pieces: string[] = [];
    // With the real timer, which would take a second.
    const answer = createBuiltInResponder()(said(1, '/slow'), contextOf([], { signal: controller.signal }));
    const reading = (async () => {
      for await (const piece of answer) {
        pieces.push(piece);
        setImmediate(() => controller.abort(reason));
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect(pieces).toHaveLength(1);
  });

  test('gives nothing after it, whatever the pause does', async () => {
    const controller = new AbortController();
    const pieces: string[] = [];
    const answer = noPause(said(1, '/long'), contextOf([], { signal: controller.signal }));
    const reading = (async () => {
      for await (const piece of answer) {
        pieces.push(piece);
        if (pieces.length === 3) controller.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    expect(pieces).toHaveLength(3);
  });

  test('before it began, asks for no history', async () => {
    const history = () => Promise.reject(new Error('it was asked for'));
    const { pieces, error } = await collect(noPause(said(1, 'Hello'), { signal: AbortSignal.abort('gone'), history }));
    expect({ pieces, error }).toEqual({ pieces: [], error: 'gone' });
  });
});
