import { describe, expect, test } from '@jest/globals';
import type { Identity } from '../../../../server/src/connection/authenticate.ts';
import { RequestError } from '../../../../server/src/request-error.ts';
import { FakeApp, actorOf, identityOf } from '../../../support/fake-services.ts';
import { turn } from '../../../support/manual-clock.ts';

const later = Date.parse('2026-01-15T10:30:00.000Z');
const muchLater = Date.parse('2026-01-15T11:30:00.000Z');
const admin = actorOf('ada', { admin: true });

/** A client, and what a new token of it would prove. */
function setUp(now: Identity, next: Identity | RequestError) {
  const identify = async ({ token }: { token?: string | undefined }): Promise<Identity> => {
    expect(token).toBe('new');
    if (next instanceof RequestError) throw next;
    return next;
  };
  const app = new FakeApp({ authenticator: { anonymous: false, identify } });
  const client = app.connect(now.actor, now.expiresAt);
  return { app, client, connection: client.connection };
}

describe('a new token', () => {
  test('replaces the old one', async () => {
    const next = identityOf(actorOf('ada', { agent: true, name: 'Ada' }), muchLater);
    const { client, connection } = setUp(identityOf(actorOf('ada'), later), next);
    expect(await client.ask('reauth', { token: 'new' })).toEqual({
      user: { id: 'ada', name: 'Ada' },
      expires_at: '2026-01-15T11:30:00.000Z',
    });
    expect(connection.identity).toBe(next);
  });

  test('of another user is forbidden, and changes nothing', async () => {
    const { client, connection } = setUp(identityOf(actorOf('ada'), later), identityOf(actorOf('bo'), muchLater));
    expect(await client.refused('reauth', { token: 'new' })).toMatchObject({ code: 'forbidden', retry: 'never' });
    expect(connection.identity).toEqual(identityOf(actorOf('ada'), later));
    expect(client.link.state).toBe('open');
  });

  test.each([
    ['does not hold', 'unauthenticated', 'unauthenticated'],
    ['has run out already', 'token_expired', 'unauthenticated'],
    ['cannot be checked', 'unavailable', 'unavailable'],
  ] as const)('that %s leaves the old one and the connection as they are', async (_name, thrown, code) => {
    const { client, connection } = setUp(identityOf(actorOf('ada'), later), new RequestError(thrown, 'no'));
    const error = await client.refused('reauth', { token: 'new' });
    expect(error.code).toBe(code);
    expect(error).not.toHaveProperty('fatal');
    expect(connection.identity.expiresAt).toBe(later);
    expect(client.link.state).toBe('open');
  });

  test('that comes behind another one holds, however long that one takes to be checked', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const expiries: Record<string, number> = { older: later, newer: muchLater };
    const identify = async ({ token = '' }: { token?: string | undefined }): Promise<Identity> => {
      if (token === 'older') await held;
      return identityOf(actorOf('ada'), expiries[token]);
    };
    const client = new FakeApp({ authenticator: { anonymous: false, identify } }).connect(actorOf('ada'), later);
    const requests = ['older', 'newer'].map((token) => client.ask('reauth', { token }));
    await turn();
    release();
    await Promise.all(requests);
    expect(client.connection.identity.expiresAt).toBe(muchLater);
    expect(client.link.received.map(([, answer]) => (answer as { data: unknown }).data)).toEqual([
      { user: { id: 'ada' }, expires_at: '2026-01-15T10:30:00.000Z' },
      { user: { id: 'ada' }, expires_at: '2026-01-15T11:30:00.000Z' },
    ]);
  });

  test('that is bad does not hold up the next one', async () => {
    const identify = async ({ token }: { token?: string | undefined }): Promise<Identity> => {
      if (token === 'bad') throw new RequestError('unauthenticated', 'no');
      return identityOf(actorOf('ada'), muchLater);
    };
    const client = new FakeApp({ authenticator: { anonymous: false, identify } }).connect(actorOf('ada'), later);
    const refused = client.refused('reauth', { token: 'bad' });
    await client.ask('reauth', { token: 'good' });
    expect((await refused).code).toBe('unauthenticated');
    expect(client.connection.identity.expiresAt).toBe(muchLater);
  });

  test('is not needed in anonymous mode, and changes nothing', async () => {
    const client = new FakeApp().connect(actorOf('ada'));
    expect(await client.ask('reauth', { token: 'whatever' })).toEqual({ user: { id: 'ada' } });
  });
});

describe('an admin who becomes a user', () => {
  async function subscribed(next: Identity) {
    const { app, client } = setUp(identityOf(admin, later), next);
    await app.thread('hidden', 'bo', ['cy']);
    await app.thread('open', 'bo');
    await app.thread('shared', 'bo', ['ada']);
    for (const thread_id of ['hidden', 'open', 'shared']) await client.ask('subscribe_thread', { thread_id });
    return { app, client };
  }
  const sayEverywhere = async (app: FakeApp): Promise<void> => {
    for (const id of ['hidden', 'open', 'shared']) await app.say(id, 'bo');
  };

  test('leaves the threads that are closed to the user, and is told', async () => {
    const { app, client } = await subscribed(identityOf(actorOf('ada'), muchLater));
    await client.ask('reauth', { token: 'new' });
    await sayEverywhere(app);
    expect(['hidden', 'open', 'shared'].map((id) => client.seqs(id))).toEqual([[], [1], [1]]);
    expect(client.link.errors).toEqual([expect.objectContaining({ code: 'forbidden', thread_id: 'hidden' })]);
    expect([...client.connection.subscriptions]).toEqual(['open', 'shared']);
  });

  test('has to list its threads anew where it watches them: after the answer it is sent away to come back', async () => {
    const { client } = await subscribed(identityOf(actorOf('ada'), muchLater));
    await client.ask('watch_threads', {});
    expect((await client.request('reauth', { token: 'new' })).ok).toBe(true);
    expect(client.link.names.slice(-1)).toEqual(['ack']);
    expect(client.link.state).toBe('transport closed');
  });

  test('goes on where it watches no threads', async () => {
    const { client } = await subscribed(identityOf(actorOf('ada'), muchLater));
    await client.ask('watch_threads', {});
    await client.ask('unwatch_threads', {});
    await client.ask('reauth', { token: 'new' });
    expect(client.link.state).toBe('open');
  });

  test('has to start again where the store cannot tell what is closed', async () => {
    const { app, client } = await subscribed(identityOf(actorOf('ada'), muchLater));
    app.store.isAway = true;
    await client.request('reauth', { token: 'new' });
    app.store.isAway = false;
    await sayEverywhere(app);
    expect(client.link.state).toBe('transport closed');
    expect(client.seqs('hidden')).toEqual([]);
  });

  test('keeps everything where the new token is an admin as well', async () => {
    const { app, client } = await subscribed(identityOf(admin, muchLater));
    await client.ask('reauth', { token: 'new' });
    await turn();
    await sayEverywhere(app);
    expect(client.seqs('hidden')).toEqual([1]);
    expect(client.link.errors).toEqual([]);
  });
});
