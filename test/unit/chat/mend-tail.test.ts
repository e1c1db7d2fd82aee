import { describe, expect, test } from '@jest/globals';
import { mendCodeTail, mendTail } from '../../../examples/chat/src/conversation/markdown/mend-tail.ts';

describe('the end of a text that grows is read as what it will be', () => {
  test.each([
    ['a list', 'text:\n-', 'text:\n'],
    ['a list with numbers', 'text\n12.', 'text\n'],
    ['an item inside of another', '- a\n  - ', '- a\n'],
    ['a task', '- [x', ''],
    ['a heading', '##', ''],
    ['a quote', 'a\n> ', 'a\n'],
    ['a fence', 'text\n``', 'text\n'],
    ['a line under a heading', 'text\n==', 'text\n'],
    ['bold text in an item', '- a\n- **', '- a\n'],
    ['bold text in a row', '| a |\n| --- |\n| **', '| a |\n| --- |\n'],
    ['a row of a table', '| a |\n| --- |\n| ', '| a |\n| --- |\n'],
  ])('the marks of %s wait for what they mark', (_what, text, mended) => {
    expect(mendTail(text)).toBe(mended);
  });

  test.each([
    ['its first word', '| a', '| a\n| --- |'],
    ['a part of its head', 'text\n| a | **b', 'text\n| a | **b**\n| --- | --- |'],
    ['its head', '| a | b |', '| a | b |\n| --- | --- |'],
    ['its head and the end of the line', '| a | b |\n', '| a | b |\n| --- | --- |'],
    ['a bar that is text', '| a \\| b | c', '| a \\| b | c\n| --- | --- |'],
    ['the beginning of its second line', '| a | b |\n|', '| a | b |\n| --- | --- |'],
    ['a part of its second line', '| a | b |\n| :-: |', '| a | b |\n| :-: | --- |'],
    ['nearly all of its second line', '| a | b |\n|--:|:', '| a | b |\n|--:| --- |'],
    ['a part of its second line, in a list', '- x\n\n  | a | b |\n  | -', '- x\n\n  | a | b |\n  | -| --- |'],
  ])('a table that breaks off after %s is one from there on', (_what, text, mended) => {
    expect(mendTail(text)).toBe(mended);
  });

  test.each([
    ['bold text', 'some **bold te', 'some **bold te**'],
    ['bold text that is half closed', 'some **bold*', 'some **bold**'],
    ['slanted text', 'some *slan', 'some *slan*'],
    ['both', '***both', '***both***'],
    ['text that is crossed out', 'no ~~mo', 'no ~~mo~~'],
    ['code', 'run `npm i', 'run `npm i`'],
    ['code with stars in it', 'run `a ** b', 'run `a ** b`'],
    ['bold text in a list', '* an **it', '* an **it**'],
    ['bold text that ends in a blank', 'some **bold ', 'some **bold** '],
    ['slanted text by a line', 'some _slan', 'some _slan_'],
    ['bold text by lines, half closed', 'some __bold_', 'some __bold__'],
    ['what is crossed out, half closed', 'no ~~more~', 'no ~~more~~'],
    ['slanted text in bold text', '**a *b', '**a *b***'],
    ['slanted text in bold text, of which one is closed', '**a *b*', '**a *b***'],
    ['bold text in slanted text, of which one is closed', '*a **b** c ', '*a **b** c* '],
    ['bold text with code in it', '**run `npm', '**run `npm`**'],
    ['bold text that is code', '**`npm` is', '**`npm` is**'],
    ['bold text in a link', 'see [**the si', 'see **the si**'],
    ['bold text with a link in it', '**see [the si', '**see the si**'],
    ['bold text behind stars that are none', '2 * 3 **is', '2 * 3 **is**'],
    ['bold text behind an escaped star', '\\* **it', '\\* **it**'],
    ['bold text in a cell', '| a ** b | c |\n| - | - |\n| ** | **b ', '| a ** b | c |\n| - | - |\n| ** | **b** '],
  ])('%s is closed', (_what, text, mended) => {
    expect(mendTail(text)).toBe(mended);
  });

  test.each([
    ['its text', 'see [the si', 'see the si'],
    ['the middle', 'see [the site]', 'see the site'],
    ['its address', 'see [the site](https://exam', 'see the site'],
    ['an image', 'see ![a ch', 'see a ch'],
  ])('a link that breaks off in %s is its text', (_what, text, mended) => {
    expect(mendTail(text)).toBe(mended);
  });

  test.each([
    'plain text',
    'text **bold** and *more*, `code` and [a](https://b.c)',
    '| a | b |\n| --- | --- |\n',
    '| a | b |\n| --- | --- |\n| c',
    'snake_case and 2 * 3 * 4',
    '2 * 3',
    'snake_',
    'a snake_case_',
    '**bold**',
    '***both***',
    '**a** and _b_',
    '\\*not',
    'a ~ b',
    '`**`',
    '- item\n',
    '',
  ])('what is whole stays as it is: %j', (text) => {
    expect(mendTail(text)).toBe(text);
  });

  test.each([
    ['some **', 'some '],
    ['some _', 'some '],
    ['some ~~', 'some '],
    ['some `', 'some '],
    ['some ` ', 'some '],
    ['some **`', 'some '],
    ['**some *', '**some** '],
    ['**some `', '**some** '],
    ['about 2 *', 'about 2 '],
  ])('marks that nothing follows yet are left out: %j', (text, mended) => {
    expect(mendTail(text)).toBe(mended);
  });

  test('a line of any length is mended in no time', () => {
    const text = '[a ** `b` '.repeat(20_000);
    expect(mendTail(text).length).toBeGreaterThan(text.length - 3000);
  });

  test('marks that begin to end code are not code', () => {
    expect(mendCodeTail('a\n``')).toBe('a');
    expect(mendCodeTail('`')).toBe('');
    expect(mendCodeTail('a\nb`')).toBe('a\nb`');
  });
});
