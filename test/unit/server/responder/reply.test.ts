import { expect, test } from '@jest/globals';
import { Reply } from '../../../../server/src/responder/reply.ts';
import type { ReplyPorts } from '../../../../server/src/responder/reply.ts';
import { RequestError } from '../../../../server/src/request-error.ts';
import { StoreUnavailable } from '../../../../server/src/store/thread-store.ts';
import { fakeLogger } from '../../../support/fake-services.ts';
import { messageOf } from '../changes.ts';

/** Has a reply of these pieces streamed, where the second is not stored for this reason; gives how it was ended. */
async function endOf(pieces: readonly string[], refusal: Error): Promise<unknown> {
  let appended = 0;
  const ends: unknown[] = [];
  const message = messageOf({ seq: 2, id: 's', status: 'streaming', content: '' });
  const streams = {
    active: new Map([['s', { text: { length: pieces.join('').length } }]]),
    start: async () => ({ message, offset: 0, resumed: false }),
    append: async () => {
      appended += 1;
      if (appended === 2) throw refusal;
      return 0;
    },
    end: async (_producer: unknown, { status, offset, error }: Record<string, unknown>) =>
      ends.push(error === undefined ? { status, offset } : { status, offset, error }),
    cancel: async () => message,
    producerGone: () => undefined,
  };
  const respond: ReplyPorts['respond'] = async function* () {
    yield* pieces;
  };
  const store = { histories: async () => [] };
  const ports = { respond, streams, store, logger: fakeLogger().logger } as unknown as ReplyPorts;
  await new Reply(messageOf({ seq: 1, id: 'q' }), ports).run(false);
  expect(ends).toHaveLength(1);
  return ends[0];
}

const pieces = ['one ', 'two ', 'three ', 'four'];

test.each([new StoreUnavailable('away'), new RequestError('overloaded', 'Too many writes are waiting.')])(
  'a reply goes on where text is stored later: %s',
  async (refusal) => {
    expect(await endOf(pieces, refusal)).toEqual({ status: 'complete', offset: pieces.join('').length });
  },
);

test('a reply has failed where its text is refused for good', async () => {
  const refusal = new RequestError('stream_not_found', 'There is no such stream that you may read.');
  expect(await endOf(pieces, refusal)).toMatchObject({
    status: 'failed',
    error: 'The reply could not be continued where it broke off.',
  });
});
