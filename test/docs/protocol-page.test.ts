import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import {
  clientEventNames,
  clientEvents,
  connectAuthSchema,
  errorCodes,
  errorObjectSchema,
  errorTable,
  httpRoutes,
  limits,
  messageSchema,
  messageStatuses,
  roles,
  serverEventNames,
  serverEvents,
  threadHistorySchema,
  threadSchema,
  userSchema,
} from '@threadwire/protocol';
import type { ClientEvent, ClientPayload, ServerEvent } from '@threadwire/protocol';
import * as z from 'zod';
import { answerSchema } from '../../protocol/src/asyncapi.ts';
import { issueSchema } from '../../protocol/src/errors.ts';
import { openApiDocument } from '../../protocol/src/openapi.ts';
import { startApp } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { readProtocolPage } from '../support/protocol-page.ts';
import type { Fence, Section } from '../support/protocol-page.ts';

const page = readProtocolPage();

function sectionOf(chapter: string, title: string): Section {
  const found = page.sections.filter((section) => section.chapter === chapter && section.title === title);
  if (found.length !== 1) throw new Error(`PROTOCOL.md has ${found.length} sections "${title}" in "${chapter}".`);
  return found[0]!;
}

interface JsonSchema {
  readonly $ref?: string;
  readonly properties?: Record<string, JsonSchema>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly $defs?: Record<string, JsonSchema>;
}

/** `name` and whether it is required, of every field; those of objects without a name of their own with their path. */
function fieldsOf(schema: z.ZodType): Record<string, boolean> {
  const fields: Record<string, boolean> = {};
  const collect = (object: JsonSchema, prefix: string) => {
    for (const [name, property] of Object.entries(object.properties ?? {})) {
      const path = prefix + name;
      fields[path] = object.required?.includes(name) ?? false;
      collect(property, `${path}.`);
      if (property.items) collect(property.items, `${path}[].`);
    }
  };
  const { $ref, $defs, ...root } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  collect($ref ? $defs![$ref.replace('#/$defs/', '')]! : root, '');
  return fields;
}

/** The same as told by the section's table of fields. */
function toldFields(section: Section): Record<string, boolean> {
  const tables = section.tables.filter((table) => table[0]?.[0] === 'Field');
  expect(tables.length).toBeLessThanOrEqual(1);
  const rows = (tables[0] ?? []).slice(1);
  const told = rows.map(([name, , required]) => {
    expect(['yes', 'no']).toContain(required);
    return [name!.replaceAll('`', ''), required === 'yes'] as const;
  });
  const fields = Object.fromEntries(told);
  expect(Object.keys(fields)).toHaveLength(told.length);
  return fields;
}

describe('objects', () => {
  const objects = {
    Thread: threadSchema,
    User: userSchema,
    Message: messageSchema,
    ThreadHistory: threadHistorySchema,
  };

  test.each(Object.entries(objects))('%s has exactly the fields of its schema', (name, schema) => {
    expect(toldFields(sectionOf('Objects', name))).toEqual(fieldsOf(schema));
  });

  test('the auth object and the error object have exactly the fields of their schemas', () => {
    expect(toldFields(sectionOf('Connecting', 'The auth object'))).toEqual(fieldsOf(connectAuthSchema));
    expect(toldFields(sectionOf('Errors', 'ErrorObject'))).toEqual(fieldsOf(errorObjectSchema));
    expect(toldFields(sectionOf('Errors', 'Issue'))).toEqual(fieldsOf(issueSchema));
  });

  test('every role and status is named', () => {
    for (const role of roles) expect(sectionOf('Values', 'Values').text).toContain(`\`${role}\``);
    for (const status of messageStatuses) expect(sectionOf('Objects', 'Message').text).toContain(`\`${status}\``);
  });
});

describe('client events', () => {
  test('the page has those of the schemas, in their order, and no other', () => {
    const titles = page.sections.filter(({ chapter }) => chapter === 'Client events').map(({ title }) => title);
    expect(titles.slice(1)).toEqual(clientEventNames);
  });

  test.each(clientEventNames)('%s: fields, answer, reply event and errors are those of the schemas', (event) => {
    const section = sectionOf('Client events', event);
    const definition = clientEvents[event];
    expect(section.text).toContain('**Direction:** client → server.');

    // `message_id` is told once for all events, and again where it is the idempotency key.
    const isKey = event === 'send_message' || event === 'stream_start';
    const told = toldFields(section);
    expect('message_id' in told).toBe(isKey);
    expect({ message_id: false, ...told }).toEqual(fieldsOf(definition.payload));
    expect(section.text.includes('No fields.')).toBe(Object.keys(told).length === 0);

    expect(toldAnswer(section)).toEqual(answerOf(event));
    const reply = /\*\*Reply event:\*\* `(\w+)`/.exec(section.text)?.[1];
    expect(reply).toBe('reply' in definition ? definition.reply : undefined);

    const errors = section.text.split('**Errors:**')[1]?.split('\n\n')[0] ?? '';
    const codes = Array.from(errors.matchAll(/`([a-z_]+)`/g), (match) => match[1]!);
    const others = [...clientEventNames, 'message_id'];
    for (const code of codes) expect([...errorCodes, ...others]).toContain(code);
    expect(page.fences.some(({ tags }) => tags[0] === event && tags[1] === 'payload')).toBe(true);
  });

  function answerOf(event: ClientEvent): string[] | string {
    const { data } = clientEvents[event];
    if ((data as z.ZodType) === threadHistorySchema) return 'ThreadHistory';
    const required = fieldsOf(data);
    const names = Object.keys(data.shape);
    return names.map((name) => (required[name] ? name : `${name}?`));
  }

  function toldAnswer({ text }: Section): string[] | string {
    const link = /\*\*Answer:\*\* \[(\w+)\]\(#(\w+)\)/.exec(text);
    if (link) {
      expect(link[2]).toBe(link[1]!.toLowerCase());
      return link[1]!;
    }
    const fields = /\*\*Answer:\*\* `\{(.*?)\}`/.exec(text);
    if (!fields) throw new Error('The section tells no answer.');
    return fields[1]!.split(',').flatMap((field) => field.trim() || []);
  }
});

describe('server events', () => {
  test('the page has those of the schemas, in their order, and no other', () => {
    const titles = page.sections.filter(({ chapter }) => chapter === 'Server events').map(({ title }) => title);
    expect(titles.slice(1)).toEqual(serverEventNames);
  });

  test.each(serverEventNames)('%s: fields and durability are those of the schemas', (event) => {
    const section = sectionOf('Server events', event);
    const { payload, durable } = serverEvents[event];
    expect(section.text).toContain(`**Direction:** server → client. **Durable:** ${durable ? 'yes' : 'no'}`);
    const link = /\*\*Payload:\*\* \[(\w+)\]\(#(\w+)\)/.exec(section.text);
    if (link) {
      expect(payload.meta()?.id).toBe(link[1]);
      expect(page.sections.map(({ title }) => title)).toContain(link[1]);
    } else {
      expect(toldFields(section)).toEqual(fieldsOf(payload));
    }
    expect(page.fences.some(({ tags }) => tags[0] === event && tags[1] === 'event')).toBe(true);
  });
});

test('the table of codes is the error table', () => {
  const [table] = sectionOf('Errors', 'Codes').tables;
  const told = table!.slice(1).map(([code, retry, status, meaning]) => {
    expect(meaning).not.toBe('');
    return [code!.replaceAll('`', ''), { retry, status: Number(status) }];
  });
  const expected = errorCodes.map((code) => [code, { retry: errorTable[code].retry, status: errorTable[code].status }]);
  expect(told).toEqual(expected);
});

test('the table of limits is the limits', () => {
  const [table] = sectionOf('Limits', 'Limits').tables;
  const told = table!
    .slice(1)
    .map(([, name, value]) => [name!.replaceAll('`', ''), Number(value!.replaceAll(',', ''))]);
  expect(told).toEqual(Object.entries(limits));
});

describe('limits in the prose', () => {
  const kibibytes = (count: number) => `${count / 1024} KiB`;
  const mebibytes = (count: number) => `${count / 1024 / 1024} MiB`;
  const thousands = (count: number) => count.toLocaleString('en-GB');

  test.each([
    ['Requests and answers', 'Requests and answers', [`a frame above ${mebibytes(limits.maxFrameBytes)}`]],
    [
      'Values',
      'Values',
      [`at most ${kibibytes(limits.maxMetadataBytes)} as compact JSON and ${limits.maxMetadataDepth} levels`],
    ],
    ['Objects', 'Thread', [`At most ${limits.maxTitleLength} characters`, `at most ${thousands(limits.maxMembers)}.`]],
    [
      'Objects',
      'Message',
      [`1 byte to ${kibibytes(limits.maxContentBytes)}`, `${thousands(limits.maxStreamLength)} UTF-16 units`],
    ],
    [
      'Objects',
      'ThreadHistory',
      [
        `0 to ${limits.maxHistoryPage}, default ${limits.defaultHistoryPage};`,
        `0 to ${limits.maxHistoryPage}, default ${limits.maxHistoryPage} |`,
        `more than ${limits.maxRecoverableChanges} messages`,
        `at most ${kibibytes(limits.maxHistoryBytes)} of JSON`,
      ],
    ],
    ['Client events', 'list_threads', [`1 to ${limits.maxListPage}, default ${limits.defaultListPage}.`]],
    [
      'Client events',
      'subscribe_threads',
      [`1 to ${thousands(limits.maxSubscribeBatch)} entries`, `at most ${mebibytes(limits.maxSubscribeBytes)};`],
    ],
    ['Client events', 'send_message', [`1 byte to ${kibibytes(limits.maxContentBytes)} of UTF-8`]],
    ['Client events', 'edit_message', [`1 byte to ${kibibytes(limits.maxContentBytes)} of UTF-8`]],
    ['Client events', 'stream_end', [`At most ${kibibytes(limits.maxReasonBytes)}`]],
    ['Client events', 'stream_cancel', [`At most ${kibibytes(limits.maxReasonBytes)}`]],
    [
      'Streams',
      'Limits of streams',
      [
        `${limits.maxStreamsPerThread} streams at a time in a thread, ${limits.maxStreamsPerConnection} on a connection`,
        `${thousands(limits.maxStreamLength)} UTF-16 units`,
        `hold at most ${kibibytes(limits.maxReasonBytes)}`,
      ],
    ],
    [
      'Client events',
      'stream_start',
      [`${limits.maxStreamsPerThread} streams run in the thread, or ${limits.maxStreamsPerConnection} on this`],
    ],
    ['Client events', 'stream_chunk', [`above ${thousands(limits.maxStreamLength)} UTF-16 units`]],
  ] as const)('%s, %s', (chapter, title, phrases) => {
    const text = sectionOf(chapter, title).text.replaceAll('\n', ' ');
    for (const phrase of phrases) expect(text).toContain(phrase);
  });
});

describe('HTTP', () => {
  const { tables } = sectionOf('HTTP', 'HTTP');

  test('the table of routes is the routes', () => {
    const told = tables[0]!.slice(1).map((row) => row.map((cell) => cell.replaceAll('`', '')));
    const expected = httpRoutes.map(({ method, path, event, statuses, fields }) => [
      `${method.toUpperCase()} ${path}`,
      event,
      statuses.join(', '),
      fields,
    ]);
    expect(told).toEqual(expected);
  });

  test('the page and the OpenAPI document name the same paths', () => {
    const told = tables.flatMap((table) => table.slice(1).map(([route]) => route!.replaceAll('`', '')));
    const { paths } = openApiDocument() as { paths: Record<string, object> };
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(told.toSorted()).toEqual(documented.toSorted());
  });

  const examples = page.fences.filter(({ language }) => language === 'sh');

  test.each(examples.map((fence) => [fence.tags[0]!, fence] as const))('curl example of %s', (event, { text }) => {
    const route = httpRoutes.find((each) => each.event === event)!;
    expect(/-X (\w+)/.exec(text)?.[1] ?? 'GET').toBe(route.method.toUpperCase());
    const url = new URL(/http:[^' ]+/.exec(text)![0].trim());
    const names = Array.from(route.path.matchAll(/:(\w+)/g), (match) => match[1]!);
    const values = new RegExp(`^${route.path.replaceAll(/:\w+/g, '([^/]+)')}$`).exec(url.pathname);
    const payload = {
      ...Object.fromEntries(names.map((name, i) => [name, values![i + 1]])),
      ...Object.fromEntries(
        Array.from(url.searchParams, ([name, value]) => [name, /^\d+$/.test(value) ? +value : value]),
      ),
      ...(JSON.parse(/-d '(.*)'/.exec(text)?.[1] ?? '{}') as object),
    };
    const schema =
      event === 'stream_body' ? clientEvents.stream_start.payload : clientEvents[event as ClientEvent].payload;
    expect(schema.safeParse(payload).error?.issues).toBeUndefined();
  });

  test('the curl examples work as they stand, where the user needs no token', async () => {
    await using app = await startApp();
    const answers = new Map<string, unknown>();
    for (const { tags, text } of examples) {
      if (text.includes('Authorization: ')) continue;
      // Whatever writes text.
      const model = "my-model() { printf 'It is '; printf 'on its way.'; }";
      const command = text.replaceAll('http://127.0.0.1:3000', app.url);
      const { stdout } = await promisify(execFile)('bash', ['-c', `${model}\n${command}`]);
      answers.set(tags[0]!, JSON.parse(stdout));
    }
    expect(Object.fromEntries(answers)).toMatchObject({
      create_thread: { thread: { id: 'support-42', created_by: 'ada' } },
      send_message: { message: { seq: 1, content: 'Where is my order?' }, duplicate: false },
      fetch_history: { head_seq: 1, messages: [{ seq: 1 }] },
      stream_body: {
        message: { message_id: 'run-17', seq: 3, role: 'assistant', status: 'complete', content: 'It is on its way.' },
      },
    });
  });
});

describe('examples', () => {
  const objects: Record<string, z.ZodType> = {
    auth: connectAuthSchema,
    Thread: threadSchema,
    Message: messageSchema,
    ThreadHistory: threadHistorySchema,
    ErrorObject: errorObjectSchema,
  };

  /** The schema that an example's tags name: an object, or an event and `payload`, `answer` or `event`. */
  function schemaFor({ tags: [name = '', kind], line }: Fence): z.ZodType {
    if (kind === 'payload' && name in clientEvents) return clientEvents[name as ClientEvent].payload;
    if (kind === 'answer' && name in clientEvents) return answerSchema(name as ClientEvent);
    if (kind === 'event' && name in serverEvents) return serverEvents[name as ServerEvent].payload;
    if (kind === undefined && name in objects) return objects[name]!;
    throw new Error(`Line ${line}: the example does not say what it is one of.`);
  }

  const examples = page.fences.filter(({ language }) => language === 'json');

  test.each(examples.map((fence) => [fence.tags.join(' '), fence.line, fence] as const))(
    '%s at line %i parses and fits its schema',
    (_tags, _line, fence) => {
      const value: unknown = JSON.parse(fence.text);
      const result = schemaFor(fence).safeParse(value);
      expect(result.error?.issues).toBeUndefined();
      // Open schemas drop what they do not know: an example must not have any of it.
      expect(result.data).toEqual(value);
      const error = (value as { code?: keyof typeof errorTable; retry?: string }) ?? {};
      if (error.code) expect(error.retry).toBe(errorTable[error.code].retry);
    },
  );

  test('frames are Socket.IO packets of events and answers that fit their schemas', () => {
    const frames = page.fences.filter(({ language }) => language === 'frames').flatMap(({ text }) => text.split('\n'));
    const asked = new Map<string, ClientEvent>();
    const seen = new Set<string>();
    for (const frame of frames) {
      const [, direction, type, ack, json] = /^([→←]) (0|2|3|4[0-4])(\d*)([[{].*)?$/.exec(frame) ?? [];
      expect([frame, type]).not.toEqual([frame, undefined]);
      const value = json === undefined ? undefined : (JSON.parse(json) as unknown);
      seen.add(`${direction}${type}`);
      let schema: z.ZodType = z.unknown();
      let content: unknown = value;
      if (type === '40' && direction === '→') {
        schema = connectAuthSchema;
      } else if (type === '44') {
        schema = z.strictObject({ message: z.string(), data: errorObjectSchema });
      } else if (type === '42') {
        const [event, payload] = z.tuple([z.string(), z.unknown()]).parse(value);
        content = payload;
        if (direction === '→') {
          schema = clientEvents[event as ClientEvent].payload;
          if (ack) asked.set(ack, event as ClientEvent);
        } else {
          schema = serverEvents[event as ServerEvent].payload;
        }
      } else if (type === '43') {
        [content] = z.tuple([z.unknown()]).parse(value);
        schema = answerSchema(asked.get(ack!)!);
      }
      const result = schema.safeParse(content);
      expect([frame, result.error?.issues]).toEqual([frame, undefined]);
      expect(result.data).toEqual(content);
    }
    expect([...seen].toSorted()).toEqual(['→3', '→40', '→42', '←0', '←2', '←40', '←42', '←43', '←44'].toSorted());
  });

  test('the stream on the wire is what a server sends, in this order', async () => {
    const fence = page.fences.find(({ language, text }) => language === 'frames' && text.includes('"stream_start"'))!;
    const frames = fence.text.split('\n').map((frame) => {
      const [, direction, type, ack, json] = /^([→←]) 4([23])(\d*)(.*)$/.exec(frame)!;
      return { isSent: direction === '→', isEvent: type === '2', ack, args: JSON.parse(json!) as unknown[] };
    });
    const [start, ...rest] = frames
      .filter(({ isSent }) => isSent)
      .map(({ args }) => z.tuple([z.enum(clientEventNames), z.any()]).parse(args));
    const told = frames.filter(({ isSent }) => !isSent).map(({ isEvent, args }) => (isEvent ? args : args[0]));

    await using app = await startApp();
    const arrivals: unknown[] = [];
    await using client = await connectClient(app.url, {
      user: 'ada',
      tap: (arrival) => {
        if (arrival.kind === 'event') arrivals.push([arrival.event, arrival.payload]);
        else if (arrival.kind === 'answer') arrivals.push(arrival.answer);
      },
    });
    await client.call('create_thread', { id: 't1' });
    await client.call('send_message', { thread_id: 't1', content: 'Hello' });
    await client.call('subscribe_thread', { thread_id: 't1' });
    arrivals.length = 0;
    const { message } = await client.call('stream_start', start![1] as ClientPayload<'stream_start'>);
    await Promise.all(rest.map(([event, payload]) => client.request(event, { ...payload, stream_id: message.id })));

    const time = /"\d{4}-\d\d-\d\dT[\d:.]+Z"/g;
    const timeless = (value: unknown) => JSON.stringify(value).replaceAll(message.id, 'a2').replaceAll(time, '"…"');
    expect(JSON.parse(timeless(arrivals))).toEqual(JSON.parse(timeless(told)));
  });

  test('scenarios speak of events that exist', () => {
    const lines = page.fences.filter(({ language }) => language === 'text').flatMap(({ text }) => text.split('\n'));
    const names = { '→': clientEventNames as string[], '←': [...serverEventNames, 'ack'] as string[] };
    let count = 0;
    for (const line of lines) {
      const match = /^([→←]) (\w+)/.exec(line);
      if (!match) continue;
      expect(names[match[1] as '→' | '←']).toContain(match[2]);
      count++;
    }
    expect(count).toBeGreaterThan(100);
  });

  test('scenarios are numbered, and referred to by numbers that there are', () => {
    const titles = page.sections.filter(({ chapter }) => chapter === 'Scenarios').map(({ title }) => title);
    const numbers = titles.slice(1).map((title) => Number(/^(\d+)\. \S/.exec(title)?.[1]));
    expect(numbers).toEqual(Array.from(numbers, (_number, i) => i + 1));
    const references = Array.from(page.text.matchAll(/\bscenario (\d+)/g), (match) => Number(match[1]));
    expect(references.length).toBeGreaterThan(5);
    for (const number of references) expect(numbers).toContain(number);
  });
});

test('every link inside the page leads to a heading', () => {
  const anchors = new Set(
    Array.from(page.text.matchAll(/^#{1,6} (.+)$/gm), (match) =>
      match[1]!
        .toLowerCase()
        .replaceAll(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
  for (const [, anchor] of page.text.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor);
});
