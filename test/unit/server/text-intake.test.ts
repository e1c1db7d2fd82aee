import { describe, expect, test } from '@jest/globals';
import { clientEvents } from '@threadwire/protocol';
import * as fc from 'fast-check';
import { TolerantDecoder, bytesOf } from '../../../server/src/connection/decoder.ts';
import { TextIntake } from '../../../server/src/connection/text-intake.ts';
import { FakeApp, actorOf } from '../../support/fake-services.ts';
import type { Received } from '../../support/fake-link.ts';

const bot = actorOf('bot', { agent: true });

/** A connection with a stream, that takes Socket.IO packets: chunks by their short way, or all by the way of all events. */
async function setUp({ isShort, expiresAt }: { readonly isShort: boolean; readonly expiresAt?: number | undefined }) {
  const app = new FakeApp();
  await app.thread('t', 'bot');
  const client = app.connect(bot, expiresAt);
  const { connection, link } = client;
  const start = { thread_id: 't', message_id: 'm' };
  const { message } = await app.services.streams.start(connection, {
    threadId: start.thread_id,
    messageId: start.message_id,
    role: 'assistant',
    metadata: {},
  });
  const decoder = new TolerantDecoder();
  decoder.namespaces = new Set(['/']);
  if (isShort) decoder.textIntake = new TextIntake(app.services, app.lifecycle, connection);
  /** The events that went the way of all events. */
  const dispatched: unknown[] = [];
  decoder.on('decoded', (packet) => {
    const { data, id } = packet as { readonly data: readonly unknown[]; readonly id?: number | undefined };
    const [event, ...args] = data;
    dispatched.push(event);
    const ack = id === undefined ? undefined : connection.ackOf(id);
    void app.dispatch(connection, { event, args, ack, bytes: bytesOf(data) });
  });
  /** Feeds packets, lets them be stored and announced, and gives what was answered and what was counted. */
  const send = async (...packets: readonly string[]) => {
    for (const packet of packets) {
      decoder.add(packet);
      await app.clock.advance(1);
    }
    await app.clock.advance(1000);
    const found = await app.store.findStream(message.id);
    const answers: readonly Received[] = link.received;
    return { answers, outcomes: app.outcomes, text: found?.message.content };
  };
  return { app, connection, link, dispatched, send, id: message.id };
}

function chunk(stream_id: string, offset: number, delta: string, ack: number | '' = '', more: object = {}): string {
  return `2${ack}${JSON.stringify(['stream_chunk', { stream_id, offset, delta, ...more }])}`;
}

test('a chunk is stored and announced before it is answered, without becoming an event', async () => {
  const { send, id, dispatched, app, link } = await setUp({ isShort: true });
  const packets = [chunk(id, 0, 'He'), chunk(id, 2, 'llo', 7), chunk(id, 5, '!', 0, { message_id: 'c' })];
  expect(await send(...packets)).toMatchObject({ text: 'Hello!' });
  expect(link.received).toEqual([
    // Both were stored together.
    ['ack 7', { ok: true, data: { offset: 6 } }],
    ['ack 0', { ok: true, data: { offset: 6 }, message_id: 'c' }],
  ]);
  expect(app.outcomes).toEqual(packets.map(() => ['stream_chunk', 'ok']));
  expect(dispatched).toEqual([]);
});

test('what is on its way is counted as work, until it is answered', async () => {
  const { send, id, app, connection } = await setUp({ isShort: true });
  const held = app.store.hold('write');
  const sent = send(chunk(id, 0, 'text', 1));
  await held.reached;
  let isIdle = false;
  const idle = app.lifecycle.whenIdle().then(() => (isIdle = true));
  await Promise.resolve();
  expect(isIdle).toBe(false);
  held.release();
  await Promise.all([sent, idle]);
  expect(connection.isOverloaded).toBe(false);
});

describe('both ways come to the same', () => {
  const id = 'id-2';
  const cases: readonly (readonly [name: string, ...packets: string[]])[] = [
    ['chunks in order', chunk(id, 0, 'a'), chunk(id, 1, 'b', 1)],
    ['a repeat', chunk(id, 0, 'ab', 1), chunk(id, 0, 'ab', 2), chunk(id, 1, 'b', 3)],
    ['a gap', chunk(id, 0, 'a'), chunk(id, 2, 'c', 1), chunk(id, 3, 'c')],
    ['other text at the same place', chunk(id, 0, 'a', 1), chunk(id, 0, 'b', 2)],
    ['an empty chunk', chunk(id, 0, '', 1)],
    ['half of a pair, and its mate', chunk(id, 0, '\ud83d', 1), chunk(id, 1, '\ude00', 2)],
    ['half of a pair, and no mate', chunk(id, 0, '\ud83d', 1), chunk(id, 1, 'x', 2)],
    ['half of a pair in the middle', chunk(id, 0, 'a\ud83db', 1)],
    ['a NUL', chunk(id, 0, 'a\0b', 1)],
    ['text above the longest of a stream', chunk(id, 0, 'x'.repeat(256 * 1024), 1), chunk(id, 256 * 1024, 'y', 2)],
    ['a stream that there is not', chunk('other', 0, 'a', 1), chunk('other', 0, 'a')],
    ['an unknown field', chunk(id, 0, 'a', 1, { extra: 1 })],
    ['a message_id', chunk(id, 0, 'a', 1, { message_id: 'm-1' })],
    ['a message_id that is none', chunk(id, 0, 'a', 1, { message_id: '' })],
    ['an offset below 0', chunk(id, -1, 'a', 1)],
    ['an offset that is no whole number', chunk(id, 0.5, 'a', 1)],
    ['an offset beyond all', chunk(id, 2 ** 60, 'a', 1)],
    ['two arguments', `21["stream_chunk",{"stream_id":"${id}","offset":0,"delta":"a"},{}]`],
    ['no argument', '21["stream_chunk"]'],
    ['an argument that is no object', '21["stream_chunk",null]', '22["stream_chunk","text"]', '2["stream_chunk",[]]'],
    ['no JSON', '21["stream_chunk",{]', '2["stream_chunk",', '2["stream_chunk",{}'],
    ['blanks', `21[ "stream_chunk" , {"stream_id":"${id}","offset":0,"delta":"a"} ] `],
    ['an ack beyond all numbers', `2${'9'.repeat(16)}["stream_chunk",{"stream_id":"${id}","offset":0,"delta":"a"}]`],
    ['a key twice', `21["stream_chunk",{"stream_id":"${id}","offset":9,"offset":0,"delta":"a"}]`],
    ['a prototype', `21["stream_chunk",{"__proto__":{},"stream_id":"${id}","offset":0,"delta":"a"}]`],
    ['another event', '21["stream_chunks",{}]', '22["ping",{}]'],
    [
      'the end, and a chunk after it',
      chunk(id, 0, 'a'),
      `21["stream_end",{"stream_id":"${id}","offset":1,"status":"complete"}]`,
      chunk(id, 1, 'b', 2),
      chunk(id, 0, 'a', 3),
    ],
  ];

  test.each(cases)('%s', async (_name, ...packets) => {
    const [short, long] = await Promise.all([true, false].map((isShort) => setUp({ isShort })));
    expect(short!.id).toBe(id);
    const [byShort, byLong] = await Promise.all([short, long].map((way) => way!.send(...packets)));
    expect(byShort).toEqual(byLong);
    expect(byShort!.outcomes).not.toEqual([]);
  });

  test.each([
    ['a token that has run out', (way: Awaited<ReturnType<typeof setUp>>) => way.app.clock.advance(2000)],
    ['a server that drains', async ({ app }: Awaited<ReturnType<typeof setUp>>) => app.lifecycle.startDraining()],
    [
      'a producer that lost the stream',
      async ({ app }: Awaited<ReturnType<typeof setUp>>) => {
        const request = { threadId: 't', messageId: 'm', role: 'assistant', metadata: {} } as const;
        await app.services.streams.start(app.connect(bot).connection, request);
      },
    ],
  ])('%s', async (_name, happens) => {
    const expiresAt = Date.parse('2026-01-15T09:30:01.000Z');
    const ways = await Promise.all([true, false].map((isShort) => setUp({ isShort, expiresAt })));
    const [byShort, byLong] = await Promise.all(
      ways.map(async (way) => {
        await happens(way);
        return way.send(chunk(id, 0, 'a', 1), chunk(id, 0, 'a'));
      }),
    );
    expect(byShort).toEqual(byLong);
    expect(byShort!.answers.at(-1)![0]).toBe('error');
  });
});

test('takes exactly what the schema takes, as the schema reads it', async () => {
  const app = new FakeApp();
  const { connection } = app.connect(bot);
  const taken: unknown[] = [];
  const streams = { take: (_producer: unknown, payload: unknown) => taken.push(payload) };
  const services = { ...app.services, streams } as unknown as typeof app.services;
  const intake = new TextIntake(services, app.lifecycle, connection);
  const json = fc.oneof(
    fc
      .tuple(
        fc.string({ unit: fc.constantFrom(...'a0_.:@- é"\\u\0\n\u001f\u007f\ud83d\ude00'.split('')) }),
        fc.boolean(),
      )
      .map(
        // As nobody writes it, and as everybody does.
        ([text, isRaw]) => (isRaw ? `"${text}"` : JSON.stringify(text)),
      ),
    fc.constantFrom(
      '0',
      '00',
      '-0',
      '7',
      '1e3',
      '1.0',
      '123456789012345',
      '1234567890123456',
      '99999999999999999999',
      'null',
    ),
  );
  const packets = fc
    .record({
      ack: fc.constantFrom('', '0', '17', '123456789012345', '1234567890123456'),
      fields: fc.shuffledSubarray(['stream_id', 'offset', 'delta', 'stream_id', 'message_id', 'other'], {
        minLength: 2,
      }),
      values: fc.record(
        { stream_id: json, offset: json, delta: json, message_id: json, other: json },
        { noNullPrototype: true },
      ),
      isPlain: fc.boolean(),
      end: fc.constantFrom('}]', '} ]', '}] ', '},1]', '}', ']'),
      plainText: fc.string(),
    })
    .map(({ ack, fields, values, isPlain, end, plainText }) => {
      const plain = {
        stream_id: '"s-1"',
        offset: '12',
        delta: JSON.stringify(plainText),
        message_id: '"m"',
        other: '1',
      };
      const read: Record<string, string> = isPlain ? { ...values, ...plain } : { ...plain, ...values };
      const names = isPlain ? ['stream_id', 'offset', 'delta'] : fields;
      return `2${ack}["stream_chunk",{${names.map((name) => `"${name}":${read[name]}`).join(',')}${end}`;
    });
  let count = 0;
  fc.assert(
    fc.property(packets, (packet) => {
      taken.length = 0;
      expect(intake.take(packet, packet.length)).toBe(taken.length === 1);
      const parsed = parseChunk(packet);
      expect(taken).toEqual(parsed ? [parsed] : []);
      count += taken.length;
    }),
    { numRuns: 3000 },
  );
  expect(count).toBeGreaterThan(200);
});

/** What the schema makes of a packet, if it is an event with one argument. */
function parseChunk(packet: string): unknown {
  const body = /^2\d{0,15}(\[.*\])$/s.exec(packet)?.[1];
  if (body === undefined) return undefined;
  try {
    const args = JSON.parse(body) as unknown[];
    return args.length === 2 ? clientEvents.stream_chunk.payload.safeParse(args[1]).data : undefined;
  } catch {
    return undefined;
  }
}

test('chunks that only asked the store for nothing slow their sender down', async () => {
  const { send, id, link } = await setUp({ isShort: true });
  await send(chunk(id, 0, 'a'));
  expect(link.refused).toBe(0);
  await send(chunk('other', 0, 'a'), chunk(id, 5, 'a'));
  expect(link.refused).toBe(2);
});

test('chunks that the server fails to store do not', async () => {
  const { app, send, id, link } = await setUp({ isShort: true });
  Object.assign(app.store, { write: () => Promise.reject(new TypeError('broken')) });
  await send(chunk(id, 0, 'a'), chunk(id, 1, 'b'));
  expect(app.outcomes).toEqual([
    ['stream_chunk', 'internal'],
    ['stream_chunk', 'internal'],
  ]);
  expect(link.refused).toBe(0);
});

test('nothing is taken of a connection that has closed', async () => {
  const { app, connection, id } = await setUp({ isShort: true });
  const intake = new TextIntake(app.services, app.lifecycle, connection);
  connection.isClosed = true;
  expect(intake.take(chunk(id, 0, 'a'), 10)).toBe(false);
});
