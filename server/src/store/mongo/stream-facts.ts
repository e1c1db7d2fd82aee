import type { StreamFacts } from '../rules.ts';
import type { StreamState } from '../thread-store.ts';
import type { MessageDocument } from './documents.ts';

type Stored = Pick<MessageDocument, 'sender_id' | 'status' | 'epoch' | 'length' | 'lease_until'>;

/** What the rules ask of a stream; undefined where there is no message, or one that is no stream. */
export function streamFacts(stored: Stored | null): StreamFacts | undefined {
  if (stored?.epoch === undefined) return undefined;
  const { sender_id: senderId, status, lease_until: leaseUntil } = stored;
  return { ...streamState(stored), senderId, status, leaseUntil: leaseUntil?.getTime() ?? 0 };
}

/** Of a message that is known to be a stream. */
export function streamState({ epoch, length }: Pick<MessageDocument, 'epoch' | 'length'>): StreamState {
  return { epoch: epoch!, length: length! };
}
