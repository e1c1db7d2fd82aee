import { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import type { Server as EngineServer } from 'engine.io';
import { controlFlow, flowOf } from '../../../server/src/connection/flow.ts';
import { Frame } from '../../../server/src/fanout/frame.ts';
import { attachOutboxes, outboxOf } from '../../../server/src/fanout/outbox.ts';
import { Turn } from '../../../server/src/fanout/turn.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const mib = 1024 * 1024;
/** What comes to a large message in its frame. */
const overheadBytes = 11;

/** A WebSocket that takes nothing until it is told to, and notes what was done to it. */
class StuckWebSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly readyState = 1;
  bufferedAmount = 0;
  readonly line = Object.assign(new EventEmitter(), { writableNeedDrain: true });
  readonly _sender = {
    _socket: this.line,
    sendFrame: ([bytes]: [Buffer]) => {
      this.bufferedAmount += bytes.length;
    },
  };
  readonly done: string[] = [];
  pause = () => this.done.push('pause');
  resume = () => this.done.push('resume');
  terminate = () => this.done.push('terminate');
  pong = (data: Buffer) => this.done.push(`pong ${data.toString()}`);
}

function setUp({ ratePerSecond = 0 } = {}) {
  const clock = new ManualClock();
  const webSocket = new StuckWebSocket();
  const transport = Object.assign(new EventEmitter(), { socket: webSocket, supportsBinary: true });
  const conn = Object.assign(new EventEmitter(), { readyState: 'open', transport, writeBuffer: [] });
  const engine = new EventEmitter();
  const turn = new Turn();
  attachOutboxes(engine as EngineServer, turn);
  controlFlow(engine as EngineServer, {
    ratePerSecond,
    now: clock.now,
    schedule: clock.schedule,
    traffic: turn.traffic,
  });
  engine.emit('connection', conn);
  const flow = flowOf(conn);
  let slow = 0;
  flow.onSlow = () => (slow += 1);
  return {
    clock,
    webSocket,
    transport,
    conn,
    flow,
    /** The server sends about this many bytes. */
    send: (bytes: number) => {
      (conn as unknown as { write(data: string): void }).write('x'.repeat(Math.max(0, bytes - overheadBytes)));
    },
    /** The WebSocket gets it all. */
    endTurn: () => turn.end(),
    /** Everything leaves. */
    drain: () => {
      turn.end();
      webSocket.bufferedAmount = 0;
      webSocket.line.emit('drain');
    },
    get slow() {
      return slow;
    },
  };
}

describe('a client that does not take what it is sent', () => {
  test('is slow when it is owed more than 1 MiB of events', () => {
    const line = setUp();
    line.send(mib);
    expect(line.slow).toBe(0);
    line.send(1);
    expect(line.slow).toBe(1);
  });

  test('is owed what the WebSocket holds, too', () => {
    const line = setUp();
    line.send(mib);
    line.endTurn();
    expect(line.slow).toBe(0);
    line.send(1);
    expect(line.slow).toBe(1);
  });

  test('is slow when its rooms are what it is owed', () => {
    const line = setUp();
    outboxOf(line.conn).deal([new Frame(0, 'x'.repeat(mib))]);
    expect(line.slow).toBe(0);
    line.endTurn();
    expect(line.slow).toBe(1);
  });

  test('is not slow for its answers, and is not read until they have left', () => {
    const line = setUp();
    line.flow.answer(() => line.send(3 * mib));
    line.send(mib);
    expect(line.slow).toBe(0);
    expect(line.webSocket.done).toEqual(['pause']);
    line.send(1);
    expect(line.slow).toBe(1);
    line.drain();
    expect(line.webSocket.done).toEqual(['pause', 'resume']);
    const { slow } = line;
    line.send(mib + 1);
    expect(line.slow).toBe(slow + 1);
  });

  test('gets no further large answer until the last one has left, or it is gone', async () => {
    const line = setUp();
    await line.flow.delivered();
    line.send(100 * 1024);
    const order: string[] = [];
    const delivered = line.flow.delivered().then(() => order.push('delivered'));
    await Promise.resolve();
    order.push('drain');
    line.drain();
    await delivered;
    expect(order).toEqual(['drain', 'delivered']);

    line.send(100 * 1024);
    const given = line.flow.delivered();
    line.conn.emit('close');
    await given;
    await line.flow.delivered();
  });

  test('is cut off at once', () => {
    const line = setUp();
    line.flow.cut();
    expect(line.webSocket.done).toEqual(['terminate']);
  });
});

describe('reading', () => {
  test('goes on when no reason against it is left', () => {
    const { flow, webSocket } = setUp();
    flow.hold('unanswered', true);
    flow.hold('undelivered', true);
    flow.hold('unanswered', false);
    expect(webSocket.done).toEqual(['pause']);
    flow.hold('undelivered', false);
    flow.hold('undelivered', false);
    expect(webSocket.done).toEqual(['pause', 'resume']);
  });

  test('of what leads to nothing waits as soon as it is more than twenty seconds of events', async () => {
    const { flow, webSocket, clock } = setUp({ ratePerSecond: 50 });
    for (let i = 0; i < 1000; i += 1) flow.wasted();
    expect(webSocket.done).toEqual([]);
    for (let i = 0; i < 50; i += 1) flow.wasted();
    expect(webSocket.done).toEqual(['pause']);
    await clock.advance(999);
    expect(webSocket.done.at(-1)).toBe('pause');
    await clock.advance(1);
    expect(webSocket.done.at(-1)).toBe('resume');
  });

  test('counts pings, pongs and whatever is no message as leading to nothing', () => {
    const { conn, webSocket } = setUp({ ratePerSecond: 1 });
    for (let i = 0; i < 7; i += 1) {
      webSocket.emit('ping', Buffer.from('p'));
      webSocket.emit('pong', Buffer.from('p'));
      conn.emit('packet', { type: 'pong' });
      conn.emit('packet', { type: 'message' });
    }
    expect(webSocket.done).toContain('pause');
    expect(webSocket.done.filter((what) => what === 'pong p')).toHaveLength(7);
  });

  test('of large messages is as fast as events of the largest size, after four seconds of them', async () => {
    const { webSocket, clock } = setUp({ ratePerSecond: 10 });
    for (let i = 0; i < 2; i += 1) webSocket.emit('message', Buffer.alloc(mib));
    expect(webSocket.done).toEqual([]);
    webSocket.emit('message', Buffer.alloc(mib));
    expect(webSocket.done).toEqual(['pause']);
    await clock.advance(1000);
    expect(webSocket.done).toEqual(['pause', 'resume']);
  });

  test('is never held where there is no limit', () => {
    const { flow, webSocket } = setUp();
    for (let i = 0; i < 10_000; i += 1) flow.wasted();
    webSocket.emit('message', Buffer.alloc(100 * mib));
    expect(webSocket.done).toEqual([]);
  });
});

test('a ping is answered, unless the line is full', () => {
  const { webSocket } = setUp();
  webSocket.emit('ping', Buffer.from('a'));
  webSocket.bufferedAmount = mib;
  webSocket.emit('ping', Buffer.from('b'));
  webSocket.bufferedAmount = 0;
  webSocket.emit('ping', Buffer.from('c'));
  expect(webSocket.done).toEqual(['pong a', 'pong c']);
});
