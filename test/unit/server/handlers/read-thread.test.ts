import { describe, expect, test } from '@jest/globals';
import { getThread } from '../../../../server/src/handlers/get-thread.ts';
import { FakeApp, actorOf } from '../../../support/fake-services.ts';

async function setUp() {
  const app = new FakeApp();
  await app.thread('t', 'ada', ['bo']);
  for (let i = 1; i <= 5; i++) await app.say('t', 'ada');
  return { app, client: app.connect(actorOf('bo')) };
}

describe('fetch_history', () => {
  test.each([
    ['the newest page', {}, [1, 2, 3, 4, 5], false],
    ['the newest few', { limit: 2 }, [4, 5], true],
    ['what changed since', { after_seq: 3 }, [4, 5], false],
    ['the page before a position', { before_position: 4, limit: 2 }, [2, 3], true],
    ['nothing but the head', { limit: 0 }, [], true],
  ])('reads %s', async (_name, page, seqs, has_more) => {
    const { client } = await setUp();
    const history = await client.ask('fetch_history', { thread_id: 't', ...page });
    expect(history.messages.map(({ seq }) => seq)).toEqual(seqs);
    expect(history).toMatchObject({ head_seq: 5, has_more, recovered: 'after_seq' in page, thread: { id: 't' } });
  });

  test('takes one cursor at a time', async () => {
    const { client } = await setUp();
    const both = { thread_id: 't', after_seq: 1, before_position: 3 };
    expect(await client.refused('fetch_history', both)).toMatchObject({ code: 'invalid_payload' });
  });

  test('does not subscribe', async () => {
    const { app, client } = await setUp();
    await client.ask('fetch_history', { thread_id: 't' });
    await app.say('t', 'ada');
    expect([client.seqs('t'), client.connection.subscriptions.size]).toEqual([[], 0]);
  });

  test('is for those who may read the thread', async () => {
    const { app } = await setUp();
    const stranger = app.connect(actorOf('cy'));
    for (const thread_id of ['t', 'none']) {
      expect(await stranger.refused('fetch_history', { thread_id })).toMatchObject({
        code: 'thread_not_found',
        thread_id,
      });
    }
  });
});

describe('getThread', () => {
  test('gives the thread, with its exact head', async () => {
    const { app } = await setUp();
    const { thread } = await getThread(app.contextOf(actorOf('bo')), { thread_id: 't' });
    expect(thread).toMatchObject({ id: 't', head_seq: 5, members: ['bo'] });
  });

  test.each(['t', 'none'])('does not tell a stranger whether there is a thread %s', async (thread_id) => {
    const { app } = await setUp();
    await expect(getThread(app.contextOf(actorOf('cy')), { thread_id })).rejects.toMatchObject({
      code: 'thread_not_found',
      message: `There is no thread ${thread_id} that you may read.`,
    });
  });
});
