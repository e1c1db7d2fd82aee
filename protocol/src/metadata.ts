import * as z from 'zod';
import { limits } from './limits.ts';
import { isCleanText, utf8Bytes } from './scalars.ts';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

interface Fault {
  path: (string | number)[];
  message: string;
}

/**
 * The first thing wrong with a piece of metadata, or undefined.
 * It stops at the depth limit, so that hostile nesting costs neither stack nor time.
 */
function findFault(value: unknown, depth: number, path: (string | number)[]): Fault | undefined {
  if (typeof value === 'string') {
    return isCleanText(value) ? undefined : { path, message: 'must not contain U+0000 or a lone surrogate' };
  }
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { path, message: 'must be a finite number' };
  }
  if (!Array.isArray(value) && !isPlainObject(value)) return { path, message: 'must be JSON' };
  if (depth > limits.maxMetadataDepth) {
    return { path: [], message: `must be at most ${limits.maxMetadataDepth} levels deep` };
  }
  for (const key of Object.keys(value)) {
    const at = [...path, Array.isArray(value) ? Number(key) : key];
    if (!Array.isArray(value)) {
      if (forbiddenKeys.has(key) || key.startsWith('$')) return { path, message: 'has a key that is not allowed' };
      if (!isCleanText(key)) return { path, message: 'has a key with U+0000 or a lone surrogate' };
    }
    const fault = findFault((value as Record<string, unknown>)[key], depth + 1, at);
    if (fault) return fault;
  }
  return undefined;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Free JSON on a thread or a message: an object of at most 8 KiB and 8 levels, without the keys
 * `__proto__`, `constructor`, `prototype` and without keys that begin with `$`.
 */
export const metadataSchema = z
  .custom<JsonObject>()
  .superRefine((value, context) => {
    if (!isPlainObject(value)) {
      context.addIssue({ code: 'custom', message: 'must be an object' });
      return;
    }
    const fault = findFault(value, 1, []);
    if (fault) {
      context.addIssue({ code: 'custom', ...fault });
    } else if (utf8Bytes(JSON.stringify(value)) > limits.maxMetadataBytes) {
      context.addIssue({ code: 'custom', message: `must be at most ${limits.maxMetadataBytes} bytes of JSON` });
    }
  })
  .meta({ id: 'Metadata', type: 'object', description: 'Any JSON object of at most 8 KiB and 8 levels.' });
