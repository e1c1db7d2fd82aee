import { describe, expect, test } from '@jest/globals';
import { Connection } from '../../../server/src/connection/connection.ts';
import { TokenBucket } from '../../../server/src/connection/token-bucket.ts';
import { RequestError } from '../../../server/src/request-error.ts';
import { FakeLink } from '../../support/fake-link.ts';
import { actorOf, identityOf } from '../../support/fake-services.ts';
import { appended } from './changes.ts';

const mib = 1024 * 1024;
/** What a request counts besides its own bytes. */
const overhead = 256;

function setUp() {
  const link = new FakeLink();
  const connection = new Connection({
    clientId: 'client',
    link,
    identity: identityOf(actorOf('ada')),
    bucket: new TokenBucket(0, 0, 0),
  });
  return { link, connection };
}

describe('fail', () => {
  test('sends an error that is not fatal and leaves the connection open', () => {
    const { link, connection } = setUp();
    const error = new RequestError('forbidden', 'no').toObject();
    connection.fail(error);
    expect([link.received, link.state]).toEqual([[['error', error]], 'open']);
  });

  test.each([
    ['slow_consumer', 'transport closed'],
    ['overloaded', 'transport closed'],
    ['token_expired', 'disconnected'],
    ['protocol_mismatch', 'disconnected'],
  ] as const)('with a fatal %s sends it first and ends with the %s', (code, state) => {
    const { link, connection } = setUp();
    link.onEnd = () => link.received.push(['ended', undefined]);
    connection.fail(new RequestError(code, 'no', { fatal: true }).toObject());
    expect(link.names).toEqual(['error', 'ended']);
    expect(link.state).toBe(state);
  });
});

test('nothing is sent after it has closed', () => {
  const { link, connection } = setUp();
  connection.emit('pong', { server_time: '2026-01-15T09:30:00.000Z' });
  connection.send(appended(1));
  connection.isClosed = true;
  connection.emit('pong', { server_time: '2026-01-15T09:30:00.000Z' });
  connection.send(appended(2));
  connection.fail(new RequestError('forbidden', 'no').toObject());
  expect(link.names).toEqual(['pong', 'thread_message']);
});

test('a renewed identity holds from then on', () => {
  const { connection } = setUp();
  const admin = identityOf(actorOf('ada', { admin: true }), 5000);
  connection.renew(admin);
  expect(connection.identity).toBe(admin);
  expect(connection.actor).toBe(admin.actor);
});

describe('reading', () => {
  test('stops above 1 MiB of unanswered requests, and goes on when enough was answered', () => {
    const { link, connection } = setUp();
    connection.requestBegins(mib - overhead);
    expect(link.reading).toEqual([]);
    connection.requestBegins(1);
    connection.requestBegins(1000);
    expect(link.reading).toEqual([false]);
    connection.requestEnds(1);
    expect(link.reading).toEqual([false]);
    connection.requestEnds(1000);
    expect(link.reading).toEqual([false, true]);
    connection.requestEnds(mib - overhead);
    connection.requestBegins(mib - overhead + 1);
    expect(link.reading).toEqual([false, true, false]);
  });

  test('is left alone after it has closed', () => {
    const { link, connection } = setUp();
    connection.requestBegins(2 * mib);
    connection.isClosed = true;
    connection.requestEnds(2 * mib);
    expect(link.reading).toEqual([false]);
  });

  test('that a pause could not stop leads to an overload above 4 MiB', () => {
    const { connection } = setUp();
    connection.requestBegins(4 * mib - overhead);
    expect(connection.isOverloaded).toBe(false);
    connection.requestBegins(1);
    expect(connection.isOverloaded).toBe(true);
    connection.requestEnds(1);
    expect(connection.isOverloaded).toBe(false);
  });
});
