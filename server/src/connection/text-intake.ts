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
  readonly #services: Services;
  readonly #lifecycle: Lifecycle;
  readonly #connection: Connection;

  constructor(services: Services, lifecycle: Lifecycle, connection: Connection) {
    this.#services = services;
    this.#lifecycle = lifecycle;
    this.#connection = connection;
  }

  /** Takes a Socket.IO packet of so many `bytes`, if it is a chunk. */
  take(packet: string, bytes: number): boolean {
    const connection = this.#connection;
    if (connection.isClosed) return false;
    const read = readChunk(packet);
    if (!read) return false;
    const ack = read.ackId === undefined ? undefined : connection.ackOf(read.ackId);
    const chunk = new InboundChunk(this.#services, this.#lifecycle, connection, read.payload, bytes, ack);
    this.#lifecycle.workBegins();
    connection.requestBegins(bytes);
    try {
      admit(this.#services, this.#lifecycle, connection, { event, bytes });
      this.#services.streams.take(connection, read.payload, chunk);
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

const plainHead = '2["stream_chunk",';
const ackedHead = /^2(\d{1,15})\["stream_chunk",/;

function readChunk(packet: string): ReadChunk | undefined {
  let ackId: number | undefined;
  let { length } = plainHead;
  if (!packet.startsWith(plainHead)) {
    const match = ackedHead.exec(packet);
    if (!match) return undefined;
    ackId = Number(match[1]);
    ({ length } = match[0]);
  }
  if (!packet.endsWith(']')) return undefined;
  try {
    const parsed = clientEvents.stream_chunk.payload.safeParse(JSON.parse(packet.slice(length, -1)));
    return parsed.success ? { ackId, payload: parsed.data } : undefined;
  } catch {
    return undefined;
  }
}

/** A chunk that has arrived and is to be answered. */
class InboundChunk implements TextWaiter {
  readonly #services: Services;
  readonly #lifecycle: Lifecycle;
  readonly #connection: Connection;
  readonly #payload: ClientPayload<'stream_chunk'>;
  readonly #bytes: number;
  readonly #ack: Ack | undefined;

  constructor(
    services: Services,
    lifecycle: Lifecycle,
    connection: Connection,
    payload: ClientPayload<'stream_chunk'>,
    bytes: number,
    ack: Ack | undefined,
  ) {
    this.#services = services;
    this.#lifecycle = lifecycle;
    this.#connection = connection;
    this.#payload = payload;
    this.#bytes = bytes;
    this.#ack = ack;
  }

  stored(length: number): void {
    const ack = this.#ack;
    if (ack) {
      const { message_id } = this.#payload;
      const data = { offset: length };
      this.#connection.answer(() =>
        ack(message_id === undefined ? { ok: true, data } : { ok: true, data, message_id }),
      );
    }
    this.#answered('ok');
  }

  refused(thrown: unknown): void {
    const { code } = refuse(this.#services, this.#connection, thrown, { event, args: [this.#payload], ack: this.#ack });
    // Each asked the store, and cost its sender next to nothing.
    if (code !== 'rate_limited' && code !== 'unavailable') this.#connection.wasted();
    this.#answered(code);
  }

  #answered(outcome: 'ok' | ErrorCode): void {
    this.#services.metrics.answered(event, outcome);
    this.#connection.requestEnds(this.#bytes);
    this.#lifecycle.workEnds();
  }
}
