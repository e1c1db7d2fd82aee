import { expect, test } from '@jest/globals';
import { hrefOf, parseRoute } from '../../../admin/src/route.ts';

test.each([
  ['', { page: 'overview', id: undefined, query: {} }],
  ['#/', { page: 'overview', id: undefined, query: {} }],
  ['#/threads', { page: 'threads', id: undefined, query: {} }],
  ['#/threads?q=a+b&sort=-activity', { page: 'threads', id: undefined, query: { q: 'a b', sort: '-activity' } }],
  ['#/threads/t:1@x', { page: 'threads', id: 't:1@x', query: {} }],
  ['#/connections/abc?sort=thread', { page: 'connections', id: 'abc', query: { sort: 'thread' } }],
  // Of what has no details, and of what is no page.
  ['#/streams/abc', { page: 'streams', id: undefined, query: {} }],
  ['#/nowhere?q=1', { page: 'overview', id: undefined, query: {} }],
  ['#/threads/a/b', { page: 'overview', id: undefined, query: {} }],
  ['#/threads/%E0%A4%A', { page: 'threads', id: undefined, query: {} }],
] as const)('%j is a view', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
});

test.each([
  [hrefOf('threads', 'a.b:c@d-e_f'), 'a.b:c@d-e_f', {}],
  [hrefOf('threads', 'a/b?c#d'), 'a/b?c#d', {}],
  [hrefOf('threads', 't', { q: 'a&b=c#d', none: '' }), 't', { q: 'a&b=c#d' }],
])('%j leads back to what it was made of', (href, id, query) => {
  expect(parseRoute(href)).toEqual({ page: 'threads', id, query });
});
