/** Any key but zeros, which a server may take as leave to skip unmasking. */
const mask = [0x5a, 0x13, 0xc7, 0x2e] as const;

/** A text frame as a client sends it, masked, ready for the socket. */
export function textFrame(text: string): Buffer {
  const payloadBytes = Buffer.byteLength(text);
  if (payloadBytes > 0xffff) throw new Error(`a frame of ${payloadBytes} bytes is longer than a client here sends`);
  const headerBytes = payloadBytes < 126 ? 6 : 8;
  const frame = Buffer.allocUnsafe(headerBytes + payloadBytes);
  frame[0] = 0x81;
  if (payloadBytes < 126) {
    frame[1] = 0x80 | payloadBytes;
  } else {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(payloadBytes, 2);
  }
  frame.set(mask, headerBytes - 4);
  frame.write(text, headerBytes);
  for (let i = 0; i < payloadBytes; i++) frame[headerBytes + i]! ^= mask[i & 3]!;
  return frame;
}
