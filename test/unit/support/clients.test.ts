import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { Server } from 'socket.io';
import type { Socket } from 'socket.io';
import { connectClient, ConnectRefused, readThread, RequestRefused } from '../../support/client.ts';
import type { Arrival } from '../../support/client.ts';
import { eventually } from '../../support/eventually.ts';
import { ConnectPacketRefused, connectWire, UpgradeRefused } from '../../support/wire-client.ts';

const session = { client_id: 'c', user: { id: 'ann' }, server_id: 's', protocol_version: 1, limits: {} };

interface Stub extends AsyncDisposable {
  readonly url: string;
}

/** A bare Socket.IO server that greets like ours, refuses whom it is told to, and otherwise does what the test says. */
async function startStub(onConnection: (socket: Socket) => void = () => undefined): Promise<Stub> {
  const http = createServer();
  const io = new Server(http, { path: '/api/ws', transports: ['websocket'], pingInterval: 50, pingTimeout: 1000 });
  io.engine.opts.allowRequest = (request, done) => {
    const isBusy = request.headers['x-busy'] !== undefined;
    done(isBusy ? 'busy' : null, !isBusy);
  };
  io.use((socket, next) => {
    const data = { code: 'unauthenticated', message: 'no', retry: 'reauth' };
    next(socket.handshake.auth['token'] === 'bad' ? Object.assign(new Error('no'), { data }) : undefined);
  });
  io.on('connection', (socket) => {
    socket.emit('session', { ...session, auth: socket.handshake.auth });
    onConnection(socket);
  });
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => io.close(),
  };
}

const status = (message: string) => ({ status: 'ok', message });

describe('the test client', () => {
  test('waits for the session, with the user in the auth object', async () => {
    await using stub = await startStub();
    await using client = await connectClient(stub.url, { user: 'ann' });
    expect(client.session).toMatchObject({ client_id: 'c', auth: { user: 'ann' } });
    expect(client.buffered).toEqual([]);
  });

  test('keeps events in order until they are taken', async () => {
    await using stub = await startStub((socket) => {
      for (const text of ['a', 'b', 'c']) socket.emit('system_status', status(text));
    });
    await using client = await connectClient(stub.url);
    expect(await client.next('system_status', ({ message }) => message === 'b')).toEqual(status('b'));
    expect(await client.next('system_status')).toEqual(status('a'));
    expect(await client.next('system_status')).toEqual(status('c'));
  });

  test('drains what came before a marker', async () => {
    await using stub = await startStub((socket) => {
      for (const text of ['a', 'b', 'c', 'd']) socket.emit('system_status', status(text));
    });
    await using client = await connectClient(stub.url);
    const before = await client.drainUntil('system_status', ({ message }) => message === 'c');
    expect(before.map(({ payload }) => payload)).toEqual([status('a'), status('b')]);
    expect(await client.next('system_status')).toEqual(status('d'));
  });

  test('gives answers, and rejects a call that was refused', async () => {
    const error = { code: 'forbidden', message: 'no', retry: 'never' };
    await using stub = await startStub((socket) => {
      socket.on('ping', (_payload, ack: (answer: unknown) => void) => ack({ ok: true, data: { server_time: 'now' } }));
      socket.on('watch_threads', (_payload, ack: (answer: unknown) => void) => ack({ ok: false, error }));
    });
    await using client = await connectClient(stub.url);
    expect(await client.request('ping', {})).toEqual({ ok: true, data: { server_time: 'now' } });
    expect(await client.call('ping', {})).toEqual({ server_time: 'now' });
    expect(await client.request('watch_threads', {})).toEqual({ ok: false, error });
    await expect(client.call('watch_threads', {})).rejects.toThrow(RequestRefused);
  });

  test('tells its tap of everything in the order of arrival', async () => {
    await using stub = await startStub((socket) => {
      socket.on('ping', (_payload, ack: (answer: unknown) => void) => {
        socket.emit('system_status', status('before'));
        ack({ ok: true, data: { server_time: 'now' } });
        socket.emit('system_status', status('after'));
        socket.disconnect(true);
      });
    });
    const arrivals: Arrival[] = [];
    await using client = await connectClient(stub.url, { tap: (arrival) => void arrivals.push(arrival) });
    await client.request('ping', {});
    await client.disconnected();
    expect(arrivals.map((arrival) => ('event' in arrival ? `${arrival.kind} ${arrival.event}` : arrival.kind))).toEqual(
      ['connected', 'event session', 'event system_status', 'answer ping', 'event system_status', 'disconnected'],
    );
  });

  test('says what it waited for, and what came instead', async () => {
    await using stub = await startStub((socket) => {
      socket.emit('system_status', status('other'));
      socket.on('watch_threads', () => socket.disconnect(true));
    });
    await using client = await connectClient(stub.url);
    await expect(client.next('pong', undefined, 30)).rejects.toThrow(
      'no pong: none within 30 ms; untaken: system_status {"status":"ok","message":"other"}',
    );
    await expect(client.request('ping', {}, 30)).rejects.toThrow('no answer to ping: none within 30 ms');
    const pong = client.next('pong');
    const answer = client.request('watch_threads', {});
    await expect(pong).rejects.toThrow('no pong: the connection closed (io server disconnect)');
    await expect(answer).rejects.toThrow('no answer to watch_threads: the connection closed');
    await expect(client.next('pong')).rejects.toThrow('the connection closed');
    await expect(client.request('ping', {})).rejects.toThrow('ping was not sent');
    expect(await client.disconnected()).toBe('io server disconnect');
  });

  test('rejects a refused handshake with its error object or its status', async () => {
    await using stub = await startStub();
    const refused = connectClient(stub.url, { token: 'bad' });
    await expect(refused).rejects.toThrow(ConnectRefused);
    await expect(refused).rejects.toMatchObject({ data: { code: 'unauthenticated', retry: 'reauth' } });
    await expect(connectClient(stub.url, { headers: { 'x-busy': '1' } })).rejects.toMatchObject({ status: 400 });
  });

  test('reads a thread page by page', async () => {
    const all = Array.from({ length: 5 }, (_, index) => ({ id: `m${index + 1}`, position: index + 1 }));
    await using stub = await startStub((socket) => {
      socket.on('fetch_history', ({ before_position = 9 }, ack: (answer: unknown) => void) => {
        const older = all.filter(({ position }) => position < before_position && position !== 3);
        const data = { messages: older.slice(-2), streaming: [all[2]], has_more: older.length > 2 };
        ack({ ok: true, data });
      });
    });
    await using client = await connectClient(stub.url);
    expect(await readThread(client, 't')).toEqual(all);
  });
});

describe('the wire client', () => {
  test('sends frames as they are and takes what comes', async () => {
    const sent: unknown[] = [];
    await using stub = await startStub((socket) => {
      socket.onAny((...args: unknown[]) => void sent.push(args));
      socket.on('echo', (payload: unknown, ack?: (answer: unknown) => void) => {
        if (ack) ack(payload);
        else socket.emit('echoed', payload);
      });
    });
    await using client = await connectWire(stub.url, { auth: { user: 'ann' } });
    expect(await client.event('session')).toMatchObject({ auth: { user: 'ann' } });

    expect(await client.request('echo', { a: 1 })).toEqual({ a: 1 });
    client.emit('echo', { b: 2 });
    expect(await client.event('echoed')).toEqual({ b: 2 });
    client.send('4277["echo",{"c":3}]');
    expect(await client.ack(77)).toEqual({ c: 3 });
    client.send('451-8["echo",{"_placeholder":true,"num":0}]');
    client.send(Buffer.from([1, 2]));
    expect(await client.nextText('461-8')).toBe('[{"_placeholder":true,"num":0}]');
    expect(await client.next((frame) => typeof frame !== 'string')).toEqual(Buffer.from([1, 2]));
    expect(sent).toHaveLength(4);
    expect(client.untaken).toEqual([]);
  });

  test('answers pings, and records them', async () => {
    await using stub = await startStub();
    await using client = await connectWire(stub.url);
    await client.event('session');
    // The server sends the next ping only when the one before was answered.
    await eventually('three pings', () => client.frames.filter((frame) => frame === '2').length >= 3);
  });

  test('is closed by the server, with a code, where it does not answer pings', async () => {
    await using stub = await startStub();
    await using client = await connectWire(stub.url, { answerPings: false });
    expect(await client.closing()).toMatchObject({ code: 1005 });
    await expect(client.event('session')).resolves.toBeDefined();
    await expect(client.event('session')).rejects.toThrow(
      /no frame that begins with 42\["session",: the connection closed/,
    );
  });

  test('says what it waited for, and what came instead', async () => {
    await using stub = await startStub();
    await using client = await connectWire(stub.url);
    const wanted = client.next((frame) => frame === 'never', 30);
    await expect(wanted).rejects.toThrow(/^no frame with .*'never': none within 30 ms; untaken: 42\["session"/);
  });

  test('rejects a refused CONNECT and a refused upgrade', async () => {
    await using stub = await startStub();
    const refused = connectWire(stub.url, { auth: { token: 'bad' } });
    await expect(refused).rejects.toThrow(ConnectPacketRefused);
    await expect(refused).rejects.toMatchObject({ data: { data: { code: 'unauthenticated' } } });
    const upgrade = connectWire(stub.url, { headers: { 'x-busy': '1' } });
    await expect(upgrade).rejects.toThrow(UpgradeRefused);
    await expect(upgrade).rejects.toMatchObject({ status: 400 });
  });

  test('leaves CONNECT to the test if it is told to', async () => {
    await using stub = await startStub();
    await using client = await connectWire(stub.url, { connectNamespace: false });
    client.send('40{"user":"bob"}');
    expect(JSON.parse(await client.nextText('40'))).toHaveProperty('sid');
  });
});
