import { describe, expect, test } from '@jest/globals';
import { limits, utf8Bytes } from '@threadwire/protocol';
import type { ThreadHistory } from '@threadwire/protocol';
import { FakeApp, actorOf, identityOf } from '../../../support/fake-services.ts';
import type { FakeAppOptions, FakeClient } from '../../../support/fake-services.ts';
import { turn } from '../../../support/manual-clock.ts';

async function setUp(options?: FakeAppOptions) {
  const app = new FakeApp(options);
  await app.thread('t', 'ada', ['bo']);
  const client = app.connect(actorOf('bo'));
  return { app, client, link: client.link };
}

/** What a client saw of a thread, in order: `answer N` with its head, and the seqs of its events. */
function view({ link }: FakeClient): (string | number)[] {
  return link.received.map(([name, content]) => {
    if (name === 'ack') {
      const { ok, data } = content as { ok: boolean; data: Partial<ThreadHistory> };
      return ok ? `answer ${data.head_seq ?? ''}`.trim() : 'refused';
    }
    return name === 'error' ? 'error' : (content as { seq: number }).seq;
  });
}

const subscribed = ({ app, client }: { app: FakeApp; client: FakeClient }): boolean =>
  app.services.rooms.members('t').includes(client.connection);

describe('what is sent to a thread while it is joined', () => {
  test('before it is read is in the history, and is not sent again', async () => {
    const { app, client } = await setUp();
    await app.say('t', 'ada');
    const { head_seq, messages } = await client.ask('subscribe_thread', { thread_id: 't' });
    expect([head_seq, messages.map(({ seq }) => seq)]).toEqual([1, [1]]);
    expect(view(client)).toEqual(['answer 1']);
  });

  test('while it is read comes after the answer, in order, and so does what follows', async () => {
    const { app, client } = await setUp();
    await app.say('t', 'ada');
    const held = app.store.hold('histories');
    const joining = client.ask('subscribe_thread', { thread_id: 't' });
    await held.reached;
    for (let i = 2; i <= 4; i++) await app.say('t', 'ada');
    expect(view(client)).toEqual([]);
    held.release();
    await joining;
    await app.say('t', 'ada');
    expect(view(client)).toEqual(['answer 1', 2, 3, 4, 5]);
  });

  test('without ack comes after the reply event as well', async () => {
    const { app, client, link } = await setUp();
    const held = app.store.hold('histories');
    const joining = client.emit('subscribe_thread', { thread_id: 't' });
    await held.reached;
    await app.say('t', 'ada');
    held.release();
    await joining;
    expect(link.names).toEqual(['thread_history', 'thread_message']);
  });

  test('reaches two who join at once, though one of them read less', async () => {
    const { app, client } = await setUp();
    const other = app.connect(actorOf('ada'));
    const early = app.store.hold('histories');
    const joining = [client.ask('subscribe_thread', { thread_id: 't' })];
    await early.reached;
    await app.say('t', 'ada');
    const late = app.store.hold('histories');
    joining.push(other.ask('subscribe_thread', { thread_id: 't' }));
    await late.reached;
    await app.say('t', 'ada');
    // The second one began with seq 1, so the first one, who had read nothing yet, reads again.
    late.release();
    await joining[1];
    early.release();
    await joining[0];
    await app.say('t', 'ada');
    expect(view(other)).toEqual(['answer 1', 2, 3]);
    expect(view(client)).toEqual(['answer 2', 3]);
  });

  test('by another process is brought to those who had joined before, as soon as somebody reads further', async () => {
    const { app, client } = await setUp();
    await client.ask('subscribe_thread', { thread_id: 't' });
    for (const n of [1, 2]) {
      const actor = actorOf('ada');
      const about = { role: 'user' as const, content: `elsewhere ${n}`, metadata: {}, at: app.clock.now() };
      await app.store.write([{ kind: 'append', threadId: 't', actor, id: `e${n}`, messageId: `e${n}`, ...about }]);
    }
    const other = app.connect(actorOf('ada'));
    await other.ask('subscribe_thread', { thread_id: 't' });
    await app.clock.advance(50);
    expect(view(client)).toEqual(['answer 0', 1, 2]);
  });

  test('by a write that nobody answered for is found in the store', async () => {
    const { app, client } = await setUp();
    const read = app.store.hold('histories');
    const joining = client.ask('subscribe_thread', { thread_id: 't' });
    await read.reached;
    const write = app.store.hold('write');
    const saying = app.say('t', 'ada').catch((error: unknown) => (error as Error).name);
    await write.reached;
    app.store.isAway = true;
    write.release();
    expect(await saying).toBe('StoreUnavailable');
    app.store.isAway = false;
    read.release();
    await joining;
    await app.clock.advance(50);
    expect(view(client)).toEqual(['answer 0', 1]);
  });
});

describe('subscribing again', () => {
  test('gives the history again, and every event once', async () => {
    const { app, client } = await setUp();
    await client.ask('subscribe_thread', { thread_id: 't' });
    await app.say('t', 'ada');
    await client.ask('subscribe_thread', { thread_id: 't' });
    await app.say('t', 'ada');
    expect(view(client)).toEqual(['answer 0', 1, 'answer 1', 2]);
    expect(client.connection.subscriptions.size).toBe(1);
  });

  test('waits for the one that is under way', async () => {
    const { app, client } = await setUp();
    const held = app.store.hold('histories');
    const first = client.ask('subscribe_thread', { thread_id: 't' });
    await held.reached;
    const second = client.ask('subscribe_thread', { thread_id: 't' });
    await app.say('t', 'ada');
    held.release();
    await Promise.all([first, second]);
    expect(view(client)).toEqual(['answer 0', 1, 'answer 1']);
  });

  test('that fails leaves the subscription as it was', async () => {
    const { app, client } = await setUp();
    await client.ask('subscribe_thread', { thread_id: 't' });
    app.store.isAway = true;
    await client.refused('subscribe_thread', { thread_id: 't' });
    app.store.isAway = false;
    await app.say('t', 'ada');
    expect(view(client)).toEqual(['answer 0', 'refused', 1]);
    expect([...client.connection.subscriptions]).toEqual(['t']);
  });
});

describe('unsubscribing', () => {
  test('right behind a subscribe that is under way ends unsubscribed', async () => {
    const { app, client } = await setUp();
    const held = app.store.hold('histories');
    const subscribing = client.ask('subscribe_thread', { thread_id: 't' });
    await held.reached;
    const unsubscribing = client.ask('unsubscribe_thread', { thread_id: 't' });
    await turn();
    held.release();
    await Promise.all([subscribing, unsubscribing]);
    await app.say('t', 'ada');
    expect(view(client)).toEqual(['answer 0', 'answer']);
    expect(client.connection.subscriptions.size).toBe(0);
    expect(subscribed({ app, client })).toBe(false);
  });

  test('and subscribing again right behind it ends subscribed', async () => {
    const { app, client } = await setUp();
    await Promise.all([
      client.ask('subscribe_thread', { thread_id: 't' }),
      client.ask('unsubscribe_thread', { thread_id: 't' }),
      client.ask('subscribe_thread', { thread_id: 't' }),
    ]);
    await app.say('t', 'ada');
    expect(view(client)).toEqual(['answer 0', 'answer', 'answer 0', 1]);
  });
});

describe('a membership that ends', () => {
  const withoutBo = { thread_id: 't', members: ['cy'] };

  test('while the history is read: the thread is not found', async () => {
    const { app, client } = await setUp();
    const ada = app.connect(actorOf('ada'));
    await app.say('t', 'ada', 'for members');
    const held = app.store.hold('histories');
    const joining = client.refused('subscribe_thread', { thread_id: 't' });
    await held.reached;
    await ada.ask('update_thread', withoutBo);
    held.release();
    expect(await joining).toMatchObject({ code: 'thread_not_found' });
    await app.say('t', 'ada', 'for members');
    expect(view(client)).toEqual(['refused']);
    expect([client.connection.subscriptions.size, subscribed({ app, client })]).toEqual([0, false]);
  });

  test('in the moment before the answer: what comes next is forbidden', async () => {
    const { app, client } = await setUp();
    const ada = app.connect(actorOf('ada'));
    // Another entry of the batch is read again, and meanwhile nothing more is checked of this one.
    await app.thread('other', 'ada');
    const other = app.connect(actorOf('ada'));
    const [first, second] = [app.store.hold('histories'), app.store.hold('histories')];
    const joining = client.ask('subscribe_threads', { threads: [{ thread_id: 't' }, { thread_id: 'other' }] });
    await first.reached;
    await ada.ask('update_thread', { thread_id: 'other', title: 'changed' });
    first.release();
    await second.reached;
    await ada.ask('update_thread', withoutBo);
    second.release();
    await joining;
    await app.say('t', 'ada', 'for members');
    await app.say('other', 'ada');
    await turn();
    expect(client.seqs('t')).toEqual([]);
    expect(client.seqs('other')).toEqual([1]);
    expect(client.link.errors).toEqual([expect.objectContaining({ code: 'forbidden', thread_id: 't' })]);
    expect([...client.connection.subscriptions]).toEqual(['other']);
    expect(other.link.received).toEqual([]);
  });

  test('and comes back in the moment before the answer: nothing is missed', async () => {
    const { app, client } = await setUp();
    const ada = app.connect(actorOf('ada'));
    await app.thread('other', 'ada');
    const [first, second] = [app.store.hold('histories'), app.store.hold('histories')];
    const joining = client.ask('subscribe_threads', { threads: [{ thread_id: 't' }, { thread_id: 'other' }] });
    await first.reached;
    await ada.ask('update_thread', { thread_id: 'other', title: 'changed' });
    first.release();
    await second.reached;
    await ada.ask('update_thread', { thread_id: 't', title: 'changed too' });
    second.release();
    const check = app.store.hold('threads');
    await joining;
    await check.reached;
    await app.say('t', 'ada');
    expect(client.seqs('t')).toEqual([]);
    check.release();
    await turn();
    await app.say('t', 'ada');
    expect(client.seqs('t')).toEqual([1, 2]);
    expect(client.link.state).toBe('open');
  });

  test('or not, is checked before an unsubscribe that came behind', async () => {
    const { app, client } = await setUp();
    const ada = app.connect(actorOf('ada'));
    await app.thread('other', 'ada');
    const [first, second] = [app.store.hold('histories'), app.store.hold('histories')];
    const joining = client.ask('subscribe_threads', { threads: [{ thread_id: 't' }, { thread_id: 'other' }] });
    await first.reached;
    await ada.ask('update_thread', { thread_id: 'other', title: 'changed' });
    first.release();
    await second.reached;
    await ada.ask('update_thread', { thread_id: 't', title: 'changed too' });
    const check = app.store.hold('threads');
    second.release();
    await joining;
    await check.reached;
    const unsubscribing = client.ask('unsubscribe_thread', { thread_id: 't' });
    await turn();
    check.release();
    await unsubscribing;
    await app.say('t', 'ada');
    expect(client.seqs('t')).toEqual([]);
    expect([...client.connection.subscriptions]).toEqual(['other']);
  });

  test('cannot be checked while the store is away: the client has to start again', async () => {
    const { app, client } = await setUp();
    const ada = app.connect(actorOf('ada'));
    await app.thread('other', 'ada');
    const [first, second] = [app.store.hold('histories'), app.store.hold('histories')];
    const joining = client.ask('subscribe_threads', { threads: [{ thread_id: 't' }, { thread_id: 'other' }] });
    await first.reached;
    await ada.ask('update_thread', { thread_id: 'other', title: 'changed' });
    first.release();
    await second.reached;
    await ada.ask('update_thread', withoutBo);
    const check = app.store.hold('threads');
    second.release();
    await joining;
    await check.reached;
    app.store.isAway = true;
    check.release();
    await turn();
    expect(client.link.state).toBe('transport closed');
    expect(subscribed({ app, client })).toBe(false);
  });

  test('for one who re-reads with fewer rights than it began with: the thread is not found', async () => {
    const later = Date.parse('2030-01-01T00:00:00.000Z');
    const authenticator = { anonymous: false, identify: async () => identityOf(actorOf('cy'), later) };
    const app = new FakeApp({ authenticator });
    await app.thread('t', 'ada', ['bo']);
    const client = app.connect(actorOf('cy', { admin: true }), later);
    const held = app.store.hold('histories');
    const joining = client.request('subscribe_thread', { thread_id: 't' });
    await held.reached;
    await client.ask('reauth', { token: 'without admin' });
    held.release();
    expect(await joining).toMatchObject({ ok: false, error: { code: 'thread_not_found' } });
    await app.say('t', 'ada', 'for members');
    expect([client.seqs('t'), subscribed({ app, client })]).toEqual([[], false]);
  });

  test('and comes back while one who was subscribed reads again: it holds a subscription like any other', async () => {
    const { app, client } = await setUp();
    const ada = app.connect(actorOf('ada'));
    await client.ask('subscribe_thread', { thread_id: 't' });
    const held = app.store.hold('histories');
    const joining = client.ask('subscribe_thread', { thread_id: 't' });
    await held.reached;
    await ada.ask('update_thread', withoutBo);
    await ada.ask('update_thread', { thread_id: 't', members: ['bo'] });
    held.release();
    await joining;
    expect(subscribed({ app, client })).toBe(true);
    expect([...client.connection.subscriptions]).toEqual(['t']);
  });
});

describe('a join that comes to nothing', () => {
  test.each(['is closed', 'is refused', 'finds the store away'])(
    'because the connection %s leaves nothing behind',
    async (why) => {
      const { app, client } = await setUp();
      const held = app.store.hold('histories');
      const thread_id = why === 'is refused' ? 'none' : 't';
      const joining = client.request('subscribe_thread', { thread_id });
      await held.reached;
      if (why === 'is closed') client.close();
      if (why === 'finds the store away') app.store.isAway = true;
      held.release();
      await joining;
      app.store.isAway = false;
      await app.say('t', 'ada');
      expect(client.seqs('t')).toEqual([]);
      expect(subscribed({ app, client })).toBe(false);
      expect(app.services.announcer.size).toBe(0);
      if (why !== 'is closed') expect(client.connection.subscriptions.size).toBe(0);
    },
  );

  test('does not take the thread from those who are in it', async () => {
    const { app, client } = await setUp();
    await client.ask('subscribe_thread', { thread_id: 't' });
    const stranger = app.connect(actorOf('cy'));
    await stranger.refused('subscribe_thread', { thread_id: 't' });
    await app.say('t', 'ada');
    expect(client.seqs('t')).toEqual([1]);
  });

  test('gives its slots back', async () => {
    const { app, client } = await setUp({ maxSubscriptions: 2 });
    const threads = ['t', 'none'].map((thread_id) => ({ thread_id }));
    app.store.isAway = true;
    for (let i = 1; i <= 5; i++) {
      expect(await client.refused('subscribe_threads', { threads })).toMatchObject({ code: 'unavailable' });
    }
    app.store.isAway = false;
    await client.ask('subscribe_threads', { threads });
    expect([...client.connection.subscriptions]).toEqual(['t']);
  });

  test('because the thread changes its members all the time is an overload', async () => {
    const { app, client } = await setUp();
    let reads = 0;
    app.store.beforeRead = () => {
      reads++;
      app.services.announcer.accessChanged('t');
    };
    expect(await client.refused('subscribe_thread', { thread_id: 't' })).toMatchObject({ code: 'overloaded' });
    expect(reads).toBe(20);
    expect([client.connection.subscriptions.size, subscribed({ app, client })]).toEqual([0, false]);
  });
});

describe('the limit of subscriptions', () => {
  const threads = (...ids: string[]) => ({ threads: ids.map((thread_id) => ({ thread_id })) });
  const outcomes = async (client: FakeClient, ...ids: string[]) =>
    (await client.ask('subscribe_threads', threads(...ids))).threads.map((entry) =>
      entry.ok ? 'ok' : entry.error.code,
    );

  test('refuses what is beyond it, entry by entry', async () => {
    const { app, client } = await setUp({ maxSubscriptions: 2 });
    for (const id of ['a', 'b', 'c']) await app.thread(id, 'bo');
    expect(await outcomes(client, 'a', 'b', 'c', 'a')).toEqual(['ok', 'ok', 'too_many_subscriptions', 'ok']);
    expect(await client.refused('subscribe_thread', { thread_id: 'c' })).toMatchObject({
      code: 'too_many_subscriptions',
      retry: 'never',
      thread_id: 'c',
    });
    await client.ask('unsubscribe_thread', { thread_id: 'a' });
    expect(await outcomes(client, 'c')).toEqual(['ok']);
  });

  test('gives the places of a batch to those that can be joined, in order', async () => {
    const { app, client } = await setUp({ maxSubscriptions: 3 });
    for (const id of ['a', 'b', 'c']) await app.thread(id, 'bo');
    await client.ask('subscribe_thread', { thread_id: 't' });
    const gone = Array<string>(3).fill('thread_not_found');
    expect(await outcomes(client, 'none', 'nil', 'void', 'a', 'b', 'c', 't', 'b')).toEqual([
      ...gone,
      'ok',
      'ok',
      'too_many_subscriptions',
      'ok',
      'ok',
    ]);
    expect([...client.connection.subscriptions].toSorted()).toEqual(['a', 'b', 't']);
    for (const id of ['a', 'b', 'c', 't']) await app.say(id, 'ada');
    expect(['a', 'b', 'c', 't'].map((id) => client.seqs(id).length)).toEqual([1, 1, 0, 1]);
    expect(await outcomes(client, 'none', 'c')).toEqual(['too_many_subscriptions', 'too_many_subscriptions']);
  });

  test('is never exceeded by batches that come together', async () => {
    const { app, client } = await setUp({ maxSubscriptions: 3 });
    for (const id of ['a', 'b', 'c', 'd']) await app.thread(id, 'bo');
    const both = await Promise.all([outcomes(client, 't', 'none'), outcomes(client, 'a', 'b', 'c', 'd')]);
    expect(both.flat().filter((outcome) => outcome === 'ok').length).toBeLessThanOrEqual(3);
    expect([...client.connection.subscriptions].toSorted()).toEqual(['a', 'b', 't']);
  });

  test('counts a thread once, however often a batch names it', async () => {
    const { app, client } = await setUp({ maxSubscriptions: 2 });
    await app.thread('a', 'bo');
    expect(await outcomes(client, 't', 't', 't', 'a', 't')).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    await app.say('t', 'ada');
    expect(client.seqs('t')).toEqual([1]);
  });

  test('holds for requests that come together', async () => {
    const { app, client } = await setUp({ maxSubscriptions: 1 });
    await app.thread('a', 'bo');
    const joining = client.ask('subscribe_thread', { thread_id: 't' });
    expect(await outcomes(client, 'a')).toEqual(['too_many_subscriptions']);
    await joining;
  });
});

describe('a batch', () => {
  test('answers entry by entry, in order, each with its own outcome', async () => {
    const { app, client } = await setUp();
    await app.thread('secret', 'ada', ['cy']);
    await app.say('t', 'ada');
    await app.say('t', 'ada');
    const { threads } = await client.ask('subscribe_threads', {
      threads: [
        { thread_id: 'none' },
        { thread_id: 't', after_seq: 1 },
        { thread_id: 'secret' },
        { thread_id: 't', limit: 0 },
      ],
    });
    expect(threads).toEqual([
      { ok: false, error: expect.objectContaining({ code: 'thread_not_found', thread_id: 'none' }) },
      { ok: true, data: expect.objectContaining({ recovered: true, messages: [expect.objectContaining({ seq: 2 })] }) },
      { ok: false, error: expect.objectContaining({ code: 'thread_not_found', thread_id: 'secret' }) },
      { ok: true, data: expect.objectContaining({ recovered: false, messages: [], has_more: true }) },
    ]);
  });

  test('shares 1 MiB also where a part of it is read again', async () => {
    const { app, client } = await setUp();
    const ada = app.connect(actorOf('ada'));
    const ids = ['a', 'b', 'c', 'd'];
    for (const id of ids) {
      await app.thread(id, 'ada');
      for (let i = 1; i <= 7; i++) await app.say(id, 'ada', 'x'.repeat(60_000));
    }
    const held = app.store.hold('histories');
    const joining = client.ask('subscribe_threads', { threads: ids.map((thread_id) => ({ thread_id })) });
    await held.reached;
    for (const thread_id of ['a', 'd']) await ada.ask('update_thread', { thread_id, title: 'changed' });
    held.release();
    const { threads } = await joining;
    const pages = threads.map((entry) => (entry.ok ? entry.data : undefined)!);
    const bytes = pages.map(({ messages }) => utf8Bytes(JSON.stringify(messages)));
    expect(pages.map(({ thread, has_more }) => [thread.title, has_more])).toEqual([
      ['changed', false],
      ['', false],
      ['', true],
      ['changed', true],
    ]);
    expect(bytes.reduce((sum, size) => sum + size)).toBeLessThan(limits.maxSubscribeBytes + 1000);
    expect(pages.map(({ messages }) => messages.length)).toEqual([7, 7, 3, 0]);
  });
});
