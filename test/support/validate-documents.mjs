// Reads `{ openapi, asyncapi }` from stdin, holds both documents to the published schemas of their formats, and writes
// `{ openapi: [fault], asyncapi: [fault] }`. A process of its own: the OpenAPI validator is an ES module only.
import { createRequire } from 'node:module';
import { text } from 'node:stream/consumers';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const asyncApiSchema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json');

/** Faults of the component schemas themselves, each compiled with every reference resolved. */
function schemaFaults(document, Validating) {
  const ajv = addFormats.default(new Validating({ strict: true, strictRequired: false, allErrors: true }));
  ajv.addSchema({ $id: 'document', components: document.components }, undefined, undefined, false);
  ajv.addVocabulary(['components', 'messages', 'responses', 'securitySchemes', 'schemas']);
  return Object.keys(document.components.schemas).flatMap((name) => {
    try {
      ajv.compile({ $ref: `document#/components/schemas/${name}` });
      return [];
    } catch (error) {
      return [`${name}: ${error.message}`];
    }
  });
}

async function openApiFaults(document) {
  const result = await new Validator().validate(structuredClone(document));
  if (!result.valid) return [JSON.stringify(result.errors)];
  return schemaFaults(document, Ajv2020.default);
}

function asyncApiFaults(document) {
  const ajv = addFormats.default(new Ajv.default({ strict: false, allErrors: true }));
  const validate = ajv.compile(asyncApiSchema);
  if (!validate(document)) return (validate.errors ?? []).map((error) => `${error.instancePath}: ${error.message}`);
  return schemaFaults(document, Ajv.default);
}

const { openapi, asyncapi } = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify({ openapi: await openApiFaults(openapi), asyncapi: asyncApiFaults(asyncapi) }));
