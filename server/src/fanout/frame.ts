/** Of the WebSocket protocol, RFC 6455 section 5.2: a final frame of this kind, unmasked as a server's are. */
const textFrame = 0x81;
const binaryFrame = 0x82;
/** What Engine.IO puts before the text of a message. */
const messageType = 0x34;
const maxShortBytes = 125;
const maxMediumBytes = 0xffff;

/** One message on its way to one or more connections: its text or bytes, and its place in a WebSocket frame. */
export class Frame {
  /** Its place among all that was sent in this process. */
  readonly order: number;
  /** What Socket.IO encoded: of text, without Engine.IO's type. */
  readonly data: string | Buffer;
  /** The size of the whole frame. */
  readonly bytes: number;
  /** Dropped rather than kept for a client that does not keep up. */
  readonly isVolatile: boolean;
  readonly #payloadBytes: number;
  /** Where it was written first: from there it is copied. */
  #written: Buffer | undefined;

  constructor(order: number, data: string | Buffer, isVolatile = false) {
    this.order = order;
    this.data = data;
    this.isVolatile = isVolatile;
    this.#payloadBytes = typeof data === 'string' ? Buffer.byteLength(data) + 1 : data.length;
    this.bytes = headerBytes(this.#payloadBytes) + this.#payloadBytes;
  }

  /** Writes the frame, and returns where it ends. */
  writeTo(target: Buffer, start: number): number {
    const end = start + this.bytes;
    if (this.#written) {
      target.set(this.#written, start);
      return end;
    }
    const { data } = this;
    const at = writeHeader(target, start, typeof data === 'string' ? textFrame : binaryFrame, this.#payloadBytes);
    if (typeof data === 'string') {
      target[at] = messageType;
      // Where no character needs more than a byte, the quicker way.
      if (this.#payloadBytes === data.length + 1) target.write(data, at + 1, 'latin1');
      else target.write(data, at + 1);
    } else {
      target.set(data, at);
    }
    this.#written = target.subarray(start, end);
    return end;
  }
}

/** The frames one after the other. */
export function joinFrames(frames: readonly Frame[]): Buffer {
  let bytes = 0;
  for (const frame of frames) bytes += frame.bytes;
  const joined = Buffer.allocUnsafe(bytes);
  let end = 0;
  for (const frame of frames) end = frame.writeTo(joined, end);
  return joined;
}

function headerBytes(payloadBytes: number): number {
  return payloadBytes <= maxShortBytes ? 2 : payloadBytes <= maxMediumBytes ? 4 : 10;
}

function writeHeader(target: Buffer, start: number, kind: number, payloadBytes: number): number {
  target[start] = kind;
  if (payloadBytes <= maxShortBytes) {
    target[start + 1] = payloadBytes;
  } else if (payloadBytes <= maxMediumBytes) {
    target[start + 1] = 126;
    target.writeUInt16BE(payloadBytes, start + 2);
  } else {
    target[start + 1] = 127;
    target.writeUInt32BE(0, start + 2);
    target.writeUInt32BE(payloadBytes, start + 6);
  }
  return start + headerBytes(payloadBytes);
}
