import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  clientEventNames,
  clientEvents,
  errorObjectSchema,
  errorTable,
  httpRoutes,
  tooLarge,
} from '@threadwire/protocol';
import type { ClientEvent, ErrorObject } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { startApp } from '../support/app.ts';
import type { App } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import type { TestClient } from '../support/client.ts';
import { httpRequest } from '../support/http-request.ts';
import type { Reply, RequestOptions } from '../support/http-request.ts';
import { startServer } from '../support/process.ts';
import { connectWire } from '../support/wire-client.ts';
import type { Frame, WireClient } from '../support/wire-client.ts';
import { jsonType, payloads, replaced, valuesIn } from '../unit/protocol/payloads.ts';
import type { Path } from '../unit/protocol/payloads.ts';

/** Of everything below that is random; printed where it fails. */
const seed = 20_260_115;
const levels = 100_000;

/** Stands for JSON text that cannot be made from a value, or only at a great cost. */
const slot = '@slot@';
const filled = (value: unknown, json: string) => JSON.stringify(value).replace(`"${slot}"`, () => json);

const deepArray = '['.repeat(levels) + ']'.repeat(levels);
const deepObject = '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);
interface Spoiler {
  readonly what: string;
  readonly json: string;
  /** Where it can be a valid value after all. */
  readonly mayBeFine?: (path: Path) => boolean;
}

const isFreeJson = (path: Path) => path[0] === 'metadata' && path.length > 1;
const isDelta = (path: Path) => path[0] === 'delta';

/** Hundreds of kilobytes each. */
const huge: readonly Spoiler[] = [
  { what: 'a deep array', json: deepArray },
  { what: 'a deep object', json: deepObject },
  { what: 'a deep mixture', json: '{"a":[{"__proto__":'.repeat(20_000) + '1' + '}]}'.repeat(20_000) },
  { what: 'a list of 100,000 items', json: `[${'0,'.repeat(99_999)}0]` },
  {
    what: 'an object of 50,000 fields',
    json: `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":0`).join(',')}}`,
  },
  { what: 'a string of 900,000 characters', json: JSON.stringify('x'.repeat(900_000)), mayBeFine: isDelta },
];
const small: readonly Spoiler[] = [
  { what: 'U+0000', json: '"a\\u0000b"' },
  { what: 'a lone high surrogate', json: '"a\\ud800b"' },
  { what: 'a lone low surrogate', json: '"a\\udc00b"' },
  { what: 'surrogates in the wrong order', json: '"\\udc00\\ud800"', mayBeFine: isDelta },
  {
    what: 'an object that pollutes',
    json: '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
  },
  { what: 'a number that is none', json: '1e999' },
  { what: 'a number below all others', json: '-9007199254740993', mayBeFine: isFreeJson },
  { what: 'half', json: '0.5', mayBeFine: isFreeJson },
  { what: 'null', json: 'null', mayBeFine: isFreeJson },
  { what: 'true', json: 'true', mayBeFine: isFreeJson },
  { what: 'an empty list', json: '[]', mayBeFine: (path) => isFreeJson(path) || path[0] === 'members' },
  { what: 'an empty object', json: '{}', mayBeFine: (path) => path.length === 0 || path[0] === 'metadata' },
];
const hostile = [...huge, ...small];

const required = new Set(['token', 'thread_id', 'threads', 'content', 'stream_id', 'offset', 'delta', 'status']);
const unknownNames = ['extra', '', 'toString', 'constructor', 'prototype', '__proto__', '$where', 'a\0b', '\uD800'];
const fineInMetadata = new Set(['extra', '', 'toString']);

interface Case {
  readonly event: ClientEvent;
  readonly what: string;
  /** The payload's JSON text. */
  readonly json: string;
  /** Whatever the schema says: this is no valid request. */
  readonly isNeverValid: boolean;
}

/** Every way to spoil every field of these payloads, and what never belongs there. */
function* casesOf(event: ClientEvent, among: readonly object[] = payloads[event]): Generator<Case> {
  for (const payload of among) {
    for (const { what, json, mayBeFine } of hostile) {
      yield { event, what: `${what} as the payload`, json, isNeverValid: !mayBeFine?.([]) };
    }
    for (const name of Object.keys(payload)) {
      const { [name as keyof typeof payload]: _missing, ...rest } = payload;
      yield { event, what: `no ${name}`, json: JSON.stringify(rest), isNeverValid: required.has(name) };
    }
    yield* unknownFieldsIn(event, payload);
    let turn = 0;
    for (const { path } of valuesIn(payload)) {
      const spoilers = isFreeJson(path) ? small : [huge[turn++ % huge.length]!, ...small];
      for (const { what, json, mayBeFine } of spoilers) {
        const spoiled = filled(replaced<unknown>(payload, path, slot), json);
        yield { event, what: `${what} at ${path.join('.')}`, json: spoiled, isNeverValid: !mayBeFine?.(path) };
      }
    }
  }
}

/** Fields that nobody knows, at the root and below. */
function* unknownFieldsIn(event: ClientEvent, payload: object): Generator<Case> {
  const objects: [Path, unknown][] = [[[], payload]];
  for (const { path, value } of valuesIn(payload)) if (jsonType(value) === 'object') objects.push([path, value]);
  for (const [path, value] of objects) {
    for (const name of unknownNames) {
      for (const json of name === 'extra' && path.length === 0 ? ['1', deepArray] : ['1', '{"polluted":1}']) {
        const spoiled = `${JSON.stringify(value).slice(0, -1)},${JSON.stringify(name)}:${json}}`;
        yield {
          event,
          what: `a field ${JSON.stringify(name)} in ${path.join('.') || 'the payload'}`,
          json: path.length === 0 ? spoiled : filled(replaced<unknown>(payload, path, slot), spoiled),
          isNeverValid: path[0] !== 'metadata' || !fineInMetadata.has(name),
        };
      }
    }
  }
}

type Expected = 'invalid_payload' | 'payload_too_large';

/** What the protocol's schema has to say: undefined where the payload is valid. */
function verdict(event: ClientEvent, payload: unknown): Expected | undefined {
  const parsed = clientEvents[event].payload.safeParse(payload);
  if (parsed.success) return undefined;
  const isSize = parsed.error.issues.every(
    (issue) => issue.code === 'custom' && issue.params?.['code'] === tooLarge.code,
  );
  return isSize ? 'payload_too_large' : 'invalid_payload';
}

const ownNames = () => Object.getOwnPropertyNames(Object.prototype).toSorted();

describe('a request that is not valid', () => {
  let app: App;
  let bystander: TestClient;
  beforeAll(async () => {
    app = await startApp({ ratePerSecond: 0 });
    bystander = await connectClient(app.url, { user: 'bystander' });
  });
  afterAll(async () => {
    await bystander?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });

  test.each(clientEventNames.map((event) => [event]))(
    '%s: gets the typed error, with an ack and without, and hurts nobody',
    async (event) => {
      const before = ownNames();
      await using wire = await connectWire(app.url, { auth: { user: 'ada' } });
      await wire.event('session');
      let spoiled = 0;
      for (const each of casesOf(event)) {
        const expected = verdict(event, JSON.parse(each.json));
        // Some fields may be left out, and some strings may say anything.
        if (!expected && !each.isNeverValid) continue;
        expect([each.what, expected]).toEqual([each.what, expect.any(String)]);
        spoiled += 1;
        const withAck = spoiled % 5 !== 0;
        wire.send(`42${withAck ? spoiled : ''}["${event}",${each.json}]`);
        const error = (
          withAck ? ((await wire.ack(spoiled)) as { error: unknown }).error : await wire.event('error')
        ) as ErrorObject;
        expect([each.what, errorObjectSchema.strict().safeParse(error).error]).toEqual([each.what, undefined]);
        expect([each.what, error.code, error.retry, error.event]).toEqual([each.what, expected, 'never', event]);
        expect(error.details?.issues?.length).toBeGreaterThan(0);
        expect(JSON.stringify(error).length).toBeLessThan(20_000);
        if (spoiled % 10 === 0) await bystander.call('ping', {});
      }
      expect(spoiled).toBeGreaterThan(40);
      expect(await wire.request('ping', {})).toMatchObject({ ok: true });
      expect(wire.untaken).toEqual([]);
      expect(ownNames()).toEqual(before);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      await bystander.call('ping', {});
      expect(bystander.buffered.filter((arrival) => arrival.event !== 'session')).toEqual([]);
    },
  );

  test('of random JSON is answered as the schema says, whatever the event', async () => {
    await using wire = await connectWire(app.url, { auth: { user: 'ada' } });
    await wire.event('session');
    const spoiledPayload = fc.constantFrom(...clientEventNames).chain((event) => {
      const payload = payloads[event][0]!;
      const paths = Array.from(valuesIn(payload), ({ path }) => path);
      const field = fc.tuple(fc.constantFrom(...paths), fc.jsonValue({ stringUnit: 'binary' }));
      return fc.record({
        event: fc.constant(event),
        value: fc.oneof(
          fc.jsonValue({ stringUnit: 'binary' }),
          field.map(([path, other]) => replaced<unknown>(payload, path, other)),
        ),
      });
    });
    await fc.assert(
      fc.asyncProperty(spoiledPayload, async ({ event, value }) => {
        const expected = verdict(event, JSON.parse(JSON.stringify(value)));
        const answer = (await wire.request(event, value)) as { ok: boolean; error?: ErrorObject };
        if (expected) expect(answer).toMatchObject({ ok: false, error: { code: expected } });
        else expect(answer.error?.code).not.toBe('invalid_payload');
      }),
      { seed, numRuns: 400 },
    );
    await bystander.call('ping', {});
  });

  test('is no fault of the server’s: it logs none', () => {
    expect(app.logs.filter(({ level }) => level >= 40)).toEqual([]);
  });
});

type Route = (typeof httpRoutes)[number];

/** The path's parameters, and what else belongs to a valid request of the route. */
function requestOf({ path, event }: Route): { parameters: Record<string, string>; others: Record<string, unknown> } {
  if (event === 'get_thread' || event === 'stream_body') return { parameters: { thread_id: 't' }, others: {} };
  const fields = Object.entries(payloads[event][0]!);
  const isParameter = ([name]: [string, unknown]) => path.includes(`:${name}`);
  return {
    parameters: Object.fromEntries(fields.filter(isParameter)) as Record<string, string>,
    others: Object.fromEntries(fields.filter((field) => !isParameter(field))),
  };
}

const badQueryValues = ['', '%00', 'a%20b', '%ED%A0%80', '%C3%A9', '%7B%22%24ne%22%3A1%7D', 'x'.repeat(3000)];
const badIds = ['%00', 'a%20b', 'a%2Fb', '%ED%A0%80', '%C3%A9', '%7B%22%24ne%22%3A1%7D', 'x'.repeat(65)];
// Streams come later.
const routes = httpRoutes.filter(({ event }) => event !== 'stream_body');

describe('an HTTP request that is not valid', () => {
  let app: App;
  let bystander: TestClient;
  const agent = new Agent({ keepAlive: true });
  beforeAll(async () => {
    app = await startApp({ ratePerSecond: 0 });
    bystander = await connectClient(app.url, { user: 'bystander' });
  });
  afterAll(async () => {
    agent.destroy();
    await bystander?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });

  /** The status of the answer, after a look at its error object. */
  function expectRefused(what: string, { status, error, text }: Reply, expected: Expected = 'invalid_payload'): void {
    expect([what, errorObjectSchema.strict().safeParse(error).error]).toEqual([what, undefined]);
    expect([what, status, error.code]).toEqual([what, errorTable[expected].status, expected]);
    expect(error.details?.issues?.length).toBeGreaterThan(0);
    expect(text.length).toBeLessThan(20_000);
  }

  test.each(routes.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))(
    '%s: gets the typed error, and hurts nobody',
    async (_name, route) => {
      const before = ownNames();
      const { parameters, others } = requestOf(route);
      const send = (changed: Record<string, string>, query: string, options: RequestOptions = {}) => {
        const values = { ...parameters, ...changed };
        const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => values[name]!);
        const method = route.method.toUpperCase();
        return httpRequest(`${app.url}${path}${query}`, { method, agent, ...options });
      };

      for (const name of Object.keys(parameters)) {
        for (const value of badIds) expectRefused(`${name} ${value}`, await send({ [name]: value }, ''));
      }
      for (const name of unknownNames) {
        const query = `?${new URLSearchParams({ [name]: '1' }).toString()}`;
        expectRefused(query, await send({}, query));
      }
      if (route.fields === 'query') {
        for (const name of Object.keys(others)) {
          for (const value of [...badQueryValues, `1&${name}=1`]) {
            expectRefused(`${name}=${value}`, await send({}, `?${name}=${value}`));
          }
        }
      } else {
        let spoiled = 0;
        for (const { what, json, isNeverValid } of casesOf(route.event, [others])) {
          const body: unknown = JSON.parse(json);
          const expected =
            jsonType(body) === 'object'
              ? verdict(route.event, { ...(body as object), ...parameters })
              : 'invalid_payload';
          if (!expected && !isNeverValid) continue;
          spoiled += 1;
          const reply = await send({}, '', { body: json, headers: { 'Content-Type': 'application/json' } });
          expectRefused(what, reply, expected);
          if (spoiled % 10 === 0) await bystander.call('ping', {});
        }
        expect(spoiled).toBeGreaterThan(40);
      }
      expect(ownNames()).toEqual(before);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      await bystander.call('ping', {});
      expect(bystander.buffered.filter(({ event }) => event !== 'session')).toEqual([]);
    },
  );

  test('is no fault of the server’s, and has stored nothing', async () => {
    expect(app.logs.filter(({ level }) => level >= 40)).toEqual([]);
    expect(await bystander.call('list_threads', {})).toEqual({ threads: [] });
  });
});

describe('a CONNECT that is not valid', () => {
  test('is refused with invalid_payload, and hurts nobody', async () => {
    await using app = await startApp({ ratePerSecond: 0 });
    await using bystander = await connectClient(app.url);
    const before = ownNames();
    const auths = [
      // What is empty is no auth object at all.
      ...hostile.map(({ json }) => json).filter((json) => !['null', '{}'].includes(json)),
      ...small.map(({ json }) => `{"user":${json}}`),
      ...small.map(({ json }) => `{"token":${json}}`),
      ...small.map(({ json }) => `{"client":{"name":${json},"version":"1"}}`),
      ...hostile.map(({ json }) => `{"extra":${json}}`),
      '[]',
      '"ada"',
      '{',
      '{"user":""}',
      '{"__proto__":{"user":"root"}}',
      '{"protocol_version":"1"}',
    ];
    for (const auth of auths) {
      await using wire = await connectWire(app.url, { connectNamespace: false });
      wire.send(`40${auth}`);
      const refused = JSON.parse(await wire.nextText('44')) as { data: ErrorObject };
      expect([auth.slice(0, 100), refused.data.code]).toEqual([auth.slice(0, 100), 'invalid_payload']);
      // Another try on the same connection is welcome.
      wire.send('40{"user":"ada"}');
      expect(await wire.event('session')).toMatchObject({ user: { id: 'ada' } });
      await bystander.call('ping', {});
    }
    expect(ownNames()).toEqual(before);
  });
});

/** Whether a frame may end the connection, or the session: a reserved event name, or DISCONNECT. */
function mayEnd(frame: Frame): boolean {
  if (typeof frame !== 'string') return false;
  const [name] = /"(?:\\.|[^"\\])*"/.exec(frame) ?? [];
  const isReserved = /^"(connect|connect_error|disconnect|disconnecting|newListener|removeListener)"$/;
  return /^41\d*(\/[^,]*,?\d*)?$/.test(frame) || (name !== undefined && isReserved.test(unescape(name)));
}

/** A JSON string with its escapes undone, in quotes. */
function unescape(json: string): string {
  try {
    return `"${String(JSON.parse(json))}"`;
  } catch {
    return json;
  }
}

const validFrames = clientEventNames.flatMap((event) =>
  payloads[event].flatMap((payload) => [
    `42${JSON.stringify([event, payload])}`,
    `4212${JSON.stringify([event, payload])}`,
    `451-3${JSON.stringify([event, { ...payload, metadata: { _placeholder: true, num: 0 } }])}`,
  ]),
);

/** A valid frame in which some characters were replaced, taken out, put in or doubled. */
const mutatedFrame = fc
  .tuple(
    fc.constantFrom(...validFrames),
    fc.array(
      fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat({ max: 3 }),
        fc.oneof(
          fc.constantFrom(...Array.from('0123456789[]{}",:-/\\nul\u0000')),
          fc.string({ unit: 'binary', maxLength: 3 }),
        ),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([frame, mutations]) =>
    mutations.reduce((text, [place, cut, insert]) => {
      const at = Math.floor(place * text.length);
      return text.slice(0, at) + insert + text.slice(at + cut);
    }, frame),
  );

const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  { weight: 6, arbitrary: mutatedFrame },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => `4${text}`) },
  { weight: 2, arbitrary: fc.tuple(fc.nat({ max: 6 }), fc.json()).map(([type, json]) => `4${type}${json}`) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)) },
);

describe('frames of every kind, sent to a server in a process of its own', () => {
  test('leave the connection open, others served, and the process alive', async () => {
    await using server = await startServer({ env: { RATE_LIMIT_PER_SECOND: '0', LOG_LEVEL: 'warn' } });
    await using bystander = await connectClient(server.url, { user: 'bystander' });
    let wire: WireClient | undefined;
    let pings = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { minLength: 1, maxLength: 8 }), async (frames) => {
        if (!wire || wire.socket.readyState !== wire.socket.OPEN) {
          wire = await connectWire(server.url, { auth: { user: 'ada' } });
          await wire.event('session');
        }
        for (const frame of frames) wire.send(frame);
        pings += 1;
        const id = 1_000_000 + pings;
        wire.send(`42${id}["ping",{}]`);
        const answer = wire.ack(id);
        if (frames.some(mayEnd)) {
          // If it did not, the ping is answered; either way the next run has a connection.
          await Promise.race([answer.catch(() => undefined), wire.closed]);
          wire.socket.terminate();
          await wire.closed;
        } else {
          expect(await answer).toMatchObject({ ok: true });
        }
        if (pings % 10 === 0) await bystander.call('ping', {});
      }),
      { seed, numRuns: 600 },
    );
    wire?.socket.terminate();
    await bystander.call('ping', {});
    expect(bystander.buffered.filter(({ event }) => event !== 'session')).toEqual([]);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    // Nothing that was sent is a fault of the server's.
    expect(server.output).not.toMatch(/"level":[456]0/);
  });
});
