import { describe, expect, test } from '@jest/globals';
import { PacketType } from 'socket.io-parser';
import type { Packet } from 'socket.io-parser';
import { TolerantDecoder, bytesOf, malformedPacket } from '../../../server/src/connection/decoder.ts';

/** Feeds frames to one decoder, and gives what it made of them. */
function decode(...frames: readonly (string | Buffer)[]): Packet[] {
  return decodeWith(undefined, ...frames);
}

/** The same, where it is known which namespaces are open. */
function decodeWith(open: readonly string[] | undefined, ...frames: readonly (string | Buffer)[]): Packet[] {
  const decoder = new TolerantDecoder();
  if (open) decoder.namespaces = new Set(open);
  const packets: Packet[] = [];
  decoder.on('decoded', (packet: Packet) => packets.push(packet));
  for (const frame of frames) decoder.add(frame);
  return packets;
}

const malformed = { type: PacketType.EVENT, nsp: '/', data: [malformedPacket] };
const ping = { type: PacketType.EVENT, nsp: '/', data: ['ping', {}] };
const halfBinary = '51-["ping",{"_placeholder":true,"num":0}]';

describe('packets that are right', () => {
  test.each([
    ['an event', '2["ping",{}]', ping],
    ['an event with an ack', '27["ping",{}]', { ...ping, id: 7 }],
    ['an event whose name is a number', '2[7,{}]', { ...ping, data: [7, {}] }],
    ['an event without a payload', '2["ping"]', { ...ping, data: ['ping'] }],
    ['an event of another namespace', '2/admin,["ping",{}]', { ...ping, nsp: '/admin' }],
    ['a CONNECT', '0{"token":"a"}', { type: PacketType.CONNECT, nsp: '/', data: { token: 'a' } }],
    ['a CONNECT without auth', '0', { type: PacketType.CONNECT, nsp: '/' }],
    ['a DISCONNECT', '1', { type: PacketType.DISCONNECT, nsp: '/' }],
    [
      'an answer, in another namespace',
      '3/admin,0["yes"]',
      { type: PacketType.ACK, nsp: '/admin', id: 0, data: ['yes'] },
    ],
  ])('%s', (_name, frame, packet) => {
    expect(decode(frame)).toEqual([packet]);
  });

  test('an event with bytes in it', () => {
    const bytes = Buffer.from([1, 2, 3]);
    expect(decode(halfBinary, bytes)).toMatchObject([{ type: PacketType.EVENT, data: ['ping', bytes] }]);
  });
});

describe('a packet that cannot be read is one malformed event', () => {
  test.each([
    ['nothing', ''],
    ['an unknown type', '9["ping",{}]'],
    ['no type', '["ping",{}]'],
    ['text', 'hello'],
    ['an event that is not JSON', '2["ping",'],
    ['an event that is no array', '2{"ping":1}'],
    ['an event without a name', '2[]'],
    ['an event whose name is null', '2[null,{}]'],
    ['an event whose name is an object', '2[{},{}]'],
    ['an event whose name is an array', '2[["ping"],{}]'],
    ['an event of which there is only the type', '2'],
    ['an event of which there is only the type and an ack', '27'],
    ['an answer, which nobody asked for', '30["yes"]'],
    ['an answer that is no array', '3/admin,0{}'],
    ['blanks', ' '],
    ['a DISCONNECT that says something', '1{}'],
    ['a refused CONNECT, which only the server may send', '4{"message":"no"}'],
    ['bytes that no event has announced', Buffer.from('hello')],
    ['no bytes at all', Buffer.alloc(0)],
    ['a binary event without a count', '5["ping",{}]'],
    ['a binary event with a count of 0', '50-["ping",{}]'],
    ['a binary event with a negative count', '5-1-["ping",{}]'],
    ['a binary event with too many attachments', '511-["ping",{}]'],
    ['an event of another namespace that is not JSON', '2/admin,["ping"'],
    ['nesting without end', `2["ping",${'['.repeat(500_000)}`],
  ])('%s', (_name, frame) => {
    expect(decode(frame, '2["ping",{}]')).toEqual([malformed, ping]);
  });

  test('a binary event whose place for the bytes does not exist', () => {
    const frame = '51-["ping",{"_placeholder":true,"num":5}]';
    expect(decode(frame, Buffer.from('a'), '2["ping",{}]')).toEqual([malformed, ping]);
  });

  test('a binary event whose bytes do not come, but not the event that comes instead', () => {
    expect(decode(halfBinary, '2["ping",{}]')).toEqual([malformed, ping]);
    expect(decode(halfBinary, halfBinary, '2["ping"', '2["ping",{}]')).toEqual([malformed, malformed, malformed, ping]);
  });

  test('bytes beyond those that were announced', () => {
    expect(decode(halfBinary, Buffer.from('a'), Buffer.from('b'), '2["ping",{}]').slice(1)).toEqual([malformed, ping]);
  });

  test('deep nesting around the place for the bytes', () => {
    const levels = 100_000;
    const frame = `51-["ping",${'['.repeat(levels)}{"_placeholder":true,"num":0}${']'.repeat(levels)}]`;
    expect(decode(frame, Buffer.from('a'), '2["ping",{}]')).toEqual([malformed, ping]);
  });
});

test('deep nesting that is valid JSON is an event like any other', () => {
  const levels = 100_000;
  const [packet] = decode(`2["ping",${'['.repeat(levels)}${']'.repeat(levels)}]`);
  expect((packet!.data as unknown[])[0]).toBe('ping');
});

describe('where it is known which namespaces are open', () => {
  const connect = { type: PacketType.CONNECT, nsp: '/', data: { token: 'a' } };

  test('what is for an open one passes', () => {
    expect(decodeWith(['/'], '2["ping",{}]', '1')).toEqual([ping, { type: PacketType.DISCONNECT, nsp: '/' }]);
    expect(decodeWith([], '0{"token":"a"}')).toEqual([connect]);
    expect(decodeWith(['/'], '0/admin,{"token":"a"}')).toEqual([{ ...connect, nsp: '/admin' }]);
  });

  test.each([
    ['an event for one that is not', ['/'], '2/admin,["ping",{}]'],
    ['an event before the CONNECT', [], '2["ping",{}]'],
    ['a DISCONNECT for one that is not', ['/'], '1/admin,'],
    ['a second CONNECT', ['/'], '0{"token":"a"}'],
    ['a second CONNECT that cannot be read', ['/'], '0{"token":'],
  ])('%s is malformed', (_name, open, frame) => {
    expect(decodeWith(open, frame)).toEqual([malformed]);
  });
});

describe('a CONNECT that cannot be read is one with an auth object that is not valid', () => {
  test.each(['0{', '0"token"', '0[]', '0null', '0{"token":', '0/,{'])('%s', (frame) => {
    expect(decode(frame)).toEqual([{ type: PacketType.CONNECT, nsp: '/', data: { malformed: true } }]);
  });
});

describe('a reserved name ends the connection', () => {
  const reserved = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'];
  test.each(
    reserved.flatMap((name) => [
      `2["${name}",{}]`,
      `27["${name}"]`,
      `2/admin,["${name}",{}]`,
      `2/admin,7["${name}",{}]`,
      `51-["${name}",{"_placeholder":true,"num":0}]`,
    ]),
  )('%s', (frame) => {
    expect(() => decode(frame)).toThrow('invalid payload');
  });

  test.each(['2["connect"', '2["Connect",{}]', '2[["connect"],{}]', '0["connect"]', '2{"connect":1}'])(
    'but %s has none',
    (frame) => {
      expect(() => decode(frame)).not.toThrow();
    },
  );
});

describe('the size of an event', () => {
  const sizes = (...frames: readonly (string | Buffer)[]): number[] =>
    decode(...frames).map(({ data }) => bytesOf(data as object));

  test('is that of its frame, in bytes', () => {
    const frame = '2["ping",{"text":"é€😀"}]';
    expect(sizes(frame, '2["ping",{}]')).toEqual([Buffer.byteLength(frame), 12]);
  });

  test('counts all frames of a binary event', () => {
    expect(sizes(halfBinary, Buffer.alloc(1000), '2["ping",{}]')).toEqual([halfBinary.length + 1000, 12]);
  });

  test('of a malformed one counts what was dropped with it', () => {
    expect(sizes('2["ping"', '2["ping",{}]')).toEqual([8, 12]);
    expect(sizes(halfBinary, '2["ping",{}]')).toEqual([halfBinary.length, 12]);
  });

  test('is not added to the next one by packets that are no events', () => {
    expect(
      decode('0{"token":"a"}', '1', '2["ping",{}]')
        .slice(2)
        .map(({ data }) => bytesOf(data as object)),
    ).toEqual([12]);
  });

  test('of what did not come in a frame is 0', () => {
    expect(bytesOf(['ping'])).toBe(0);
  });
});

test('text does not overtake an event that came before it', async () => {
  const decoder = new TolerantDecoder();
  const taken: string[] = [];
  decoder.textIntake = { take: (packet) => packet.includes('stream_chunk') && taken.push(packet) > 0 };
  const passedOn: unknown[] = [];
  decoder.on('decoded', ({ data }: Packet) => passedOn.push((data as unknown[])[0]));
  const chunk = '2["stream_chunk",{"stream_id":"s","offset":0,"delta":"a"}]';
  decoder.add(chunk);
  expect(taken).toHaveLength(1);
  for (const frame of ['2["stream_end",{}]', chunk, chunk]) decoder.add(frame);
  expect(passedOn).toEqual(['stream_end', 'stream_chunk', 'stream_chunk']);
  // Once those have been passed on it goes the short way again.
  await new Promise((resolve) => setImmediate(resolve));
  decoder.add(chunk);
  expect([taken.length, passedOn.length]).toEqual([2, 3]);
});
