import { Decoder, PacketType } from 'socket.io-parser';
import type { Packet } from 'socket.io-parser';

/** Stands where an event's name would, for a packet that is not Socket.IO: no client can send a symbol. */
export const malformedPacket = Symbol('malformed packet');

/** Names whose use closes the connection, as Socket.IO has it. */
const reservedEvents = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

const frameBytes = new WeakMap<object, number>();

/** Size of the frames that carried an event, given the array of its name and arguments. */
export function bytesOf(event: object): number {
  return frameBytes.get(event) ?? 0;
}

/**
 * Socket.IO's decoder, but a packet that it cannot read does not end the connection: it goes on as an event named
 * {@link malformedPacket}, or as a CONNECT whose auth object is not valid.
 */
export class TolerantDecoder extends Decoder {
  #bytes = 0;

  constructor() {
    super();
    this.on('decoded', (packet: Packet) => {
      if (Array.isArray(packet.data)) frameBytes.set(packet.data, this.#bytes);
      this.#bytes = 0;
    });
  }

  override add(chunk: unknown): void {
    this.#bytes += typeof chunk === 'string' ? Buffer.byteLength(chunk) : Buffer.isBuffer(chunk) ? chunk.length : 0;
    try {
      super.add(chunk);
    } catch (error) {
      if (typeof chunk === 'string' && hasReservedName(chunk)) throw error;
      // Drops the half of a binary event that it was waiting to complete.
      this.destroy();
      const isConnect = typeof chunk === 'string' && chunk.startsWith('0');
      this.emitReserved('decoded', {
        type: isConnect ? PacketType.CONNECT : PacketType.EVENT,
        nsp: '/',
        data: isConnect ? { malformed: true } : [malformedPacket],
      });
    }
  }
}

function hasReservedName(chunk: string): boolean {
  const match = /^[25](?:\d+-)?(?:\/[^,]*,)?\d*(?=\[)/.exec(chunk);
  if (!match) return false;
  try {
    const [name] = JSON.parse(chunk.slice(match[0].length)) as unknown[];
    return typeof name === 'string' && reservedEvents.has(name);
  } catch {
    return false;
  }
}
