import { describe, expect, test } from '@jest/globals';
import { FakeApp, actorOf } from '../../../support/fake-services.ts';
import { turn } from '../../../support/manual-clock.ts';

async function setUp() {
  const app = new FakeApp();
  await app.thread('t', 'ada', ['bo', 'cy']);
  const [ada, bo, cy] = ['ada', 'bo', 'cy'].map((id) => app.connect(actorOf(id))) as [Client, Client, Client];
  const root = app.connect(actorOf('root', { admin: true }));
  for (const client of [ada, bo, cy, root]) await client.ask('subscribe_thread', { thread_id: 't' });
  return { app, ada, bo, cy, root };
}
type Client = ReturnType<FakeApp['connect']>;

const forbidden = expect.objectContaining({ code: 'forbidden', retry: 'never', thread_id: 't' });

describe('update_thread', () => {
  test('replaces the fields that are given, and leaves the others', async () => {
    const { ada } = await setUp();
    const { thread } = await ada.ask('update_thread', { thread_id: 't', title: 'new' });
    expect(thread).toMatchObject({ title: 'new', members: ['bo', 'cy'], metadata: {} });
    const again = await ada.ask('update_thread', { thread_id: 't', metadata: { a: 1 }, members: [] });
    expect(again.thread).toMatchObject({ title: 'new', members: [], metadata: { a: 1 } });
  });

  test('is for the creator and for admins', async () => {
    const { app, bo, root } = await setUp();
    const stranger = app.connect(actorOf('dan'));
    const change = { thread_id: 't', title: 'new' };
    expect(await bo.refused('update_thread', change)).toMatchObject({ code: 'forbidden', thread_id: 't' });
    expect(await stranger.refused('update_thread', change)).toMatchObject({ code: 'thread_not_found', thread_id: 't' });
    expect(await root.ask('update_thread', change)).toMatchObject({ thread: { title: 'new', created_by: 'ada' } });
  });
});

describe('a member who is removed', () => {
  test('is told, leaves, and hears nothing more; the others stay', async () => {
    const { app, ada, bo, cy, root } = await setUp();
    await ada.ask('update_thread', { thread_id: 't', members: ['cy'] });
    await app.say('t', 'ada');
    expect(bo.link.errors).toEqual([forbidden]);
    expect(bo.link.state).toBe('open');
    expect([ada, bo, cy, root].map((client) => client.seqs('t'))).toEqual([[1], [], [1], [1]]);
    expect([...ada.link.errors, ...cy.link.errors, ...root.link.errors]).toEqual([]);
    expect(await bo.refused('subscribe_thread', { thread_id: 't' })).toMatchObject({ code: 'thread_not_found' });
  });

  test('leaves before anything else can be said', async () => {
    const { app, ada, bo, cy } = await setUp();
    const held = app.store.hold('updateThread');
    const updating = ada.ask('update_thread', { thread_id: 't', members: ['cy'] });
    await held.reached;
    held.release();
    await updating;
    const saying = [app.say('t', 'ada'), app.say('t', 'cy')];
    await Promise.all(saying);
    expect([bo.seqs('t'), cy.seqs('t')]).toEqual([[], [1, 2]]);
  });

  test('on every connection', async () => {
    const { app, ada, bo } = await setUp();
    const second = app.connect(actorOf('bo'));
    await second.ask('subscribe_thread', { thread_id: 't' });
    await ada.ask('update_thread', { thread_id: 't', members: ['cy'] });
    expect([bo.link.errors, second.link.errors]).toEqual([[forbidden], [forbidden]]);
  });

  test('has its slot back', async () => {
    const { ada, bo } = await setUp();
    await ada.ask('update_thread', { thread_id: 't', members: ['cy'] });
    expect(bo.connection.subscriptions.size).toBe(0);
  });

  test('leaves also where the request that removed it was not answered, and is repeated', async () => {
    const { app, ada, bo } = await setUp();
    const held = app.store.hold('updateThread');
    const change = { thread_id: 't', members: ['cy'] };
    const updating = ada.refused('update_thread', change);
    await held.reached;
    app.store.isAway = true;
    held.release();
    expect(await updating).toMatchObject({ code: 'unavailable', retry: 'later' });
    app.store.isAway = false;
    await ada.ask('update_thread', change);
    await app.say('t', 'ada');
    expect([bo.link.errors, bo.seqs('t')]).toEqual([[forbidden], []]);
  });
});

describe('watchers of the list', () => {
  test('hear of a change, and those who lost the thread that it is gone', async () => {
    const { app, ada, bo } = await setUp();
    for (const client of [ada, bo]) await client.ask('watch_threads', {});
    const { thread } = await ada.ask('update_thread', { thread_id: 't', members: ['cy'] });
    await app.clock.advance(1000);
    const told = (client: Client) => client.link.received.filter(([name]) => name === 'threads_updated');
    expect(told(ada)).toEqual([['threads_updated', { threads: [thread], removed: [] }]]);
    expect(told(bo)).toEqual([['threads_updated', { threads: [], removed: ['t'] }]]);
  });

  test('hear nothing of an update that changes nothing', async () => {
    const { app, ada } = await setUp();
    await ada.ask('watch_threads', {});
    await ada.ask('update_thread', { thread_id: 't', members: ['bo', 'cy'] });
    await app.clock.advance(5000);
    await turn();
    expect(ada.link.names).not.toContain('threads_updated');
  });
});
