// Which licences the packages that we ship with may have: those that ask for no more than to be named.
const permissive = new Set([
  'MIT',
  'MIT-0',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'Python-2.0',
  'Unlicense',
  'Zlib',
]);

/** Of an SPDX expression: with OR one of its sides must do, with AND both. Parentheses may hold either, not nest. */
export function isPermissive(expression) {
  if (typeof expression !== 'string') return false;
  const flat = expression.replaceAll(/\(([^()]*)\)/g, (_, inner) => (isPermissive(inner) ? 'MIT' : 'no'));
  return flat.split(' OR ').some((side) => side.split(' AND ').every((name) => permissive.has(name.trim())));
}
