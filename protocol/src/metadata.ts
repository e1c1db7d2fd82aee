import * as z from 'zod';
import { limits } from './limits.ts';
import { isCleanText, utf8Bytes } from './scalars.ts';

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

const tooDeep: Fault = { path: [], message: `must be at most ${limits.maxMetadataDepth} levels deep` };
const tooLarge: Fault = { path: [], message: `must be at most ${limits.maxMetadataBytes} bytes of JSON` };

/** Bytes of JSON that are left. */
interface Room {
  bytes: number;
}

/**
 * The first thing wrong with a piece of metadata, or undefined. Takes from the room what the JSON needs at least, and
 * stops when there is none left, as it does at the depth limit: hostile size and nesting cost neither stack nor time.
 */
function findFault(value: unknown, depth: number, room: Room): Fault | undefined {
  room.bytes -= minBytes(value);
  if (room.bytes < 0) return tooLarge;
  if (typeof value === 'string') {
    return isCleanText(value) ? undefined : { path: [], message: 'must not contain U+0000 or a lone surrogate' };
  }
  if (value === null || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { path: [], message: 'must be a finite number' };
  }
  if (!Array.isArray(value) && !isPlainObject(value)) return { path: [], message: 'must be JSON' };
  if (depth > limits.maxMetadataDepth) return tooDeep;
  return Array.isArray(value) ? findFaultInItems(value, depth, room) : findFaultInFields(value, depth, room);
}

function findFaultInItems(items: readonly unknown[], depth: number, room: Room): Fault | undefined {
  for (const [i, item] of items.entries()) {
    room.bytes -= separatorBytes;
    const fault = findFault(item, depth + 1, room);
    if (fault) return below(i, fault);
  }
  return undefined;
}

function findFaultInFields(fields: Readonly<Record<string, unknown>>, depth: number, room: Room): Fault | undefined {
  for (const key of Object.keys(fields)) {
    if (forbiddenKeys.has(key) || key.startsWith('$')) return { path: [], message: 'has a key that is not allowed' };
    if (!isCleanText(key)) return { path: [], message: 'has a key with U+0000 or a lone surrogate' };
    room.bytes -= separatorBytes + minBytes(key) + ':'.length;
    const fault = findFault(fields[key], depth + 1, room);
    if (fault) return below(key, fault);
  }
  return undefined;
}

/** Where a fault of a part is; the limits are faults of the whole. */
function below(key: string | number, fault: Fault): Fault {
  return fault === tooDeep || fault === tooLarge ? fault : { ...fault, path: [key, ...fault.path] };
}

/** Before each item or field: the bracket that opens, or a comma. */
const separatorBytes = 1;

/** What the JSON of a text, of a number, or of a bracket that closes needs at least. */
function minBytes(value: unknown): number {
  return typeof value === 'string' ? value.length + '""'.length : 1;
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
    const fault = findFault(value, 1, { bytes: limits.maxMetadataBytes });
    if (fault) {
      context.addIssue({ code: 'custom', path: [...fault.path], message: fault.message });
    } else if (utf8Bytes(JSON.stringify(value)) > limits.maxMetadataBytes) {
      context.addIssue({ code: 'custom', message: tooLarge.message });
    }
  })
  .meta({ id: 'Metadata', type: 'object', description: 'Any JSON object of at most 8 KiB and 8 levels.' });
