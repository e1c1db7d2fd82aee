/**
 * Whether two values are the same JSON, whatever the order of keys. Unlike `isDeepStrictEqual` it does not ask for the
 * same prototypes, which differ between Jest's sandbox and what came from outside of it.
 */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = definedKeys(a);
  return (
    keys.length === definedKeys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameJson(a[key as never], b[key as never]))
  );
}

function definedKeys(value: object): string[] {
  return Object.keys(value).filter((key) => value[key as never] !== undefined);
}
