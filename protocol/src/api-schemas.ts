import * as z from 'zod';

/** A JSON object of a generated document. */
export type Json = Record<string, unknown>;

/** Version of the generated documents; the first number is the protocol's version. */
export const documentVersion = '1.0.0';

export const documentLicence = { name: 'MIT', identifier: 'MIT' } as const;

/** The JSON Schema of a zod object, as far as the documents take it apart. */
export interface ObjectSchema extends Json {
  readonly properties: Record<string, Json>;
  readonly required?: readonly string[];
}

/** Makes JSON Schemas in which every schema with an `id` is a `$ref`, and gathers those it refers to. */
export interface SchemaCollector {
  readonly schemas: Record<string, Json>;
  toSchema(schema: z.ZodType): Json;
}

/**
 * A collector for one document, whose schemas go under `#/components/schemas`. All are described as input: what the
 * server sends stays open for fields to come, what it takes is closed where the zod object is strict.
 */
export function collectSchemas(target: 'draft-2020-12' | 'draft-7'): SchemaCollector {
  const schemas: Record<string, Json> = {};
  return {
    schemas,
    toSchema(schema) {
      // Inside a wrapper also a schema with an id becomes a reference; at the root it would be written out.
      const made = z.toJSONSchema(z.object({ schema }), { target, io: 'input', unrepresentable: 'any' });
      const root = relink(made) as Json & { properties: { schema: Json } };
      Object.assign(schemas, root['$defs'], root['definitions']);
      return root.properties.schema;
    },
  };
}

/** Points references at the document's components, and drops the `allOf` that draft 7 puts around a lone one. */
function relink(schema: unknown): unknown {
  const text = JSON.stringify(schema).replaceAll(/"#\/(?:\$defs|definitions)\//g, '"#/components/schemas/');
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('allOf' in value)) return value;
    const parts = value.allOf;
    return Array.isArray(parts) && parts.length === 1 && Object.keys(value).length === 1
      ? (parts[0] as unknown)
      : value;
  });
}
