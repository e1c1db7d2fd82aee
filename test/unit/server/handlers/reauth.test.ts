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
