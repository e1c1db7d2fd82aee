import { describe, expect, test } from '@jest/globals';
import { openMongoStore } from '../../server/src/store/mongo/mongo-store.ts';
import { startApp } from '../support/app.ts';
import { connectClient } from '../support/client.ts';
import { mongodbBackEnd, ownDatabase } from '../support/mongodb-back-end.ts';

// Where no MongoDB can be had, the run says so by name, and CI fails on it.
const describeMongodb = mongodbBackEnd.missing === undefined ? describe : describe.skip;

// As while one process takes over from another, before several nodes are a way to run Threadwire.
describeMongodb('two processes on one MongoDB database', () => {
  test('clients of each get what was written through the other, in order, within five seconds', async () => {
    await using database = ownDatabase();
    const { uri } = database;
    await using left = await startApp({ store: await openMongoStore({ uri }) });
    await using right = await startApp({ store: await openMongoStore({ uri }) });
    await using ann = await connectClient(left.url, { user: 'ann' });
    await using bob = await connectClient(right.url, { user: 'bob' });
    await ann.call('create_thread', { id: 't', members: ['bob'] });
    for (const client of [ann, bob]) await client.call('subscribe_thread', { thread_id: 't' });

    for (let i = 1; i <= 3; i += 1) {
      await ann.call('send_message', { thread_id: 't', content: `left ${i}` });
      await bob.call('send_message', { thread_id: 't', content: `right ${i}` });
    }
    for (const client of [ann, bob]) {
      const before = await client.drainUntil('thread_message', ({ seq }) => seq === 6);
      const seqs = before.flatMap(({ event, payload }) => (event === 'thread_message' ? [payload.seq] : []));
      expect(seqs).toEqual([1, 2, 3, 4, 5]);
    }

    await ann.call('update_thread', { thread_id: 't', members: ['carl'] });
    await expect(bob.next('error')).resolves.toMatchObject({ code: 'forbidden', thread_id: 't' });
    await expect(bob.request('send_message', { thread_id: 't', content: 'still there?' })).resolves.toMatchObject({
      ok: false,
      error: { code: 'thread_not_found' },
    });
  });
});
