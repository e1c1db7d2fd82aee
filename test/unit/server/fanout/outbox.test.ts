import { describe, expect, test } from '@jest/globals';
import { Frame } from '../../../../server/src/fanout/frame.ts';
import type { OutboxObserver } from '../../../../server/src/fanout/outbox.ts';
import { FakeEngine } from '../../../support/fake-engine.ts';
import type { FakeConnection } from '../../../support/fake-engine.ts';
import { turn } from '../../../support/manual-clock.ts';

/** Notes what an outbox tells of itself. */
class Notes implements OutboxObserver {
  readonly taken: string[] = [];
  pushed = (bytes: number) => this.taken.push(`pushed ${bytes}`);
  flushed = () => this.taken.push('flushed');
  drained = () => this.taken.push('drained');
}

function observe({ outbox }: Pick<FakeConnection, 'outbox'>): Notes {
  const notes = new Notes();
  outbox.observer = notes;
  return notes;
}

/** A frame that several connections get, such as that of a room. */
function shared(engine: FakeEngine, text: string, isVolatile = false): Frame {
  return new Frame(engine.turn.nextOrder(), text, isVolatile);
}

/** The engine has something of its own on the way, and holds back what comes after it. */
function clog({ conn, webSocket }: FakeConnection): void {
  webSocket.hold();
  conn.send('engine');
}

describe('what is sent on a WebSocket in one turn', () => {
  test('leaves in one write at its end, whatever it is', async () => {
    using engine = new FakeEngine();
    const { conn, outbox, webSocket } = engine.connect();
    conn.write('text');
    conn.write(Buffer.from('bytes'));
    outbox.share(shared(engine, 'shared'));
    outbox.deal([shared(engine, 'room a, 1'), shared(engine, 'room a, 2')]);
    outbox.deal([shared(engine, 'room b')]);
    await Promise.resolve();
    conn.write('');
    expect(webSocket.writes).toEqual([]);
    await turn();
    expect(webSocket.writes).toHaveLength(1);
    expect(webSocket.messages).toEqual([
      '4text',
      Buffer.from('bytes'),
      '4shared',
      '4room a, 1',
      '4room a, 2',
      '4room b',
      '4',
    ]);
    await turn();
    expect(webSocket.writes).toHaveLength(1);
  });

  test('ends the connection where it cannot be written: a gap would not show', () => {
    using engine = new FakeEngine();
    const [broken, other] = [engine.connect(), engine.connect()];
    broken.conn.write('lost');
    other.conn.write('sent');
    broken.conn.on('packetCreate', () => {
      throw new Error('of a listener');
    });
    expect(() => engine.turn.end()).toThrow('of a listener');
    expect([broken.conn.readyState, other.conn.readyState]).toEqual(['closed', 'open']);
    expect(other.webSocket.messages).toEqual(['4sent']);
  });

  test('leaves in the order in which it was sent, however it is handed to the outbox', async () => {
    using engine = new FakeEngine();
    const { outbox, webSocket } = engine.connect();
    const frames = Array.from({ length: 6 }, (_, i) => shared(engine, `${i}`));
    outbox.push('6');
    outbox.deal([frames[1]!, frames[4]!]);
    outbox.share(frames[0]!);
    outbox.deal([frames[2]!, frames[5]!]);
    outbox.share(frames[3]!);
    await turn();
    expect(webSocket.messages).toEqual(['40', '41', '42', '43', '44', '45', '46']);
  });

  // As above, but without anything that is shared with others.
  test('leaves in the order in which it was sent, also where others do not get the same', async () => {
    using engine = new FakeEngine();
    const { outbox, webSocket } = engine.connect();
    const first = shared(engine, 'first');
    outbox.push('second');
    outbox.share(first);
    await turn();
    expect(webSocket.messages).toEqual(['4first', '4second']);
  });

  test('is one packet of Engine.IO for those who count them, with all its bytes', async () => {
    using engine = new FakeEngine();
    const { conn, webSocket } = engine.connect();
    const packets: unknown[] = [];
    conn.on('packetCreate', (packet) => packets.push(packet));
    conn.write('a');
    conn.write('€'.repeat(100));
    await turn();
    expect(packets).toEqual([{ type: 'message', data: webSocket.writes[0] }]);
  });

  test('is the same bytes for all who are due the same', async () => {
    using engine = new FakeEngine();
    const members = [engine.connect(), engine.connect(), engine.connect()];
    const batch = [shared(engine, 'a'), shared(engine, 'b')];
    for (const { outbox } of members) outbox.deal(batch);
    const packets = new Set<unknown>();
    for (const { conn } of members) conn.on('packetCreate', ({ data }: { data: Buffer }) => packets.add(data));
    await turn();
    expect(packets.size).toBe(1);
    for (const { webSocket } of members) expect(webSocket.messages).toEqual(['4a', '4b']);
  });

  test('leaves at once where it is asked for, with what rooms got before', async () => {
    using engine = new FakeEngine();
    const [{ outbox, webSocket }, other] = [engine.connect(), engine.connect()];
    const batch = [shared(engine, 'of a room')];
    engine.turn.onDeal(() => {
      for (const { outbox } of [{ outbox: webSocketOutbox }, other]) if (batch.length > 0) outbox.deal([...batch]);
      batch.length = 0;
    });
    const webSocketOutbox = outbox;
    outbox.push('own');
    outbox.settle();
    expect(webSocket.messages).toEqual(['4of a room', '4own']);
    expect(other.webSocket.messages).toEqual([]);
    outbox.push('later');
    await turn();
    expect(webSocket.messages).toEqual(['4of a room', '4own', '4later']);
    expect(other.webSocket.messages).toEqual(['4of a room']);
  });
});

describe('packet by packet, through the engine, goes what is sent', () => {
  test('while the engine holds something that comes before', async () => {
    using engine = new FakeEngine();
    const connection = engine.connect();
    const { conn, webSocket } = connection;
    await turn();
    clog(connection);
    conn.send('held back');
    conn.write('a');
    await turn();
    expect(webSocket.messages).toEqual(['4engine']);
    webSocket.release();
    await turn();
    conn.write('b');
    await turn();
    expect(webSocket.messages).toEqual(['4engine', '4held back', '4a', '4b']);
    expect(webSocket.writes).toHaveLength(1);
  });

  test('where messages are compressed', async () => {
    using engine = new FakeEngine();
    const { conn, outbox, webSocket } = engine.connect();
    Object.assign(conn.transport, { perMessageDeflate: {} });
    outbox.deal([shared(engine, 'room')]);
    conn.write('text');
    conn.write(Buffer.from('bytes'));
    await turn();
    await turn();
    expect(webSocket.messages).toEqual(['4room', '4text', Buffer.from('bytes')]);
    expect(webSocket.writes).toEqual([]);
  });

  test('to a WebSocket that is closing already', async () => {
    using engine = new FakeEngine();
    const { conn, webSocket } = engine.connect();
    webSocket.readyState = 2;
    conn.write('a');
    await turn();
    expect(webSocket.writes).toEqual([]);
    expect(webSocket.messages).toEqual(['4a']);
  });

  test('by polling', async () => {
    using engine = new FakeEngine();
    const { conn, outbox, polling } = engine.connectPolling();
    polling.poll();
    outbox.deal([shared(engine, 'room 1'), shared(engine, 'room 2')]);
    conn.write('own');
    await turn();
    polling.poll();
    expect(polling.messages).toEqual(['4room 1', '4room 2', '4own']);
  });
});

describe('a connection that closes', () => {
  test('gets first what was sent to it before, and what rooms got', async () => {
    using engine = new FakeEngine();
    const { conn, outbox, webSocket } = engine.connect();
    const closes: string[] = [];
    webSocket.on('close', () => closes.push(...(webSocket.messages as string[])));
    let batch = [shared(engine, 'of a room')];
    engine.turn.onDeal(() => {
      if (batch.length > 0) outbox.deal(batch);
      batch = [];
    });
    conn.write('own');
    conn.close();
    expect(closes).toEqual(['4of a room', '4own']);
    await turn();
    expect(webSocket.writes).toHaveLength(1);
  });

  test('gets first what the engine holds, too', async () => {
    using engine = new FakeEngine();
    const connection = engine.connect();
    const { conn, webSocket } = connection;
    await turn();
    clog(connection);
    conn.send('held back');
    conn.write('own');
    conn.close();
    expect(webSocket.readyState).toBe(webSocket.OPEN);
    webSocket.release();
    await turn();
    expect(webSocket.messages).toEqual(['4engine', '4held back', '4own']);
    expect(webSocket.readyState).not.toBe(webSocket.OPEN);
  });

  test('gets nothing of what is sent after, and nobody is told that it did', async () => {
    using engine = new FakeEngine();
    const connection = engine.connect();
    const { conn, outbox, webSocket } = connection;
    const notes = observe(connection);
    conn.write('before it is gone');
    conn.transport.emit('close');
    expect(conn.readyState).toBe('closed');
    conn.write('after');
    outbox.deal([shared(engine, 'of a room')]);
    await turn();
    conn.close();
    expect(webSocket.messages).toEqual([]);
    expect(notes.taken).not.toContain('flushed');
    expect(outbox.undeliveredBytes).toBe(0);
  });

  test('while the engine still holds something gets no more than that', async () => {
    using engine = new FakeEngine();
    const connection = engine.connect();
    const { conn, webSocket } = connection;
    await turn();
    clog(connection);
    conn.send('held back');
    conn.close();
    conn.write('after');
    webSocket.release();
    await turn();
    expect(webSocket.messages).toEqual(['4engine', '4held back']);
  });
});

describe('bytes that are undelivered', () => {
  /** Of a frame with so short a text. */
  const frameBytes = (text: string): number => 3 + text.length;

  test('are those sent to this connection until they leave, and what the WebSocket holds', async () => {
    using engine = new FakeEngine();
    const { conn, outbox, webSocket } = engine.connect();
    expect(outbox.undeliveredBytes).toBe(0);
    conn.write('one');
    conn.write('three');
    expect(outbox.undeliveredBytes).toBe(frameBytes('one') + frameBytes('three'));
    webSocket.bufferedAmount = 100;
    expect(outbox.undeliveredBytes).toBe(frameBytes('one') + frameBytes('three') + 100);
    await turn();
    expect(outbox.undeliveredBytes).toBe(100);
    webSocket.bufferedAmount = 0;
    expect(outbox.undeliveredBytes).toBe(0);
  });

  test('are not yet those that rooms got in this turn', async () => {
    using engine = new FakeEngine();
    const { outbox } = engine.connect();
    outbox.deal([shared(engine, 'room')]);
    outbox.share(shared(engine, 'small room'));
    expect(outbox.undeliveredBytes).toBe(0);
    await turn();
  });

  test('are those that wait in the engine, of rooms too, until it sends them', async () => {
    using engine = new FakeEngine();
    const { conn, outbox, polling } = engine.connectPolling();
    outbox.deal([shared(engine, 'room')]);
    conn.write('own');
    await turn();
    const waiting = frameBytes('room') + frameBytes('own');
    expect(outbox.undeliveredBytes).toBe(waiting);
    conn.write('more');
    expect(outbox.undeliveredBytes).toBe(waiting + frameBytes('more'));
    await turn();
    expect(outbox.undeliveredBytes).toBe(waiting + frameBytes('more'));
    polling.poll();
    expect(outbox.undeliveredBytes).toBe(0);
    conn.write('again');
    await turn();
    expect(outbox.undeliveredBytes).toBe(frameBytes('again'));
    polling.poll();
    expect(outbox.undeliveredBytes).toBe(0);
  });

  test('of which the engine sends the first at once are the others', async () => {
    using engine = new FakeEngine();
    const { conn, outbox, polling } = engine.connectPolling();
    polling.poll();
    conn.write('first');
    conn.write('other');
    await turn();
    expect(polling.messages).toEqual(['4first']);
    expect(outbox.undeliveredBytes).toBe(frameBytes('other'));
    // Whoever listens to the engine is not there once more for each message.
    expect(conn.listenerCount('flush')).toBe(1);
    polling.poll();
    expect(conn.listenerCount('flush')).toBe(0);
  });
});

describe('who observes an outbox', () => {
  test('is told of each message to this connection alone, and of each write', async () => {
    using engine = new FakeEngine();
    const connection = engine.connect();
    const notes = observe(connection);
    connection.conn.write('one');
    connection.outbox.deal([shared(engine, 'room')]);
    connection.outbox.share(shared(engine, 'small room'));
    connection.conn.write('€');
    expect(notes.taken).toEqual(['pushed 6', 'pushed 6']);
    await turn();
    expect(notes.taken).toEqual(['pushed 6', 'pushed 6', 'flushed']);
    connection.outbox.deal([shared(engine, 'room')]);
    await turn();
    expect(notes.taken.slice(3)).toEqual(['flushed']);
  });

  test('is told of messages when they count already, and of a write when they no longer do', async () => {
    using engine = new FakeEngine();
    const { conn, outbox } = engine.connect();
    const counts: number[] = [];
    const note = () => counts.push(outbox.undeliveredBytes);
    outbox.observer = { pushed: note, flushed: note, drained: note };
    conn.write('one');
    conn.write('two');
    await turn();
    expect(counts).toEqual([6, 12, 0]);
  });

  test('is told once that a line has drained which was full at several writes', async () => {
    using engine = new FakeEngine();
    const connection = engine.connect();
    const { conn, webSocket } = connection;
    const notes = observe(connection);
    const turnOf = async (text: string): Promise<void> => {
      conn.write(text);
      await turn();
    };
    await turnOf('goes');
    webSocket.line.writableNeedDrain = true;
    await turnOf('stays');
    await turnOf('stays');
    expect(webSocket.line.listenerCount('drain')).toBe(1);
    expect(notes.taken).not.toContain('drained');
    webSocket.line.writableNeedDrain = false;
    webSocket.line.emit('drain');
    webSocket.line.emit('drain');
    expect(notes.taken.filter((what) => what === 'drained')).toHaveLength(1);
    webSocket.line.writableNeedDrain = true;
    await turnOf('stays');
    webSocket.line.emit('drain');
    expect(notes.taken.filter((what) => what === 'drained')).toHaveLength(2);
  });

  test('is told on the way through the engine, too', async () => {
    using engine = new FakeEngine();
    const connection = engine.connectPolling();
    const notes = observe(connection);
    connection.conn.write('one');
    await turn();
    expect(notes.taken).toEqual(['pushed 6', 'flushed']);
  });

  test('may end the connection when it is told', async () => {
    using engine = new FakeEngine();
    const connection = engine.connectPolling();
    const { conn, outbox, polling } = connection;
    outbox.observer = { pushed: () => conn.close(true), flushed: () => conn.close(true), drained: () => undefined };
    conn.write('too much');
    await turn();
    polling.poll();
    expect(conn.readyState).toBe('closed');
  });
});

describe('a volatile message', () => {
  /** As Socket.IO does. */
  function write(conn: object, data: string, options?: { readonly volatile: boolean }): void {
    (conn as { write(data: string, options?: { readonly volatile: boolean }): void }).write(data, options);
  }

  test('is dropped where the line has not taken all that was before, and only then', async () => {
    using engine = new FakeEngine();
    const { conn, outbox, webSocket } = engine.connect();
    expect(outbox.isBacklogged).toBe(false);
    write(conn, 'a', { volatile: true });
    webSocket.bufferedAmount = 1;
    expect(outbox.isBacklogged).toBe(true);
    write(conn, 'b', { volatile: true });
    write(conn, 'c', { volatile: false });
    write(conn, 'd');
    webSocket.bufferedAmount = 0;
    write(conn, 'e', { volatile: true });
    await turn();
    expect(webSocket.messages).toEqual(['4a', '4c', '4d', '4e']);
  });

  test('is dropped where a client does not poll', async () => {
    using engine = new FakeEngine();
    const { conn, outbox, polling } = engine.connectPolling();
    expect(outbox.isBacklogged).toBe(true);
    write(conn, 'a', { volatile: true });
    polling.poll();
    expect(outbox.isBacklogged).toBe(false);
    write(conn, 'b', { volatile: true });
    await turn();
    expect(polling.messages).toEqual(['4b']);
  });
});

test('a connection that is upgraded gets the rest by its new transport, after what the old one was given', async () => {
  using engine = new FakeEngine();
  const { conn, polling } = engine.connectPolling();
  conn.write('a');
  conn.write('b');
  await turn();
  polling.poll();
  const { conn: other, webSocket } = engine.connect();
  conn.write('c');
  const { transport } = other;
  // As Engine.IO does when the client says so.
  const engineSocket = conn as unknown as { clearTransport(): void; setTransport(to: unknown): void };
  engineSocket.clearTransport();
  engineSocket.setTransport(transport);
  conn.emit('upgrade', transport);
  await turn();
  expect(polling.messages).toEqual(['4a', '4b']);
  expect(webSocket.messages).toEqual(['4c']);
  expect(webSocket.writes).toHaveLength(1);
});
