import { setTimeout as delay } from 'node:timers/promises';
import type { Rooms } from './fanout/rooms.ts';
import type { Lifecycle } from './lifecycle.ts';

export interface DrainOptions {
  readonly rooms: Rooms;
  readonly lifecycle: Lifecycle;
  readonly timeoutMs: number;
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
}

/** Clients are told to come back within this time, each at a moment of its own. */
const reconnectSpreadMs = 5000;
/** Transports are closed in so many batches, spread over a part of the time that is left. */
const batches = 10;
const longestClosingMs = 3000;

/** Answers what was begun, tells every client when to reconnect, and closes the transports in jittered batches. */
export async function drainConnections({ rooms, lifecycle, timeoutMs, random }: DrainOptions): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (const connection of rooms.connections.values()) {
    connection.emit('system_status', {
      status: 'draining',
      message: 'The server is about to stop.',
      retry_after_ms: Math.floor(random() * reconnectSpreadMs),
    });
  }
  // A part of the time is kept for closing.
  const giveUp = new AbortController();
  await Promise.race([lifecycle.whenIdle(), delay(timeoutMs / 2, undefined, { signal: giveUp.signal })]);
  giveUp.abort();

  const leaving = [...rooms.connections.values()].map((connection) => ({ connection, order: random() }));
  leaving.sort((a, b) => a.order - b.order);
  const closingMs = Math.min(longestClosingMs, Math.max(0, (deadline - performance.now()) / 2), leaving.length * 5);
  const size = Math.ceil(leaving.length / batches);
  for (let i = 0; i < leaving.length; i += size) {
    for (const { connection } of leaving.slice(i, i + size)) connection.closeTransport();
    await delay((closingMs / batches) * 2 * random());
  }
}
