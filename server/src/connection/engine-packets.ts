import type { Server as EngineServer } from 'engine.io';
import type { Packet, RawData } from 'engine.io-parser';

/** What an Engine.IO transport parses with. */
interface Parser {
  decodePacket(data: RawData, binaryType?: string): Packet;
  decodePayload(data: string, binaryType?: string): Packet[];
}

interface Transport {
  parser: Parser;
}

const separator = '\u001E';
/** Packets of one polling request; what has more is not a Socket.IO client's. */
const maxPackets = 2000;

/**
 * Engine.IO closes a connection over a packet that it cannot read, and over a ping, which only servers send. Here these
 * go on to Socket.IO's decoder, as packets that it cannot read, and are answered by it.
 */
export function tolerateEnginePackets(engine: EngineServer): void {
  engine.on(
    'connection',
    (socket: { transport: Transport; on(event: 'upgrade', listener: (to: Transport) => void): void }) => {
      tolerate(socket.transport);
      // Not before: the probe of an upgrade is a ping.
      socket.on('upgrade', tolerate);
    },
  );
}

const unreadable: Packet = { type: 'error', data: 'parser error' };

const tolerant = new WeakMap<Parser, Parser>();

function tolerate(transport: Transport): void {
  const { parser } = transport;
  // One for all connections: it holds nothing of them.
  let made = tolerant.get(parser);
  if (!made) tolerant.set(parser, (made = tolerantly(parser)));
  transport.parser = made;
}

function tolerantly(parser: Parser): Parser {
  const decodePacket = (data: RawData, binaryType?: string): Packet => {
    const packet = parser.decodePacket(data, binaryType);
    return packet.type === 'error' || packet.type === 'ping' ? { type: 'message' } : packet;
  };
  return {
    ...parser,
    decodePacket,
    decodePayload: (data, binaryType) => {
      const parts = data.split(separator, maxPackets + 1);
      // Engine.IO closes the connection over this one.
      if (parts.length > maxPackets) return [unreadable];
      return parts.map((part) => decodePacket(parts.length > 1 ? copyOf(part) : part, binaryType));
    },
  };
}

/** A piece of a string is a view of the whole: whoever kept a word of one packet would keep all of the request. */
function copyOf(part: string): string {
  return Buffer.from(part).toString();
}
