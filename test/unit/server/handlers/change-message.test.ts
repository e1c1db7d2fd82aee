import { describe, expect, test } from '@jest/globals';
import { FakeApp, actorOf } from '../../../support/fake-services.ts';

async function setUp() {
  const app = new FakeApp();
  await app.thread('t', 'ada');
  const [ada, bo] = [app.connect(actorOf('ada')), app.connect(actorOf('bo'))];
  const { message } = await ada.ask('send_message', { thread_id: 't', content: 'hello', metadata: { a: 1 } });
  await bo.ask('subscribe_thread', { thread_id: 't' });
  bo.link.received.length = 0;
  return { app, ada, bo, message, it: { thread_id: 't', id: message.id } };
}

describe('edit_message', () => {
  test('replaces the content, takes a seq, and tells the thread before it answers', async () => {
    const { app, ada, bo, message, it } = await setUp();
    await app.clock.advance(1000);
    const edited = await ada.ask('edit_message', { ...it, content: 'changed' });
    const updated_at = '2026-01-15T09:30:01.000Z';
    expect(edited.message).toEqual({ ...message, content: 'changed', seq: 2, updated_at });
    expect(bo.link.received).toEqual([['message_updated', edited.message]]);
  });

  test('replaces the metadata where it is given', async () => {
    const { ada, it } = await setUp();
    const { message } = await ada.ask('edit_message', { ...it, content: 'hello', metadata: {} });
    expect(message).toMatchObject({ seq: 2, metadata: {} });
  });

  test('that changes nothing takes no seq and tells nobody', async () => {
    const { ada, bo, message, it } = await setUp();
    expect(await ada.ask('edit_message', { ...it, content: 'hello', metadata: { a: 1 } })).toEqual({ message });
    expect(bo.link.received).toEqual([]);
  });

  test('holds its ground against another edit by if_seq', async () => {
    const { ada, bo, it } = await setUp();
    await ada.ask('edit_message', { ...it, content: 'one', if_seq: 1 });
    const error = await ada.refused('edit_message', { ...it, content: 'two', if_seq: 1 });
    expect(error).toMatchObject({ code: 'seq_conflict', retry: 'never', details: { seq: 2 }, thread_id: 't' });
    expect(bo.seqs('t')).toEqual([2]);
  });

  test('two of which come at once with the same if_seq: one wins', async () => {
    const { ada, bo, it } = await setUp();
    const edits = ['one', 'two'].map((content) => ada.request('edit_message', { ...it, content, if_seq: 1 }));
    expect((await Promise.all(edits)).map(({ ok }) => ok)).toEqual([true, false]);
    expect(bo.seqs('t')).toEqual([2]);
  });

  test('of a deleted message finds none', async () => {
    const { ada, it } = await setUp();
    await ada.ask('delete_message', it);
    expect(await ada.refused('edit_message', { ...it, content: 'back' })).toMatchObject({ code: 'message_not_found' });
  });
});

describe('delete_message', () => {
  test('leaves a tombstone, and tells the thread', async () => {
    const { ada, bo, it } = await setUp();
    const { message } = await ada.ask('delete_message', it);
    expect(message).toMatchObject({
      id: it.id,
      seq: 2,
      position: 1,
      status: 'deleted',
      content: '',
      metadata: {},
    });
    expect(bo.link.received).toEqual([['message_updated', message]]);
  });

  test('again gives the same tombstone, takes no seq and tells nobody', async () => {
    const { ada, bo, it } = await setUp();
    const first = await ada.ask('delete_message', it);
    expect(await ada.ask('delete_message', { ...it, if_seq: 1 })).toEqual(first);
    expect(bo.link.received).toHaveLength(1);
  });

  test('holds its ground against an edit by if_seq', async () => {
    const { ada, it } = await setUp();
    await ada.ask('edit_message', { ...it, content: 'changed' });
    expect(await ada.refused('delete_message', { ...it, if_seq: 1 })).toMatchObject({
      code: 'seq_conflict',
      details: { seq: 2 },
    });
    expect(await ada.ask('delete_message', { ...it, if_seq: 2 })).toMatchObject({ message: { seq: 3 } });
  });
});

describe('delete_message of what streams, with if_seq', () => {
  async function streaming() {
    const app = new FakeApp();
    await app.thread('t', 'bot');
    const bot = app.connect(actorOf('bot', { agent: true }));
    const other = app.connect(actorOf('bot', { agent: true }));
    const { message } = await bot.ask('stream_start', { thread_id: 't', message_id: 'run' });
    return { app, bot, other, stream_id: message.id, it: { thread_id: 't', id: message.id, if_seq: message.seq } };
  }

  test('is not held up by the cancel that it takes', async () => {
    const { bot, it } = await streaming();
    expect(await bot.ask('delete_message', it)).toMatchObject({ message: { seq: 3, status: 'deleted' } });
  });

  test.each([
    ['its producer ends', 'stream_end', { offset: 0, status: 'complete' }, 'complete'],
    ['somebody else cancels', 'stream_cancel', {}, 'cancelled'],
  ] as const)('is refused where %s it first', async (_who, event, fields, status) => {
    const { app, bot, other, stream_id, it } = await streaming();
    const hold = app.store.hold('write');
    const deleting = other.refused('delete_message', it);
    await hold.reached;
    // It is found to stream, and ends before it can be cancelled.
    const ending = bot.ask(event, { stream_id, ...fields });
    hold.release();
    expect(await ending).toMatchObject({ message: { seq: 2, status } });
    expect(await deleting).toMatchObject({ code: 'seq_conflict', details: { seq: 2 } });
    const { messages } = await bot.ask('fetch_history', { thread_id: 't' });
    expect(messages).toMatchObject([{ status, seq: 2 }]);
  });
});

describe.each([
  ['edit_message', { content: 'changed' }],
  ['delete_message', {}],
] as const)('%s', (event, fields) => {
  const change = (it: { thread_id: string; id: string }) => ({ ...it, ...fields }) as never;

  test('is for the sender and for admins', async () => {
    const { app, bo, it } = await setUp();
    expect(await bo.refused(event, change(it))).toMatchObject({ code: 'forbidden', retry: 'never' });
    expect(bo.seqs('t')).toEqual([]);
    const admin = app.connect(actorOf('root', { admin: true }));
    expect(await admin.ask(event, change(it))).toMatchObject({ message: { seq: 2, sender: { id: 'ada' } } });
  });

  test('of a message or a thread that does not exist is not found', async () => {
    const { app, ada, it } = await setUp();
    await app.thread('other', 'ada');
    await app.thread('hidden', 'bo', ['cy']);
    expect(await ada.refused(event, change({ ...it, id: 'none' }))).toMatchObject({ code: 'message_not_found' });
    expect(await ada.refused(event, change({ ...it, thread_id: 'other' }))).toMatchObject({
      code: 'message_not_found',
    });
    for (const thread_id of ['none', 'hidden']) {
      expect(await ada.refused(event, change({ ...it, thread_id }))).toMatchObject({
        code: 'thread_not_found',
        thread_id,
      });
    }
  });
});
