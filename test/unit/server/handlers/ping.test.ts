import { expect, test } from '@jest/globals';
import { FakeApp, actorOf } from '../../../support/fake-services.ts';

test('answers with the time of the server', async () => {
  const app = new FakeApp();
  const client = app.connect(actorOf('ada'));
  await app.clock.advance(1234);
  expect(await client.ask('ping', {})).toEqual({ server_time: '2026-01-15T09:30:01.234Z' });
});
