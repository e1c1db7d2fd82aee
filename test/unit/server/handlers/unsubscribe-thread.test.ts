import { expect, test } from '@jest/globals';
import { FakeApp, actorOf } from '../../../support/fake-services.ts';

async function setUp() {
  const app = new FakeApp();
  for (const id of ['t', 'other']) await app.thread(id, 'ada');
  return { app, client: app.connect(actorOf('ada')) };
}

test('ends the events of the thread, and of no other', async () => {
  const { app, client } = await setUp();
  await client.ask('subscribe_threads', { threads: [{ thread_id: 't' }, { thread_id: 'other' }] });
  await app.say('t', 'ada');
  expect(await client.ask('unsubscribe_thread', { thread_id: 't' })).toEqual({});
  for (const id of ['t', 'other']) await app.say(id, 'ada');
  expect([client.seqs('t'), client.seqs('other')]).toEqual([[1], [1]]);
  expect([...client.connection.subscriptions]).toEqual(['other']);
});

test('leaves the other connections of the user in the thread', async () => {
  const { app, client } = await setUp();
  const other = app.connect(actorOf('ada'));
  for (const each of [client, other]) await each.ask('subscribe_thread', { thread_id: 't' });
  await client.ask('unsubscribe_thread', { thread_id: 't' });
  await app.say('t', 'ada');
  expect([client.seqs('t'), other.seqs('t')]).toEqual([[], [1]]);
});

test.each(['t', 'none'])('is ok for the thread %s, which was not subscribed to', async (thread_id) => {
  const { client } = await setUp();
  expect(await client.ask('unsubscribe_thread', { thread_id })).toEqual({});
  expect(await client.ask('unsubscribe_thread', { thread_id })).toEqual({});
});

test('the last one who leaves lets the node forget the thread', async () => {
  const { app, client } = await setUp();
  await client.ask('subscribe_thread', { thread_id: 't' });
  expect(app.services.announcer.size).toBe(1);
  await client.ask('unsubscribe_thread', { thread_id: 't' });
  expect(app.services.announcer.size).toBe(0);
});
