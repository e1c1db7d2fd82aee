import type { Revocations } from './admin/revocations.ts';
import type { NodeActivity } from './admin/console/node-activity.ts';
import type { Authenticator } from './connection/authenticate.ts';
import type { TokenBucket } from './connection/token-bucket.ts';
import type { Rooms } from './fanout/rooms.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import type { Responders } from './responder/responders.ts';
import type { ThreadStore } from './store/thread-store.ts';
import type { Streams } from './streams/streams.ts';
import type { Announcer } from './threads/announcer.ts';
import type { HeadPoll } from './threads/head-poll.ts';
import type { LogWriter } from './threads/log-writer.ts';
import type { ThreadWatch } from './threads/thread-watch.ts';

/** What handlers work with. */
export interface Services {
  readonly store: ThreadStore;
  readonly writer: LogWriter;
  readonly streams: Streams;
  /** Absent where nobody answers. */
  readonly responders?: Responders | undefined;
  readonly announcer: Announcer;
  readonly rooms: Rooms;
  readonly watch: ThreadWatch;
  readonly headPoll: HeadPoll;
  readonly authenticator: Authenticator;
  /** Whom operators keep out. */
  readonly revocations: Pick<Revocations, 'has'>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Is told what operators look at. */
  readonly activity: Pick<NodeActivity, 'refused'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A new unique id. */
  readonly newId: () => string;
  readonly maxSubscriptions: number;
  /** What limits the text that a new producer streams, in bytes. */
  readonly newTextBucket: () => TokenBucket;
}
