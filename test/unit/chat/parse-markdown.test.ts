import { describe, expect, test } from '@jest/globals';
import type { Nodes, Root } from 'mdast';
import { mendTail } from '../../../examples/chat/src/conversation/markdown/mend-tail.ts';
import { parseMarkdown } from '../../../examples/chat/src/conversation/markdown/parse-markdown.ts';
import { range } from '../../integration/helpers.ts';

function nodesOf(node: Nodes): Nodes[] {
  return [node, ...('children' in node ? node.children.flatMap((child) => nodesOf(child)) : [])];
}

function typesOf(root: Root | undefined): Set<string> {
  return new Set(root && nodesOf(root).map(({ type }) => type));
}

/** What is shown as text, and not as code. */
function textOf(root: Root): string {
  return nodesOf(root)
    .map((node) => (node.type === 'text' ? node.value : ''))
    .join('');
}

describe('a block that people and models write is read, however long its table or list', () => {
  const rows = range(1, 105).map((i) => `| STREAM_MAX_IDLE_${i} | How long **one** of \`them\` *may* take |`);
  const items = range(1, 150).map((i) => `- **Item ${i}**: snake_case_name, *more* and __most__`);
  test.each([
    ['a table of names', ['| Name | What it is |', '| --- | --- |', ...rows], ['table', 'strong', 'inlineCode']],
    ['a list of bold words', items, ['list', 'strong', 'emphasis']],
    ['a line of names', [`${'A_SETTING_NAME and 2 * 3, '.repeat(200)}**bold**`], ['strong']],
    ['marks upon marks', ['*1* '.repeat(100)], ['emphasis']],
  ])('%s', (_what, lines, types) => {
    expect([...typesOf(parseMarkdown(lines.join('\n'), '', false))]).toEqual(expect.arrayContaining(types));
  });
});

test('hundreds of marks, which nobody means, are text in the paragraph that has them alone', () => {
  const tooMany = '*a '.repeat(151) + 'b* '.repeat(151);
  const root = parseMarkdown(`- ${tooMany}\n- **bold**`, '', false);
  expect(root && textOf(root)).toBe(`${tooMany.trimEnd()}bold`);
  expect(typesOf(root)).toContain('strong');
});

test('a text that breaks off anywhere shows none of its marks', () => {
  const texts = [
    'Some **bold words**, *slanted ones* and _others_; ~~gone now~~ and `inline code` too, **all `of it` *at once* here**.',
    'See [the **bold** site](https://example.org/a) and **[another one](https://example.org/b) of them**, snake_case too.',
    '- **First:** a *word*\n- **Second:** `code`, ***both of them***\n1. ~~third **one**~~',
    '| **Name** | *Size* |\n| --- | --- |\n| **a** `b` | _c d_ |\n| ~~e~~ | f |',
  ];
  const shown: string[] = [];
  for (const text of texts) {
    for (const length of range(1, text.length)) {
      const part = text.slice(0, length);
      const root = parseMarkdown(mendTail(part), '', true)!;
      if (/[*`~|[\]]|(?<![a-z])_|_(?![a-z])/.test(textOf(root).replaceAll(/snake_(?:case)?/g, ''))) shown.push(part);
    }
  }
  expect(shown).toEqual([]);
});
