import { describe, expect, test } from '@jest/globals';
import { FakeApp, actorOf } from '../../support/fake-services.ts';

const overAMinuteMs = 70_000;

/** Stores a message as another process would: nobody on this node is told. */
async function sayElsewhere(app: FakeApp, threadId: string, content: string): Promise<void> {
  const { newId, now } = app.services;
  await app.store.write([
    {
      kind: 'append',
      threadId,
      actor: actorOf('ada'),
      id: newId(),
      messageId: newId(),
      role: 'user',
      content,
      metadata: {},
      at: now(),
    },
  ]);
}

async function setUp() {
  const app = new FakeApp();
  await app.thread('t', 'ada', ['bo']);
  const ada = app.connect(actorOf('ada'));
  const bo = app.connect(actorOf('bo'));
  for (const client of [ada, bo]) await client.ask('subscribe_thread', { thread_id: 't' });
  return { app, ada, bo };
}

/** Leaves a thread to these members, as another process would. */
async function leaveElsewhereTo(app: FakeApp, members: string[]): Promise<void> {
  await app.store.updateThread({ threadId: 't', actor: actorOf('ada'), members, at: app.clock.now() });
}

describe('the poll of heads', () => {
  test('brings what another process wrote, in order, within five seconds', async () => {
    const { app, ada } = await setUp();
    app.services.headPoll.start();
    await sayElsewhere(app, 't', 'one');
    await sayElsewhere(app, 't', 'two');
    expect(ada.seqs('t')).toEqual([]);
    await app.clock.advance(5000);
    expect(ada.seqs('t')).toEqual([1, 2]);
  });

  test('finds whoever another process removed', async () => {
    const { app, ada, bo } = await setUp();
    app.services.headPoll.start();
    await leaveElsewhereTo(app, ['cy']);
    await app.clock.advance(5000);
    expect(bo.link.errors).toEqual([expect.objectContaining({ code: 'forbidden', thread_id: 't' })]);
    expect(ada.link.errors).toEqual([]);
    await app.say('t', 'ada');
    expect([ada.seqs('t'), bo.seqs('t')]).toEqual([[1], []]);
  });

  test('finds it in every round, not only in the first', async () => {
    const { app, ada, bo } = await setUp();
    app.services.headPoll.start();
    await app.clock.advance(10_000);
    expect(bo.link.errors).toEqual([]);
    await leaveElsewhereTo(app, ['cy']);
    await app.clock.advance(5000);
    expect(bo.link.errors).toEqual([expect.objectContaining({ code: 'forbidden', thread_id: 't' })]);
    // And again, once he was let in again.
    await leaveElsewhereTo(app, ['bo']);
    await bo.ask('subscribe_thread', { thread_id: 't' });
    await app.clock.advance(5000);
    await leaveElsewhereTo(app, ['cy']);
    await app.clock.advance(5000);
    expect(bo.link.errors).toHaveLength(2);
    expect(ada.link.errors).toEqual([]);
  });

  test('asks for all threads that are listened to, however many', async () => {
    const { app, ada } = await setUp();
    const ids = Array.from({ length: 700 }, (_, i) => `t${i}`);
    for (const id of ids) {
      await app.thread(id, 'ada');
      await ada.ask('subscribe_thread', { thread_id: id });
    }
    app.services.headPoll.start();
    for (const id of ids) await sayElsewhere(app, id, 'one');
    await app.clock.advance(5000);
    expect(ids.filter((id) => ada.seqs(id).length !== 1)).toEqual([]);
  });

  test('goes on after the store was away', async () => {
    const { app, ada } = await setUp();
    app.services.headPoll.start();
    await sayElsewhere(app, 't', 'one');
    app.store.isAway = true;
    await app.clock.advance(5000);
    expect(ada.seqs('t')).toEqual([]);
    app.store.isAway = false;
    await app.clock.advance(5000);
    expect(ada.seqs('t')).toEqual([1]);
  });

  test('asks nothing where nothing is amiss, and no longer than a minute after an alert', async () => {
    const { app } = await setUp();
    expect(app.clock.pending).toEqual([]);
    app.services.headPoll.alert();
    await app.clock.advance(overAMinuteMs);
    expect(app.clock.pending).toEqual([]);
  });
});

describe('a write that ended without an answer', () => {
  test('is announced even if it takes effect long after', async () => {
    const { app, ada } = await setUp();
    app.store.isAway = true;
    expect(await ada.refused('send_message', { thread_id: 't', content: 'late' })).toMatchObject({
      code: 'unavailable',
    });
    app.store.isAway = false;
    await app.clock.advance(20_000);
    await sayElsewhere(app, 't', 'late');
    await app.clock.advance(5000);
    expect(ada.seqs('t')).toEqual([1]);
  });

  test('is announced when its repeat finds it stored', async () => {
    const { app, ada, bo } = await setUp();
    const message = { thread_id: 't', content: 'once', message_id: 'm-1' };
    const held = app.store.hold('write');
    const sending = ada.refused('send_message', message);
    await held.reached;
    app.store.isAway = true;
    held.release();
    await sending;
    app.store.isAway = false;
    expect(await bo.ask('fetch_history', { thread_id: 't' })).toMatchObject({ head_seq: 1 });
    expect(await ada.ask('send_message', message)).toMatchObject({ duplicate: true });
    await app.clock.advance(50);
    expect(bo.seqs('t')).toEqual([1]);
  });

  test('takes a removed member out of the room, if it was an update that took effect', async () => {
    const { app, ada, bo } = await setUp();
    app.store.isAway = true;
    expect(await ada.refused('update_thread', { thread_id: 't', members: ['cy'] })).toMatchObject({
      code: 'unavailable',
    });
    app.store.isAway = false;
    await leaveElsewhereTo(app, ['cy']);
    await app.clock.advance(5000);
    expect(bo.link.errors).toEqual([expect.objectContaining({ code: 'forbidden', thread_id: 't' })]);
  });
});
