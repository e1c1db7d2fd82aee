import type * as z from 'zod';
import { collectSchemas, documentLicence, documentVersion } from './api-schemas.ts';
import type { Json, ObjectSchema, SchemaCollector } from './api-schemas.ts';
import { clientEvents } from './client-events.ts';
import { errorCodes, errorObjectSchema, errorTable } from './errors.ts';
import type { ErrorCode } from './errors.ts';
import { httpRoutes } from './http-routes.ts';

type Route = (typeof httpRoutes)[number];

/** Codes that only a connection can meet. */
const connectionCodes: ReadonlySet<ErrorCode> = new Set([
  'too_many_subscriptions',
  'slow_consumer',
  'protocol_mismatch',
]);

/** The OpenAPI 3.1 document of the HTTP API, made from the schemas, the routes and the error table. */
export function openApiDocument(): object {
  const collector = collectSchemas('draft-2020-12');
  collector.schemas['ErrorAnswer'] = {
    type: 'object',
    properties: { error: collector.toSchema(errorObjectSchema) },
    required: ['error'],
  };
  const paths: Record<string, Json> = {};
  for (const route of httpRoutes) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method] = operation(route, collector);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Threadwire HTTP API',
      version: documentVersion,
      description:
        'Threads, messages and streams by HTTP: the same payloads, answers and errors as the Socket.IO events of the same names.',
      license: documentLicence,
    },
    servers: [{ url: '/' }],
    tags: [{ name: 'threads' }, { name: 'messages' }, { name: 'operation' }],
    security: [{ bearer: [] }, { anonymousUser: [] }],
    paths: { ...paths, ...operationPaths },
    components: {
      schemas: collector.schemas,
      responses: errorResponses(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        anonymousUser: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Threadwire-User',
          description: 'The user id, where the server runs in anonymous mode; it proves nothing.',
        },
        metricsToken: {
          type: 'http',
          scheme: 'bearer',
          description: "The server's `METRICS_TOKEN`; where none is set, only loopback may read.",
        },
      },
    },
  };
}

function operation(route: Route, collector: SchemaCollector): Json {
  const inPath = new Set(Array.from(route.path.matchAll(/:(\w+)/g), (match) => match[1]!));
  const { summary, payload, data } = contents(route);
  const schema = collector.toSchema(payload) as ObjectSchema;
  const required = new Set(schema.required);
  const names = Object.keys(schema.properties);
  const others = names.filter((name) => !inPath.has(name));
  const inQuery = route.fields === 'body' ? [] : others;

  const parameter = (place: 'path' | 'query') => (name: string) => ({
    name,
    in: place,
    required: required.has(name),
    schema: schema.properties[name],
  });
  const answer = { 'application/json': { schema: collector.toSchema(data) } };
  const responses: Json = {};
  route.statuses.forEach((status, index) => {
    const description = index === 0 ? 'Done.' : 'It was there before: nothing changed.';
    responses[status] = { description, content: answer };
  });
  for (const status of errorStatuses(route, inPath.size > 0)) {
    responses[status] = { $ref: `#/components/responses/Error${status}` };
  }
  return {
    operationId: route.event,
    summary,
    tags: [route.path.includes('/messages') || route.path.includes('/stream') ? 'messages' : 'threads'],
    parameters: [...[...inPath].map(parameter('path')), ...inQuery.map(parameter('query'))],
    ...(route.fields !== 'query' && { requestBody: jsonBody(schema, others, route) }),
    ...(route.event === 'stream_body' && { requestBody: textBody }),
    responses,
  };
}

/** What a route takes and answers. Two routes share the answer of an event, but not its payload. */
function contents(route: Route): { summary: string; payload: z.ZodType; data: z.ZodType } {
  switch (route.event) {
    case 'get_thread': {
      const { payload, data } = clientEvents.update_thread;
      return { summary: 'Reads one thread.', payload: payload.pick({ thread_id: true }), data };
    }
    case 'stream_body': {
      const { payload } = clientEvents.stream_start;
      return {
        summary:
          'Streams the body into a message as it arrives, and answers when it has ended. A repeated `message_id` resumes: the body begins at offset 0 again.',
        payload: payload.pick({ thread_id: true, role: true, message_id: true }),
        data: clientEvents.stream_end.data,
      };
    }
    default:
      return clientEvents[route.event];
  }
}

function jsonBody(schema: ObjectSchema, names: readonly string[], route: Route): Json {
  const body = {
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, schema.properties[name]])),
    required: (schema.required ?? []).filter((name) => names.includes(name)),
    additionalProperties: false,
  };
  return { required: route.method !== 'delete', content: { 'application/json': { schema: body } } };
}

const textBody = {
  required: true,
  description: 'UTF-8 text, stored and announced as it arrives. A body that breaks off leaves the stream to its lease.',
  content: { 'text/plain; charset=utf-8': { schema: { type: 'string' } } },
};

function errorStatuses(route: Route, namesThread: boolean): number[] {
  const statuses = new Set<number>(errorCodes.filter((code) => !connectionCodes.has(code)).map(statusOf));
  if (!namesThread) statuses.delete(404);
  if (route.method === 'get') {
    statuses.delete(409);
    statuses.delete(413);
  }
  return [...statuses].toSorted((a, b) => a - b);
}

function statusOf(code: ErrorCode): number {
  return errorTable[code].status;
}

/** One response a status, which names the codes that have it. */
function errorResponses(): Json {
  const responses: Json = {};
  for (const code of errorCodes) {
    if (connectionCodes.has(code)) continue;
    const { status } = errorTable[code];
    const codes = errorCodes.filter((other) => statusOf(other) === status && !connectionCodes.has(other));
    responses[`Error${status}`] = {
      description: codes.map((each) => `\`${each}\`: ${errorTable[each].description}`).join('\n\n'),
      content: errorContent,
    };
  }
  return responses;
}

const errorContent = { 'application/json': { schema: { $ref: '#/components/schemas/ErrorAnswer' } } };

function generatedDocument(operationId: string, summary: string): Json {
  const content = { 'application/json': { schema: { type: 'object' } } };
  return {
    get: {
      operationId,
      summary,
      tags: ['operation'],
      security: [],
      responses: { 200: { description: summary, content } },
    },
  };
}

/** The routes that serve operators and tools, and share nothing with an event. */
const operationPaths = {
  '/healthz': {
    get: {
      operationId: 'healthz',
      summary: 'Answers while the process lives.',
      tags: ['operation'],
      security: [],
      responses: { 200: { description: 'The process lives.' } },
    },
  },
  '/readyz': {
    get: {
      operationId: 'readyz',
      summary: 'Whether the server takes work.',
      tags: ['operation'],
      security: [],
      responses: {
        200: { description: 'It does.' },
        503: { description: 'It does not: the store is away, or the server drains. The body gives the reasons.' },
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'metrics',
      summary: 'Metrics in the Prometheus text format.',
      tags: ['operation'],
      security: [{ metricsToken: [] }, {}],
      responses: {
        200: { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } },
        401: { $ref: '#/components/responses/Error401' },
        403: { $ref: '#/components/responses/Error403' },
      },
    },
  },
  '/api/asyncapi.json': generatedDocument('asyncapi', 'The AsyncAPI document of the Socket.IO API.'),
  '/api/openapi.json': generatedDocument('openapi', 'This document.'),
};
