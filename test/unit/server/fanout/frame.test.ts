import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as ws from 'ws';
import { Frame, joinFrames } from '../../../../server/src/fanout/frame.ts';

interface FrameOptions {
  readonly fin: boolean;
  readonly mask: boolean;
  readonly opcode: number;
  readonly readOnly: boolean;
  readonly rsv1: boolean;
}
const { Sender } = ws as unknown as {
  readonly Sender: { frame(data: Buffer, options: FrameOptions): Buffer[] };
};

/** What `ws` sends where Engine.IO gives it this as a message. */
function framedByWs(data: string | Buffer): Buffer {
  const isText = typeof data === 'string';
  const payload = isText ? Buffer.from(`4${data}`) : data;
  return Buffer.concat(
    Sender.frame(payload, { fin: true, mask: false, opcode: isText ? 1 : 2, readOnly: false, rsv1: false }),
  );
}

function written(frame: Frame): Buffer {
  return joinFrames([frame]);
}

/** Of a payload of so many bytes, the first being Engine.IO's. */
const sizes = [1, 2, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 200_000];
/** So many bytes of UTF-8 that begin with such characters, and are filled up with ASCII ones. */
const alphabets = ['x', '\0', 'é', '€', '😀', '\ud800'];

function textOf(character: string, bytes: number): string {
  const text = character.repeat(bytes / Buffer.byteLength(character));
  return text + 'x'.repeat(bytes - Buffer.byteLength(text));
}

describe.each(sizes)('a frame with %i bytes', (size) => {
  test.each(alphabets)('of text that begins with %j is that of ws', (character) => {
    const text = textOf(character, size - 1);
    expect(Buffer.byteLength(text)).toBe(size - 1);
    const frame = new Frame(0, text);
    expect(written(frame).equals(framedByWs(text))).toBe(true);
    expect(frame.bytes).toBe(framedByWs(text).length);
  });

  test('of binary data is that of ws', () => {
    const data = Buffer.alloc(size, 'data');
    const frame = new Frame(0, data);
    expect(written(frame).equals(framedByWs(data))).toBe(true);
    expect(frame.bytes).toBe(framedByWs(data).length);
  });
});

test.each(['', Buffer.alloc(0)])('a message without content, %j, has its frame, too', (data) => {
  expect(written(new Frame(0, data))).toEqual(framedByWs(data));
});

describe('a frame that is written again', () => {
  test.each(['text', '€uro', Buffer.from('bytes')])('is the same: %j', (data) => {
    const frame = new Frame(0, data);
    const first = written(frame);
    expect(written(frame)).toEqual(first);
    const target = Buffer.alloc(40, 0xff);
    expect(frame.writeTo(target, 7)).toBe(7 + first.length);
    expect(target.subarray(7, 7 + first.length)).toEqual(first);
    expect([...target.subarray(0, 7), ...target.subarray(7 + first.length)]).toEqual(
      Array(40 - first.length).fill(0xff),
    );
  });
});

test('frames are joined without a gap, in the order given, whichever of them were written before', () => {
  const data = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(data), fc.infiniteStream(fc.boolean()), (messages, isWrittenBefore) => {
      const frames = messages.map((message, order) => new Frame(order, message));
      for (const frame of frames) if (isWrittenBefore.next().value) written(frame);
      expect(joinFrames(frames)).toEqual(Buffer.concat(messages.map(framedByWs)));
    }),
  );
});

test('no frames are no bytes', () => {
  expect(joinFrames([])).toHaveLength(0);
});

test('a frame knows what it was made with', () => {
  expect(new Frame(3, 'text')).toMatchObject({ order: 3, data: 'text', isVolatile: false });
  expect(new Frame(4, 'text', true)).toMatchObject({ order: 4, isVolatile: true });
});
