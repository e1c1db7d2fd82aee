import { describe, expect, test } from '@jest/globals';
import { createThreadOnce } from '../../../../server/src/handlers/create-thread.ts';
import { FakeApp, actorOf, payloadOf } from '../../../support/fake-services.ts';

describe('create_thread', () => {
  test('makes a thread, with what was not given left empty', async () => {
    const client = new FakeApp().connect(actorOf('ada'));
    const { thread } = await client.ask('create_thread', {});
    const at = '2026-01-15T09:30:00.000Z';
    const empty = { title: '', members: [], metadata: {}, head_seq: 0 };
    expect(thread).toEqual({
      id: expect.stringMatching(/^id-/),
      ...empty,
      created_by: 'ada',
      created_at: at,
      updated_at: at,
    });
  });

  test('makes it as it was asked for', async () => {
    const client = new FakeApp().connect(actorOf('ada'));
    const asked = { id: 'order:42', title: 'Order', members: ['bo', 'bo', 'cy'], metadata: { a: [1] } };
    const { thread } = await client.ask('create_thread', asked);
    expect(thread).toMatchObject({ ...asked, members: ['bo', 'cy'] });
  });

  test('again by its creator gives the thread as it is', async () => {
    const client = new FakeApp().connect(actorOf('ada'));
    const first = await client.ask('create_thread', { id: 't', title: 'first' });
    expect(await client.ask('create_thread', { id: 't', title: 'second' })).toEqual(first);
  });

  test('again by somebody else tells that it exists, and nothing of it', async () => {
    const app = new FakeApp();
    await app.connect(actorOf('ada')).ask('create_thread', { id: 't', title: 'secret' });
    const error = await app.connect(actorOf('bo')).refused('create_thread', { id: 't' });
    expect(error).toMatchObject({ code: 'thread_exists', retry: 'never', thread_id: 't' });
    expect(JSON.stringify(error)).not.toContain('secret');
  });

  test('tells watchers once', async () => {
    const app = new FakeApp();
    const client = app.connect(actorOf('ada'));
    await client.ask('watch_threads', {});
    const { thread } = await client.ask('create_thread', { id: 't' });
    await app.clock.advance(1000);
    await client.ask('create_thread', { id: 't' });
    await app.clock.advance(5000);
    expect(client.link.received.filter(([name]) => name !== 'ack')).toEqual([
      ['threads_updated', { threads: [thread], removed: [] }],
    ]);
  });
});

test('createThreadOnce says whether it was made now', async () => {
  const context = new FakeApp().contextOf(actorOf('ada'));
  const payload = payloadOf('create_thread', { id: 't' });
  expect(await createThreadOnce(context, payload)).toMatchObject({ created: true, thread: { id: 't' } });
  expect(await createThreadOnce(context, payload)).toMatchObject({ created: false, thread: { id: 't' } });
});
