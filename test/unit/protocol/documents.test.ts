import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  asyncApiDocument,
  clientEventNames,
  clientEvents,
  errorCodes,
  errorTable,
  httpRoutes,
  limits,
  openApiDocument,
  serverEventNames,
  serverEvents,
} from '@threadwire/protocol';
import { documentVersion } from '../../../protocol/src/api-schemas.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly properties?: Record<string, Schema>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
}
interface Content {
  readonly schema: Schema;
}
interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { name: string; in: string; required: boolean; schema: Schema }[];
  readonly requestBody?: { required: boolean; content: Record<string, Content> };
  readonly responses: Record<string, { $ref?: string; description?: string; content?: Record<string, Content> }>;
}
interface OpenApi {
  readonly info: { version: string };
  readonly security: readonly object[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    schemas: Record<string, Schema>;
    responses: Record<string, { description: string; content: Record<string, Content> }>;
    securitySchemes: Record<string, { type: string; in?: string; name?: string; scheme?: string }>;
  };
}
interface Ref {
  readonly $ref: string;
}
interface AsyncApi {
  readonly info: { version: string };
  readonly channels: Record<string, { address: string; messages: Record<string, Ref> }>;
  readonly operations: Record<string, { action: string; messages: Ref[]; reply?: { messages: Ref[] } }>;
  readonly components: { messages: Record<string, { name: string; payload: Schema }>; schemas: Record<string, Schema> };
}

// As they are sent.
const openapi = JSON.parse(JSON.stringify(openApiDocument())) as OpenApi;
const asyncapi = JSON.parse(JSON.stringify(asyncApiDocument())) as AsyncApi;

/** Holds documents to the published schemas of their formats. */
function faultsOf(documents: { openapi: object; asyncapi: object }): { openapi: string[]; asyncapi: string[] } {
  const script = join(__dirname, '../../support/validate-documents.mjs');
  const answer = execFileSync(process.execPath, [script], { input: JSON.stringify(documents), encoding: 'utf8' });
  return JSON.parse(answer) as ReturnType<typeof faultsOf>;
}

describe('both documents', () => {
  test('are valid, and so is every schema in them', () => {
    expect(faultsOf({ openapi, asyncapi })).toEqual({ openapi: [], asyncapi: [] });
  });

  test('would be found out if they were not', () => {
    const untitled = { info: undefined };
    const faults = faultsOf({ openapi: { ...openapi, ...untitled }, asyncapi: { ...asyncapi, ...untitled } });
    expect(faults.openapi.length).toBeGreaterThan(0);
    expect(faults.asyncapi.length).toBeGreaterThan(0);

    const dangling = { components: { schemas: { Bad: { $ref: '#/components/schemas/Missing' } } } };
    const mistyped = { components: { schemas: { Bad: { type: 'strnig' } } } };
    const others = faultsOf({ openapi: { ...openapi, ...mistyped }, asyncapi: { ...asyncapi, ...dangling } });
    expect(others.openapi.length).toBeGreaterThan(0);
    expect(others.asyncapi.length).toBeGreaterThan(0);
  });

  test.each([
    ['OpenAPI', openapi],
    ['AsyncAPI', asyncapi],
  ])('%s: every reference leads somewhere in the document', (_, document) => {
    const refs = new Set(Array.from(JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g), (match) => match[1]!));
    expect(refs.size).toBeGreaterThan(10);
    for (const ref of refs) {
      let at: unknown = document;
      for (const step of ref.split('/')) at = step === '#' ? document : (at as Record<string, unknown>)[step];
      expect([ref, at]).not.toEqual([ref, undefined]);
    }
  });

  test('carry the version of the protocol, and hold still', () => {
    expect(documentVersion.split('.')[0]).toBe(String(limits.protocolVersion));
    expect([openapi.info.version, asyncapi.info.version]).toEqual([documentVersion, documentVersion]);
    expect(JSON.parse(JSON.stringify(openApiDocument()))).toEqual(openapi);
    expect(JSON.parse(JSON.stringify(asyncApiDocument()))).toEqual(asyncapi);
  });
});

describe('OpenAPI', () => {
  const operations = Object.values(openapi.paths).flatMap((path) => Object.values(path));

  test('has the routes of the API and those of operation, and no other', () => {
    const expected = httpRoutes.map(({ event }) => event);
    const names = operations.map(({ operationId }) => operationId);
    expect(names.toSorted()).toEqual([...expected, 'healthz', 'readyz', 'metrics', 'asyncapi', 'openapi'].toSorted());
  });

  test.each(httpRoutes.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (_, route) => {
    const operation = openapi.paths[route.path.replaceAll(/:(\w+)/g, '{$1}')]![route.method]!;
    expect(operation.operationId).toBe(route.event);
    expect(operation.security).toBeUndefined();

    const inPath = Array.from(route.path.matchAll(/:(\w+)/g), (match) => match[1]!);
    const parameters = operation.parameters ?? [];
    expect(parameters.filter((each) => each.in === 'path').map(({ name }) => name)).toEqual(inPath);
    for (const each of parameters) expect(each.required).toBe(each.in === 'path');

    const others = expectedFields(route.event).filter((name) => !inPath.includes(name));
    const inQuery = parameters.filter((each) => each.in === 'query').map(({ name }) => name);
    const body = operation.requestBody?.content['application/json']?.schema;
    expect(inQuery.toSorted()).toEqual(route.fields === 'body' ? [] : others.toSorted());
    expect(body && Object.keys(body.properties!).toSorted()).toEqual(
      route.fields === 'query' ? undefined : others.toSorted(),
    );
    if (body) expect(body.additionalProperties).toBe(false);

    const ok = Object.keys(operation.responses).filter((status) => Number(status) < 400);
    expect(new Set(ok)).toEqual(new Set(route.statuses.map(String)));
    for (const status of ok) {
      const { schema } = operation.responses[status]!.content!['application/json']!;
      expect(schema).toMatchObject(expectedAnswer(route.event));
    }
    const refused = Object.keys(operation.responses).filter((status) => Number(status) >= 400);
    expect(refused).toEqual(expect.arrayContaining(['400', '401', '403', '429', '500', '503']));
    expect(refused.includes('404')).toBe(inPath.length > 0);
    expect(refused.includes('409')).toBe(route.method !== 'get');
  });

  function expectedFields(event: (typeof httpRoutes)[number]['event']): string[] {
    if (event === 'get_thread') return ['thread_id'];
    if (event === 'stream_body') return ['thread_id', 'message_id', 'role'];
    return Object.keys(clientEvents[event].payload.shape);
  }

  function expectedAnswer(event: (typeof httpRoutes)[number]['event']): Schema {
    const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
    switch (event) {
      case 'create_thread':
      case 'update_thread':
      case 'get_thread':
        return { properties: { thread: ref('Thread') }, required: ['thread'] };
      case 'list_threads':
        return { required: ['threads'] };
      case 'fetch_history':
        return ref('ThreadHistory');
      case 'send_message':
        return {
          properties: { message: ref('Message'), duplicate: { type: 'boolean' } },
          required: ['message', 'duplicate'],
        };
      default:
        return { properties: { message: ref('Message') }, required: ['message'] };
    }
  }

  test('a stream is a plain text body', () => {
    const { requestBody } = openapi.paths['/api/threads/{thread_id}/stream']!['post']!;
    expect(Object.keys(requestBody!.content)).toEqual(['text/plain; charset=utf-8']);
  });

  test('every code that HTTP can meet is told under its status, with the error object under `error`', () => {
    const connectionOnly = ['too_many_subscriptions', 'slow_consumer', 'protocol_mismatch'];
    for (const code of errorCodes) {
      const response = openapi.components.responses[`Error${errorTable[code].status}`]!;
      expect([code, response.description.includes(`\`${code}\``)]).toEqual([code, !connectionOnly.includes(code)]);
      expect(response.content['application/json']!.schema).toEqual({ $ref: '#/components/schemas/ErrorAnswer' });
    }
    expect(openapi.components.schemas['ErrorAnswer']).toMatchObject({
      properties: { error: { $ref: '#/components/schemas/ErrorObject' } },
      required: ['error'],
    });
  });

  test('one proves who one is by a bearer token, or names oneself in anonymous mode', () => {
    expect(openapi.security).toEqual([{ bearer: [] }, { anonymousUser: [] }]);
    expect(openapi.components.securitySchemes).toMatchObject({
      bearer: { type: 'http', scheme: 'bearer' },
      anonymousUser: { type: 'apiKey', in: 'header', name: 'X-Threadwire-User' },
    });
  });
});

describe('AsyncAPI', () => {
  const channel = asyncapi.channels['threadwire']!;
  const names = (refs: readonly Ref[] = []) =>
    refs.map(({ $ref }) => $ref.replace('#/channels/threadwire/messages/', ''));

  test('has one channel with every message', () => {
    expect(Object.keys(asyncapi.channels)).toEqual(['threadwire']);
    expect(channel.address).toBe('/api/ws');
    expect(Object.keys(channel.messages)).toEqual(Object.keys(asyncapi.components.messages));
    expect(Object.keys(asyncapi.operations)).toHaveLength(1 + clientEventNames.length + serverEventNames.length);
  });

  test('CONNECT carries the auth object, and session follows', () => {
    expect(asyncapi.components.messages['connect']!.payload).toEqual({ $ref: '#/components/schemas/ConnectAuth' });
    const { action, reply } = asyncapi.operations['connect']!;
    expect([action, names(reply?.messages)]).toEqual(['receive', ['server.session']]);
  });

  test.each(clientEventNames)('%s is received, and answered by its ack, its reply event or an error', (event) => {
    const definition = clientEvents[event];
    const { action, messages, reply } = asyncapi.operations[`client.${event}`]!;
    expect([action, names(messages)]).toEqual(['receive', [`client.${event}`]]);
    const replyEvent = 'reply' in definition ? [`server.${definition.reply}`] : [];
    expect(names(reply?.messages)).toEqual([`answer.${event}`, ...replyEvent, 'server.error']);

    const { name, payload } = asyncapi.components.messages[`client.${event}`]!;
    expect(name).toBe(event);
    expect(Object.keys(payload.properties!)).toEqual(Object.keys(definition.payload.shape));
    expect(payload.additionalProperties).toBe(false);
  });

  test.each(serverEventNames)('%s is sent', (event) => {
    const { action, messages } = asyncapi.operations[`server.${event}`]!;
    expect([action, names(messages)]).toEqual(['send', [`server.${event}`]]);
    const { name, payload } = asyncapi.components.messages[`server.${event}`]!;
    expect(name).toBe(event);
    const schema = payload.$ref ? asyncapi.components.schemas[payload.$ref.split('/').at(-1)!]! : payload;
    expect(Object.keys(schema.properties!)).toEqual(Object.keys(serverEvents[event].payload.shape));
    // A client must ignore what it does not know.
    expect(schema.additionalProperties).toBeUndefined();
  });
});
