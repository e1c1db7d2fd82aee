import { limits } from '@threadwire/protocol';
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
 * Socket.IO's decoder, but a packet that it cannot read, or that is out of place, does not end the connection: it goes on
 * as an event named {@link malformedPacket}, or as a CONNECT whose auth object is not valid.
 */
export class TolerantDecoder extends Decoder {
  /** Those that are open; until this is known Socket.IO judges what is out of place, and closes the connection. */
  namespaces: { has(namespace: string): boolean } | undefined;
  /** Takes what is streamed text, as soon as a connection is accepted. */
  textIntake: { take(packet: string, bytes: number): boolean } | undefined;
  #bytes = 0;
  #awaitsAttachments = false;
  #connects = 0;
  /** An event was decoded in this turn: Socket.IO passes it on some ticks later, and text must not overtake it. */
  #isEventOnItsWay = false;

  constructor() {
    super();
    this.on('decoded', onDecoded);
  }

  /** A packet is complete. */
  completed(packet: Packet): void {
    if (Array.isArray(packet.data)) {
      frameBytes.set(packet.data, this.#bytes);
      if (this.textIntake && !this.#isEventOnItsWay) {
        this.#isEventOnItsWay = true;
        setImmediate(onPassedOn, this);
      }
    }
    this.#bytes = 0;
    this.#awaitsAttachments = false;
  }

  override add(chunk: unknown): void {
    // Each is answered, wherever it leads to, and costs its sender nothing.
    if (typeof chunk === 'string' && /^0\/[^,]/.test(chunk) && ++this.#connects > maxConnects) throw misplaced;
    // The attachments of the last event did not come: that is no fault of this packet.
    if (typeof chunk === 'string' && this.#awaitsAttachments) this.#refuse(false);
    const bytes = typeof chunk === 'string' ? Buffer.byteLength(chunk) : Buffer.isBuffer(chunk) ? chunk.length : 0;
    if (typeof chunk === 'string' && !this.#isEventOnItsWay && this.textIntake?.take(chunk, bytes)) return;
    this.#bytes += bytes;
    try {
      if (typeof chunk === 'string') {
        this.#checkPlace(chunk);
        // Until it is decoded, which for a packet without attachments is at once.
        this.#awaitsAttachments = true;
      }
      // No event wants attachments: they are gathered only so that one refusal answers all of them.
      if (this.#bytes > limits.maxFrameBytes) throw misplaced;
      super.add(chunk);
    } catch (error) {
      if (typeof chunk === 'string' && hasReservedName(chunk)) throw error;
      this.#refuse(typeof chunk === 'string' && chunk.startsWith('0'));
    }
  }

  /** Refuses what Socket.IO would close the connection over, or pass on as an event without a name. */
  #checkPlace(chunk: string): void {
    const [head, type, namespace = '/', id] = /^([0-6])(?:\d{1,3}-)?(\/[^,]*)?,?(\d{0,16})/.exec(chunk) ?? [];
    // Socket.IO takes blanks for the type 0, and for digits of an id; and it answers ids that are no safe integers.
    if (head === undefined || type === undefined) throw misplaced;
    if (eventTypes.has(type) && (chunk[head.length] !== '[' || Number(id) > Number.MAX_SAFE_INTEGER)) throw misplaced;
    const isConnect = type === connectType;
    if (type === connectErrorType || (this.namespaces && this.namespaces.has(namespace) === isConnect)) throw misplaced;
    // The server asks clients for no acks. What else opens a namespace has its own rules.
    if (namespace === '/' && ackTypes.has(type)) throw misplaced;
  }

  /** What was decoded has been passed on. */
  passedOn(): void {
    this.#isEventOnItsWay = false;
  }

  #refuse(isConnect: boolean): void {
    // Drops the half of a binary event that it was waiting to complete.
    this.destroy();
    const isFirstConnect = isConnect && !this.namespaces?.has('/');
    this.emitReserved('decoded', {
      type: isFirstConnect ? PacketType.CONNECT : PacketType.EVENT,
      nsp: '/',
      data: isFirstConnect ? { malformed: true } : [malformedPacket],
    });
  }
}

function onPassedOn(decoder: TolerantDecoder): void {
  decoder.passedOn();
}

/** The same for all decoders: an idle one has nothing of its own for it. */
function onDecoded(this: TolerantDecoder, packet: Packet): void {
  this.completed(packet);
}

const misplaced = new Error('the packet is out of place');
const connectType = String(PacketType.CONNECT);
const connectErrorType = String(PacketType.CONNECT_ERROR);
const eventTypes = new Set([String(PacketType.EVENT), String(PacketType.BINARY_EVENT)]);
/** CONNECT packets of one transport connection to namespaces besides `/`: a client that sends more is closed. */
const maxConnects = 20;
const ackTypes = new Set([String(PacketType.ACK), String(PacketType.BINARY_ACK)]);

function hasReservedName(chunk: string): boolean {
  // A look at the name first: of a large packet that is no JSON the whole would be read in vain.
  const match = /^([25](?:\d+-)?(?:\/[^,]*,)?\d*)\[\s*("(?:[^"\\]|\\.){0,100}")/.exec(chunk);
  try {
    if (!match || !reservedEvents.has(JSON.parse(match[2]!) as string)) return false;
    return Array.isArray(JSON.parse(chunk.slice(match[1]!.length)));
  } catch {
    return false;
  }
}
