/**
 * The payload of a frame: `bytes[start]` to `bytes[end - 1]`. The bytes are only lent: the next chunk overwrites them.
 */
export type OnFrame = (bytes: Buffer, start: number, end: number) => void;

const textFrame = 0x81;
const binaryFrame = 0x82;
const largestHeaderBytes = 10;

/**
 * Finds the frames in what a WebSocket server sends, however TCP cut it: walks from header to header, and copies only a
 * frame that is split between chunks. Knows no extensions and no fragments: no server here uses them, and counting would
 * be wrong, so they are errors.
 */
export class FrameReader {
  readonly #onFrame: OnFrame;
  readonly #onControl: OnFrame;
  /** The beginning of a frame whose end has not come. */
  #held = Buffer.alloc(0);
  #heldBytes = 0;

  /** Of a control frame (close, ping, pong) the whole frame is handed out, header and all. */
  constructor(onFrame: OnFrame, onControl: OnFrame) {
    this.#onFrame = onFrame;
    this.#onControl = onControl;
  }

  /** Takes the first `length` bytes of a chunk, from `from` on. */
  read(chunk: Buffer, from: number, length: number): void {
    let at = from;
    if (this.#heldBytes > 0) at = this.#complete(chunk, from, length);
    while (at < length) {
      const size = frameSize(chunk, at, length);
      if (size === 0 || at + size > length) {
        this.#hold(chunk, at, length, size);
        return;
      }
      this.#emit(chunk, at, at + size);
      at += size;
    }
  }

  #emit(bytes: Buffer, start: number, end: number): void {
    const first = bytes[start]!;
    if (first === textFrame || first === binaryFrame) this.#onFrame(bytes, start + headerSize(bytes[start + 1]!), end);
    else if (first >= 0x88 && first <= 0x8a) this.#onControl(bytes, start, end);
    else
      throw new Error(`a frame begins with the byte 0x${first.toString(16)}: it is a fragment, or uses an extension`);
  }

  #hold(chunk: Buffer, from: number, to: number, size: number): void {
    this.#reserve(size);
    chunk.copy(this.#held, this.#heldBytes, from, to);
    this.#heldBytes += to - from;
  }

  #reserve(size: number): void {
    if (this.#held.length >= Math.max(size, largestHeaderBytes)) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(size, 4096));
    this.#held.copy(larger, 0, 0, this.#heldBytes);
    this.#held = larger;
  }

  /** Adds to what is held until it is a frame; returns where the chunk goes on. */
  #complete(chunk: Buffer, from: number, length: number): number {
    let at = from;
    let size = frameSize(this.#held, 0, this.#heldBytes);
    while (size === 0 && at < length) {
      this.#hold(chunk, at, at + 1, 0);
      at += 1;
      size = frameSize(this.#held, 0, this.#heldBytes);
    }
    if (size === 0) return length;
    const end = Math.min(length, at + size - this.#heldBytes);
    this.#hold(chunk, at, end, size);
    if (this.#heldBytes < size) return length;
    this.#heldBytes = 0;
    this.#emit(this.#held, 0, size);
    return end;
  }
}

/** The bytes of a header whose second byte this is; what a server sends is not masked. */
function headerSize(second: number): number {
  if (second < 126) return 2;
  return second === 126 ? 4 : 10;
}

/** The bytes of the frame at `at`, header and payload; 0 where not all of its header is there. */
function frameSize(bytes: Buffer, at: number, length: number): number {
  if (length - at < 2) return 0;
  const second = bytes[at + 1]!;
  if (second < 126) return 2 + second;
  if (second > 127) throw new Error('a server sent a masked frame');
  if (length - at < headerSize(second)) return 0;
  if (second === 126) return 4 + bytes.readUInt16BE(at + 2);
  return 10 + bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
}
