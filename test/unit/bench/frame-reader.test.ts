import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader } from '../../../bench/src/wire/frame-reader.ts';
import { MqttPacketReader, mqttPacket } from '../../../bench/src/wire/mqtt-packets.ts';
import { textFrame } from '../../../bench/src/wire/text-frame.ts';

/** Sizes around every change of the header, and some empty ones side by side. */
const sizes = [0, 1, 2, 5, 124, 125, 126, 127, 128, 600, 65_535, 65_536, 65_537, 200_000, 3, 0, 0, 700];
const payloads = sizes.map((size, i) => Buffer.alloc(size, String.fromCodePoint(97 + i)));

/** A text frame as a server sends it. */
function serverFrame(payload: Buffer, first = 0x81): Buffer {
  const size = payload.length;
  if (size < 126) return Buffer.concat([Buffer.from([first, size]), payload]);
  if (size < 65_536) return Buffer.concat([Buffer.from([first, 126, size >> 8, size & 0xff]), payload]);
  const header = Buffer.alloc(10);
  header[0] = first;
  header[1] = 127;
  header.writeBigUInt64BE(BigInt(size), 2);
  return Buffer.concat([header, payload]);
}

/** Hands out the bytes in chunks of these sizes, in turn, in one buffer that is overwritten each time, as the load does. */
function inChunks(bytes: Buffer, chunkSizes: readonly number[], read: (chunk: Buffer, length: number) => void): void {
  const shared = Buffer.alloc(Math.max(...chunkSizes));
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = Math.min(chunkSizes[i % chunkSizes.length]!, bytes.length - at);
    shared.fill(0xee, 0, Math.min(shared.length, 2000));
    bytes.copy(shared, 0, at, at + length);
    read(shared, length);
    at += length;
  }
}

/** What was in each frame, and `control` for those that are not data. */
function framesOf(bytes: Buffer, chunkSizes: readonly number[]): (Buffer | 'control')[] {
  const frames: (Buffer | 'control')[] = [];
  const reader = new FrameReader(
    (frame, start, end) => frames.push(Buffer.from(frame.subarray(start, end))),
    () => frames.push('control'),
  );
  inChunks(bytes, chunkSizes, (chunk, length) => reader.read(chunk, 0, length));
  return frames;
}

const chunkSizes = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 13, max: 3000 }),
    fc.integer({ min: 3001, max: 250_000 }),
  ),
  { minLength: 1, maxLength: 30 },
);
// A stream in chunks of a few bytes each takes a second.
const someLargeChunk = chunkSizes.map((chunks) => [...chunks, 50_000]);

describe("the reader of a server's frames", () => {
  const stream = Buffer.concat(payloads.map((payload) => serverFrame(payload)));

  it('finds every frame however TCP has cut the stream', () => {
    fc.assert(
      fc.property(someLargeChunk, (chunks) => {
        expect(framesOf(stream, chunks).map((frame) => frame.length)).toEqual(sizes);
        expect(framesOf(stream, chunks).every((frame, i) => payloads[i]!.equals(frame as Buffer))).toBe(true);
      }),
    );
  });

  it('finds every frame in chunks of one byte', () => {
    const small = Buffer.concat(payloads.slice(0, 10).map((payload) => serverFrame(payload)));
    expect(framesOf(small, [1])).toEqual(payloads.slice(0, 10));
  });

  it('hands out control frames apart', () => {
    const close = serverFrame(Buffer.from([3, 232]), 0x88);
    expect(framesOf(Buffer.concat([serverFrame(Buffer.from('a')), close]), [3])).toEqual([Buffer.from('a'), 'control']);
  });

  it('refuses what it would count wrong: fragments, extensions, masked frames', () => {
    expect(() => framesOf(serverFrame(Buffer.from('a'), 0x01), [100])).toThrow('fragment');
    expect(() => framesOf(serverFrame(Buffer.from('a'), 0xc1), [100])).toThrow('extension');
    expect(() => framesOf(textFrame('a'), [100])).toThrow('masked');
  });
});

describe("the reader of a broker's packets", () => {
  const stream = Buffer.concat(payloads.map((payload) => mqttPacket(0x30, payload)));

  it('finds every packet however TCP has cut the stream', () => {
    fc.assert(
      fc.property(someLargeChunk, (chunks) => {
        const found: Buffer[] = [];
        const reader = new MqttPacketReader((_type, bytes, start, end) => {
          found.push(Buffer.from(bytes.subarray(start, end)));
        });
        inChunks(stream, chunks, (chunk, length) => reader.read(chunk, length));
        expect(found.map((packet) => packet.length)).toEqual(sizes);
        expect(found.every((packet, i) => payloads[i]!.equals(packet))).toBe(true);
      }),
    );
  });
});
