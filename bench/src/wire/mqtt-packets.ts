/** A packet: its first byte, and where its body lies. The bytes are only lent. */
export type OnPacket = (type: number, bytes: Buffer, start: number, end: number) => void;

/** Finds the packets of MQTT 3.1.1 in what a broker sends, however TCP cut it. */
export class MqttPacketReader {
  readonly #onPacket: OnPacket;
  #held = Buffer.alloc(0);

  constructor(onPacket: OnPacket) {
    this.#onPacket = onPacket;
  }

  read(chunk: Buffer, length: number): void {
    const bytes = this.#held.length > 0 ? Buffer.concat([this.#held, chunk.subarray(0, length)]) : chunk;
    const end = this.#held.length + length;
    let at = 0;
    for (let next = this.#next(bytes, at, end); next > 0; next = this.#next(bytes, at, end)) at = next;
    // A copy, and at most one packet.
    this.#held = Buffer.from(bytes.subarray(at, end));
  }

  /** Hands out the packet at `at`; returns where the next one begins, or 0 where not all of it is there. */
  #next(bytes: Buffer, at: number, end: number): number {
    let size = 0;
    let body = at + 1;
    for (let shift = 0; ; shift += 7) {
      if (body >= end) return 0;
      const byte = bytes[body++]!;
      size += (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    if (body + size > end) return 0;
    this.#onPacket(bytes[at]!, bytes, body, body + size);
    return body + size;
  }
}

/** A packet of these parts; strings go with their length before them. */
export function mqttPacket(type: number, ...parts: readonly (string | readonly number[] | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map(toBytes));
  const size: number[] = [];
  let left = body.length;
  do {
    size.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  return Buffer.concat([Buffer.from([type, ...size]), body]);
}

function toBytes(part: string | readonly number[] | Buffer): Buffer {
  if (typeof part !== 'string') return Buffer.from(part);
  const text = Buffer.from(part);
  return Buffer.concat([Buffer.from([text.length >> 8, text.length & 0xff]), text]);
}
