import type { StreamLoss, StreamProducer } from '../../../../server/src/streams/active-stream.ts';
import type { Actor } from '../../../../server/src/threads/access.ts';
import { actorOf } from '../../../support/fake-services.ts';

/** A producer that keeps what it is told. */
export class FakeProducer implements StreamProducer {
  readonly actor: Actor;
  isClosed = false;
  readonly losses: StreamLoss[] = [];

  constructor(user: string) {
    this.actor = actorOf(user, { agent: true });
  }

  streamLost(loss: StreamLoss): void {
    this.losses.push(loss);
  }
}
