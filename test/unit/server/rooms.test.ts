import { describe, expect, test } from '@jest/globals';
import { Connection } from '../../../server/src/connection/connection.ts';
import { TokenBucket } from '../../../server/src/connection/token-bucket.ts';
import { Rooms } from '../../../server/src/fanout/rooms.ts';
import { FakeLink } from '../../support/fake-link.ts';
import { actorOf, enter, fakeNamespace, identityOf } from '../../support/fake-services.ts';
import { appended } from './changes.ts';

/** Ids that a careless naming of rooms would mix up, with each other or with the rooms that Socket.IO makes itself. */
const ids = [
  't',
  'thread',
  'thread:',
  'thread:t',
  'thread:thread:t',
  ':t',
  't:',
  'T',
  '__proto__',
  'constructor',
  'link-a',
];

function setUp() {
  const namespace = fakeNamespace();
  const rooms = new Rooms(namespace);
  const empty: string[] = [];
  rooms.onEmpty((threadId) => empty.push(threadId));
  return {
    rooms,
    empty,
    connect: (name: string) => {
      const link = new FakeLink(`link-${name}`);
      const connection = new Connection({
        clientId: name,
        link,
        identity: identityOf(actorOf(name)),
        bucket: new TokenBucket(0, 0, 0),
      });
      const leave = enter(namespace, link);
      rooms.add(connection);
      const close = (): void => {
        leave();
        rooms.remove(connection);
      };
      return { link, connection, close };
    },
  };
}

describe('a change of a thread', () => {
  test('reaches those who are in it, and nobody else', () => {
    const { rooms, connect } = setUp();
    const [a, b, c] = [connect('a'), connect('b'), connect('c')];
    rooms.join('t', a.connection);
    rooms.join('t', b.connection);
    rooms.join('other', c.connection);
    rooms.leave('t', b.connection);
    const change = appended(1);
    rooms.publish(change);
    expect([a.link.received, b.link.received, c.link.received]).toEqual([[['thread_message', change.payload]], [], []]);
  });

  test('reaches once whoever joined twice', () => {
    const { rooms, connect } = setUp();
    const { link, connection } = connect('a');
    rooms.join('t', connection);
    rooms.join('t', connection);
    rooms.publish(appended(1));
    expect(link.received).toHaveLength(1);
  });

  test.each(ids)('of the thread %j goes to no room of another name', (id) => {
    const { rooms, connect } = setUp();
    const members = ids.map((thread, i) => {
      const client = connect(`${i}`);
      rooms.join(thread, client.connection);
      return { thread, ...client };
    });
    // Socket.IO has a room for each socket, named by its id.
    connect('a');
    rooms.publish({ ...appended(1), threadId: id });
    expect(members.filter(({ link }) => link.received.length > 0).map(({ thread }) => thread)).toEqual([id]);
    expect(rooms.members(id).map(({ clientId }) => clientId)).toEqual([`${ids.indexOf(id)}`]);
  });

  test('can be published where nobody is', () => {
    const { rooms, connect } = setUp();
    const { link } = connect('a');
    rooms.publish(appended(1));
    expect(link.received).toEqual([]);
  });
});

describe('the members of a thread', () => {
  test('are the connections that joined it, until they leave or close', () => {
    const { rooms, connect } = setUp();
    const [a, b, c] = [connect('a'), connect('b'), connect('c')];
    for (const { connection } of [a, b, c]) rooms.join('t', connection);
    expect(rooms.members('t')).toEqual([a.connection, b.connection, c.connection]);
    rooms.leave('t', a.connection);
    b.close();
    expect(rooms.members('t')).toEqual([c.connection]);
    expect(rooms.members('other')).toEqual([]);
    expect([...rooms.connections.values()]).toEqual([a.connection, c.connection]);
  });

  test('cannot be joined by one that has closed', () => {
    const { rooms, connect } = setUp();
    const { connection, close } = connect('a');
    close();
    rooms.join('t', connection);
    rooms.leave('t', connection);
    expect(rooms.members('t')).toEqual([]);
  });
});

describe('a thread that becomes empty', () => {
  test('is told of when the last one leaves', () => {
    const { rooms, empty, connect } = setUp();
    const [a, b] = [connect('a'), connect('b')];
    rooms.join('t', a.connection);
    rooms.join('t', b.connection);
    rooms.leave('t', a.connection);
    expect(empty).toEqual([]);
    rooms.leave('t', b.connection);
    expect(empty).toEqual(['t']);
  });

  test.each(ids)('is told of by its id, %j, when its last connection closes', (id) => {
    const { rooms, empty, connect } = setUp();
    const { connection, close } = connect('a');
    rooms.join(id, connection);
    close();
    // The room of the socket itself went too; it is no thread.
    expect(empty).toEqual([id]);
  });
});

test('a broadcast reaches every connection', () => {
  const { rooms, connect } = setUp();
  const links = [connect('a').link, connect('b').link];
  rooms.broadcast('system_status', { status: 'ok' });
  for (const link of links) expect(link.received).toEqual([['system_status', { status: 'ok' }]]);
});

describe('an event to some connections', () => {
  test('reaches those, once each, and nobody else', () => {
    const { rooms, connect } = setUp();
    const [a, b, c] = [connect('a'), connect('b'), connect('c')];
    rooms.join('t', c.connection);
    rooms.sendTo([a.connection, b.connection, a.connection], 'system_status', { status: 'ok' });
    const expected = [['system_status', { status: 'ok' }]];
    expect([a, b, c].map(({ link }) => link.received)).toEqual([expected, expected, []]);
  });

  test('to none, or to one that has closed, reaches nobody', () => {
    const { rooms, connect } = setUp();
    const [a, b] = [connect('a'), connect('b')];
    a.close();
    rooms.sendTo([], 'system_status', { status: 'ok' });
    rooms.sendTo([a.connection], 'system_status', { status: 'ok' });
    expect([a, b].map(({ link }) => link.received)).toEqual([[], []]);
  });
});
