import type { ServerPayload } from '@threadwire/protocol';
import type { Connection } from '../connection/connection.ts';
import type { Rooms } from '../fanout/rooms.ts';
import type { ActiveStream } from './active-stream.ts';

export interface CatchUpPorts {
  readonly rooms: Pick<Rooms, 'onTextSkipped' | 'isMember' | 'isBacklogged' | 'settle' | 'makeUp'>;
  /** The streams whose text is known here. */
  readonly streams: ReadonlyMap<string, ActiveStream>;
  /** Calls back after `delayMs`; injected by tests. */
  readonly schedule: (callback: () => void, delayMs: number) => void;
}

/** How often it is looked whether somebody has caught up. */
const roundMs = 50;
/** Text goes in pieces of so many UTF-16 units, and so much of it at a time. */
const maxPiece = 64 * 1024;
const maxAtOnce = 256 * 1024;

/** Of each stream, up to where a connection was sent its text. */
type Behind = Map<string, { offset: number }>;

/**
 * Sends connections that did not keep up the text which they were left out of: when they have read what they were sent,
 * or when the stream ends, whichever comes first.
 */
export class CatchUp {
  readonly #ports: CatchUpPorts;
  readonly #behind = new Map<Connection, Behind>();
  #isScheduled = false;

  constructor(ports: CatchUpPorts) {
    this.#ports = ports;
    ports.rooms.onTextSkipped((connection, payload) => this.#skipped(connection, payload));
  }

  /** A stream is about to end: before its end, everybody is sent its text. */
  finish(stream: ActiveStream): void {
    this.#ports.rooms.settle(stream.threadId);
    for (const [connection, behind] of this.#behind) {
      const place = behind.get(stream.id);
      if (!place) continue;
      behind.delete(stream.id);
      if (this.#isIn(connection, stream)) sendText(connection, stream, place, Number.POSITIVE_INFINITY);
    }
  }

  #skipped(connection: Connection, { stream_id: id, offset }: ServerPayload<'stream_chunk'>): void {
    let behind = this.#behind.get(connection);
    if (!behind) {
      behind = new Map();
      this.#behind.set(connection, behind);
    }
    if (!behind.has(id)) behind.set(id, { offset });
    this.#scheduleRound();
  }

  #scheduleRound(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#ports.schedule(() => {
      this.#isScheduled = false;
      for (const [connection, behind] of this.#behind) this.#look(connection, behind);
      if (this.#behind.size > 0) this.#scheduleRound();
    }, roundMs);
  }

  #look(connection: Connection, behind: Behind): void {
    const { rooms } = this.#ports;
    if (connection.isClosed) this.#behind.delete(connection);
    else if (!rooms.isBacklogged(connection)) rooms.makeUp(connection, () => this.#send(connection, behind));
  }

  /** Sends what a connection lacks, but not too much at a time; true if that was all. */
  #send(connection: Connection, behind: Behind): boolean {
    let left = maxAtOnce;
    for (const [id, place] of behind) {
      const stream = this.#ports.streams.get(id);
      if (stream && this.#isIn(connection, stream)) {
        left -= sendText(connection, stream, place, left);
        if (left <= 0) return false;
      }
      behind.delete(id);
    }
    this.#behind.delete(connection);
    return true;
  }

  /** Who has left the thread meanwhile gets nothing more of it, and who is joining it again nothing before his answer. */
  #isIn(connection: Connection, { threadId }: ActiveStream): boolean {
    return this.#ports.rooms.isMember(threadId, connection);
  }
}

/** Sends text from this place on, and moves it; returns how much was sent. */
function sendText(connection: Connection, stream: ActiveStream, place: { offset: number }, max: number): number {
  const from = place.offset;
  while (place.offset < stream.announcedLength && place.offset - from < max) {
    const { offset } = place;
    const delta = wholePairs(stream.text.slice(offset, Math.min(offset + maxPiece, stream.announcedLength)));
    const payload = { thread_id: stream.threadId, stream_id: stream.id, offset, delta };
    connection.emit('stream_chunk', payload);
    place.offset += delta.length;
  }
  return place.offset - from;
}

/** The text without the half of a surrogate pair at its end. */
function wholePairs(text: string): string {
  return (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800 ? text.slice(0, -1) : text;
}
