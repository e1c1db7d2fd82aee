import { clientEvents } from '@threadwire/protocol';
import type { ClientPayload, ErrorCode } from '@threadwire/protocol';
import type { Lifecycle } from '../lifecycle.ts';
import type { Services } from '../services.ts';
import type { TextWaiter } from '../streams/active-stream.ts';
import type { Connection } from './connection.ts';
import { admit, refuse } from './dispatch.ts';
import type { Ack } from './dispatch.ts';

/**
 * The short way of streamed text, which comes in small pieces, and in many: from the decoder straight to its stream, with
 * no event, promise or context for each. What is not wholly as a `stream_chunk` should be it leaves to the way of all
 * events, where it is refused.
 */
export class TextIntake {
  readonly services: Services;
  readonly lifecycle: Lifecycle;
  readonly connection: Connection;

  constructor(services: Services, lifecycle: Lifecycle, connection: Connection) {
    this.services = services;
    this.lifecycle = lifecycle;
    this.connection = connection;
  }

  /** Takes a Socket.IO packet of so many `bytes`, if it is a chunk. */
  take(packet: string, bytes: number): boolean {
    const { connection } = this;
    if (connection.isClosed) return false;
    const read = readChunk(packet);
    if (!read) return false;
    const { ackId, payload } = read;
    const ack = ackId === undefined ? undefined : connection.ackOf(ackId);
    const chunk = new InboundChunk(this, payload, bytes, ack);
    this.lifecycle.workBegins();
    connection.requestBegins(bytes);
    try {
      admit(this.services, this.lifecycle, connection, { event, bytes });
      this.services.streams.take(connection, payload, chunk);
    } catch (thrown) {
      chunk.refused(thrown);
    }
    return true;
  }
}

interface ReadChunk {
  readonly ackId: number | undefined;
  readonly payload: ClientPayload<'stream_chunk'>;
}

const event = 'stream_chunk';

/** What is this server's fault, not the sender's; and what {@link refuse} counts itself. */
const notWasted: ReadonlySet<ErrorCode> = new Set(['unavailable', 'overloaded', 'internal', 'rate_limited']);

/** A chunk as nearly all are written: its fields in this order, nothing escaped. What fits is right by the schema too. */
const usualChunk =
  /^2(\d{0,15})\["stream_chunk",\{"stream_id":"([\w.:@-]{1,64})","offset":(0|[1-9]\d{0,14}),"delta":"([^"\\\p{Cc}\p{Cs}]*)"\}\]$/u;
const chunkHead = /^2(\d{0,15})\["stream_chunk",/;

function readChunk(packet: string): ReadChunk | undefined {
  const usual = usualChunk.exec(packet);
  if (usual) {
    const [, ackId, stream_id, offset, delta] = usual as unknown as readonly [string, string, string, string, string];
    return { ackId: toAckId(ackId), payload: { stream_id, offset: Number(offset), delta } };
  }
  const head = chunkHead.exec(packet);
  if (!head || !packet.endsWith(']')) return undefined;
  try {
    const parsed = clientEvents.stream_chunk.payload.safeParse(JSON.parse(packet.slice(head[0].length, -1)));
    return parsed.success ? { ackId: toAckId(head[1]!), payload: parsed.data } : undefined;
  } catch {
    return undefined;
  }
}

function toAckId(digits: string): number | undefined {
  return digits === '' ? undefined : Number(digits);
}

/** A chunk that has arrived and is to be answered. */
class InboundChunk implements TextWaiter {
  readonly #intake: TextIntake;
  readonly #payload: ClientPayload<'stream_chunk'>;
  readonly #bytes: number;
  readonly #ack: Ack | undefined;

  constructor(intake: TextIntake, payload: ClientPayload<'stream_chunk'>, bytes: number, ack: Ack | undefined) {
    this.#intake = intake;
    this.#payload = payload;
    this.#bytes = bytes;
    this.#ack = ack;
  }

  stored(length: number): void {
    const ack = this.#ack;
    if (ack) {
      const { message_id } = this.#payload;
      const data = { offset: length };
      const answer = message_id === undefined ? { ok: true, data } : { ok: true, data, message_id };
      this.#intake.connection.answer(() => ack(answer));
    }
    this.#answered('ok');
  }

  refused(thrown: unknown): void {
    const { services, connection } = this.#intake;
    const { code } = refuse(services, connection, thrown, { event, args: [this.#payload], ack: this.#ack });
    // Each asked the store, and cost its sender next to nothing.
    if (!notWasted.has(code)) connection.wasted();
    this.#answered(code);
  }

  #answered(outcome: 'ok' | ErrorCode): void {
    const { services, connection, lifecycle } = this.#intake;
    services.metrics.answered(event, outcome);
    connection.requestEnds(this.#bytes);
    lifecycle.workEnds();
  }
}
