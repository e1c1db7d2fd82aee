import { expect, test } from '@jest/globals';
import { safeHref } from '../../../examples/chat/src/conversation/markdown/safe-href.ts';

test.each([
  ['https://example.org/a?b#c', 'https://example.org/a?b#c'],
  ['HTTP://Example.org', 'http://example.org/'],
  ['mailto:ann@example.org', 'mailto:ann@example.org'],
])('%s may be followed', (url, href) => {
  expect(safeHref(url)).toBe(href);
});

test.each([
  'javascript:alert(1)',
  ' JaVaScRiPt:alert(1)',
  'java\nscript:alert(1)',
  '\u0001javascript:alert(1)',
  'data:text/html,<b>',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:https://example.org/1',
  '/admin/',
  '//example.org/',
  '#/t/thread',
  'example.org',
  '',
])('%j may not', (url) => {
  expect(safeHref(url)).toBeUndefined();
});
