import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { maxBlocks, splitBlocks } from '../../../examples/chat/src/conversation/markdown/split-blocks.ts';
import type { Block } from '../../../examples/chat/src/conversation/markdown/split-blocks.ts';

function markdown(text: string): Block {
  return { kind: 'markdown', text };
}

function code(text: string, language = '', isOpen = false): Block {
  return { kind: 'code', text, language, isOpen };
}

function blocksOf(...lines: readonly string[]): readonly Block[] {
  return splitBlocks(lines.join('\n')).blocks;
}

describe('a Markdown text is cut into blocks', () => {
  test('at empty lines, of which nothing stays', () => {
    expect(blocksOf('one', 'two', '', ' \t', 'three', '')).toEqual([markdown('one\ntwo'), markdown('three')]);
    expect(blocksOf('')).toEqual([]);
    expect(blocksOf('', ' ', '')).toEqual([]);
  });

  test('at fences, which need no empty line; what is between them is one block, as it stands', () => {
    expect(blocksOf('text', '```ts', 'const a = 1;', '', '  # no heading', '```', 'more')).toEqual([
      markdown('text'),
      code('const a = 1;\n\n  # no heading', 'ts'),
      markdown('more'),
    ]);
  });

  test('where a fence ends by at least as many of its own marks only', () => {
    expect(blocksOf('````', '```', '~~~~', '```` x', '`````')).toEqual([code('```\n~~~~\n```` x')]);
    expect(blocksOf('~~~ sh', '```', '~~~')).toEqual([code('```', 'sh')]);
    // With a backtick in what follows, it is code in a line.
    expect(blocksOf('```a``` b', 'c')).toEqual([markdown('```a``` b\nc')]);
  });

  test('where a fence that nobody closed goes on to the end', () => {
    expect(blocksOf('```js', 'a', '', 'b', '')).toEqual([code('a\n\nb\n', 'js', true)]);
    expect(blocksOf('```')).toEqual([code('', '', true)]);
  });

  test('taking from code what its fence is indented by', () => {
    expect(blocksOf('  ```', '    a', '  b', 'c', '  ```')).toEqual([code('  a\nb\nc')]);
  });

  test('keeping a list together, with what belongs to its items', () => {
    const list = [
      '- a',
      '',
      '  more of a',
      '',
      '  ```',
      '  x',
      '',
      '  y',
      '  ```',
      '- b',
      '',
      '1. c',
      '',
      '   ```',
      '   z',
    ];
    expect(blocksOf(...list, '', 'text')).toEqual([markdown(list.join('\n')), markdown('text')]);
  });

  test('ending a list at a fence that belongs to none of its items', () => {
    expect(blocksOf('1. a', '```', 'x', '', 'y', '```', '2. b')).toEqual([
      markdown('1. a'),
      code('x\n\ny'),
      markdown('2. b'),
    ]);
    // Two columns are not enough for an item that begins at the third.
    expect(blocksOf('1. a', '  ```', '  x', '', 'y', '  ```')).toEqual([markdown('1. a'), code('x\n\ny')]);
  });

  test('cutting a very long list between two items', () => {
    const items = Array.from({ length: 100 }, (_, i) => `${i + 1}. ${'word'.repeat(20)}\n`);
    const blocks = blocksOf(...items);
    expect(blocks.length).toBeGreaterThan(1);
    for (const { text } of blocks) expect(text).toMatch(/^\d+\. word/);
    expect(blocks.map(({ text }) => text).join('\n\n')).toBe(items.join('\n').trimEnd());
  });

  test('cutting one that has no empty lines too, but never within an item', () => {
    const item = `- ${'word '.repeat(20)}\n  more\n  - inner`;
    const items = Array.from({ length: 100 }, () => item);
    const blocks = blocksOf(...items);
    expect(blocks.length).toBeGreaterThan(1);
    for (const { text } of blocks) expect(text.split(item).join('').trim()).toBe('');
    expect(blocks.map(({ text }) => text).join('\n')).toBe(items.join('\n'));
    // Neither a number nor another bullet goes on with it, and the one may be no item at all.
    for (const other of ['2. x', '+ x', '* x', 'x', '-x']) {
      expect(blocksOf(`- ${'word '.repeat(1000)}`, other)).toHaveLength(1);
    }
  });

  test('cutting a very long table between two rows, and the rest has its head again', () => {
    const head = ['| Name \\| more | What |', '|:--|---|'];
    const rows = Array.from({ length: 400 }, (_, i) => `| NAME_${i} | ${'word '.repeat(10)} |`);
    const blocks = blocksOf(...head, ...rows, '', 'text');
    expect(blocks.length).toBeGreaterThan(3);
    const tables = blocks.slice(0, -1).map(({ text }) => text.split('\n'));
    for (const lines of tables) expect(lines.slice(0, 2)).toEqual(head);
    expect(tables.flatMap((lines) => lines.slice(2))).toEqual(rows);
    expect(blocks.at(-1)).toEqual(markdown('text'));
    // Without a head that fits it is none.
    expect(blocksOf('| a | b |', '|---|', ...rows)).toHaveLength(1);
    expect(blocksOf('text', '| a | b |', '|---|---|', ...rows)).toHaveLength(1);
  });

  test('keeping code that is indented together', () => {
    expect(blocksOf('    a', '', '    b', '', 'c')).toEqual([markdown('    a\n\n    b'), markdown('c')]);
  });

  test('setting apart what only names addresses, which belongs to all', () => {
    expect(splitBlocks('see [a]\n\n[a]: https://example.org "A"\n[b]: /b\n\n[^1]: a note\n\n[c]: no address')).toEqual({
      blocks: [markdown('see [a]'), markdown('[^1]: a note'), markdown('[c]: no address')],
      definitions: ['[a]: https://example.org "A"', '[b]: /b'],
    });
  });

  test('into so many and no more: the rest is one', () => {
    const { blocks } = splitBlocks('a\n\n'.repeat(maxBlocks + 100));
    expect(blocks).toHaveLength(maxBlocks + 1);
    expect(blocks.at(-1)).toEqual({ kind: 'plain', text: 'a\n\n'.repeat(100) });
  });

  const pieces = fc.constantFrom(
    '\n',
    '\n\n',
    '```',
    '```ts\n',
    '~~~\n',
    '- ',
    '1. ',
    '  ',
    '    ',
    '> ',
    'word ',
    '[a]: b',
    '|',
    '\t',
    '#',
  );
  const texts = fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join(''));

  test('so that text that is added changes the last of them only', () => {
    fc.assert(
      fc.property(texts, texts, (text, more) => {
        // A piece ends with a line: within one, what it begins is not known yet.
        const before = splitBlocks(`${text}\n`).blocks.slice(0, -1);
        expect(splitBlocks(`${text}\n${more}`).blocks.slice(0, before.length)).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  test('so that no word is lost or moved', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const { blocks } = splitBlocks(text);
        const words = (value: string): number => value.split('word').length;
        const kept = blocks.map((block) => (block.kind === 'code' ? `${block.language}\n${block.text}` : block.text));
        expect(words(kept.join('\n'))).toBeGreaterThanOrEqual(words(text.replaceAll(/(?:`{3}|~{3}|\[a\]: ).*/g, '')));
      }),
      { numRuns: 500 },
    );
  });
});
