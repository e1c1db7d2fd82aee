import { expect, test } from '@jest/globals';
import type { ServerPayload } from '@threadwire/protocol';
import { FakeApp, actorOf } from '../../../support/fake-services.ts';

async function setUp() {
  const app = new FakeApp();
  await app.thread('t', 'ada');
  const client = app.connect(actorOf('ada'));
  const told = () =>
    client.link.received
      .filter(([name]) => name === 'threads_updated')
      .map(([, content]) =>
        (content as ServerPayload<'threads_updated'>).threads.map(({ id, head_seq }) => [id, head_seq]),
      );
  return { app, client, told };
}

test('a watcher hears of messages in threads that it is not subscribed to', async () => {
  const { app, client, told } = await setUp();
  expect(await client.ask('watch_threads', {})).toEqual({});
  await app.say('t', 'ada');
  await app.say('t', 'ada');
  await app.clock.advance(1000);
  expect(told()).toEqual([[['t', 2]]]);
});

test('watching twice tells everything once', async () => {
  const { app, client, told } = await setUp();
  await client.ask('watch_threads', {});
  await client.ask('watch_threads', {});
  await app.say('t', 'ada');
  await app.clock.advance(1000);
  expect(told()).toHaveLength(1);
});

test('a watcher hears nothing more after it has stopped, or closed', async () => {
  const { app, client, told } = await setUp();
  const other = app.connect(actorOf('ada'));
  for (const each of [client, other]) await each.ask('watch_threads', {});
  expect(await client.ask('unwatch_threads', {})).toEqual({});
  other.close();
  await app.say('t', 'ada');
  await app.clock.advance(1000);
  expect([told(), other.link.names]).toEqual([[], ['ack']]);
  expect(app.clock.pending).toEqual([]);
});

test('of what is sent together the last holds', async () => {
  const { app, client, told } = await setUp();
  await Promise.all([client.ask('watch_threads', {}), client.ask('unwatch_threads', {})]);
  await app.say('t', 'ada');
  await app.clock.advance(1000);
  expect(told()).toEqual([]);
  await Promise.all([client.ask('unwatch_threads', {}), client.ask('watch_threads', {})]);
  await app.say('t', 'ada');
  await app.clock.advance(1000);
  expect(told()).toEqual([[['t', 2]]]);
});

test('to stop without having begun is ok', async () => {
  const { client } = await setUp();
  expect(await client.ask('unwatch_threads', {})).toEqual({});
});
