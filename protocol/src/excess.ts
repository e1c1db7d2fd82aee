import * as z from 'zod';

/** How many fields that no schema knows may still be kept. */
interface Room {
  unknownFields: number;
}

/**
 * What a schema needs to see of a payload to refuse it as it would refuse the whole: all fields that it knows, of others
 * the first `maxUnknown`, in the order in which it tells of them, and one at least wherever there are any. The payload
 * itself where nothing is left out. Without this, zod lists and words each of a hundred thousand.
 */
export function withoutExcess(schema: z.core.$ZodType, payload: unknown, maxUnknown: number): unknown {
  return cut(schema, payload, { unknownFields: maxUnknown });
}

function cut(schema: z.core.$ZodType, value: unknown, room: Room): unknown {
  if (schema instanceof z.ZodOptional) return cut(schema.def.innerType, value, room);
  if (schema instanceof z.ZodArray && Array.isArray(value)) return cutItems(schema, value, room);
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const isStrict = schema instanceof z.ZodObject && schema.def.catchall instanceof z.ZodNever;
  return isObject && isStrict ? cutFields(schema, value as Record<string, unknown>, room) : value;
}

function cutItems({ def }: z.ZodArray, items: readonly unknown[], room: Room): readonly unknown[] {
  const tooMany = def.checks?.some(
    (check) => check instanceof z.core.$ZodCheckMaxLength && items.length > check._zod.def.maximum,
  );
  // Then zod looks at none of them.
  if (tooMany || !(def.element instanceof z.ZodObject)) return items;
  let kept: unknown[] | undefined;
  for (const [i, item] of items.entries()) {
    const part = cut(def.element, item, room);
    if (part !== item) (kept ??= [...items])[i] = part;
  }
  return kept ?? items;
}

function cutFields(
  { shape }: z.ZodObject<z.core.$ZodShape>,
  fields: Record<string, unknown>,
  room: Room,
): Record<string, unknown> {
  let kept: Record<string, unknown> | undefined;
  // What is wrong with the fields that are known is told first.
  for (const [name, schema] of Object.entries(shape)) {
    if (!Object.hasOwn(fields, name)) continue;
    const part = cut(schema, fields[name], room);
    if (part !== fields[name]) (kept ??= { ...fields })[name] = part;
  }
  const max = Math.max(1, room.unknownFields);
  const unknown: string[] = [];
  for (const name of Object.keys(fields)) {
    if (!Object.hasOwn(shape, name)) unknown.push(name);
    if (unknown.length > max) break;
  }
  room.unknownFields -= Math.min(unknown.length, max);
  if (unknown.length <= max) return kept ?? fields;
  const names = [...Object.keys(shape).filter((name) => Object.hasOwn(fields, name)), ...unknown.slice(0, max)];
  // Not by assignment, which a field named __proto__ would not survive.
  return Object.fromEntries(names.map((name) => [name, (kept ?? fields)[name]]));
}
