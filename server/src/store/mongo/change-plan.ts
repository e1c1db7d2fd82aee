import { decideChange, decideStreamEnd } from '../rules.ts';
import type { DeleteOp, EditOp, MessageWritten, Refusal, StreamEndOp } from '../thread-store.ts';
import { toMessage } from './documents.ts';
import type { MessageDocument, StoredMessage } from './documents.ts';
import { streamFacts, streamState } from './stream-facts.ts';

/** What gives a message a new seq. */
export type ChangeOp = EditOp | DeleteOp | StreamEndOp;

export interface ChangePlan {
  /** What must still hold when it is written, besides seq and status. */
  readonly condition: object;
  /** What the message has from then on, besides its number and times. */
  readonly set: Partial<Pick<MessageDocument, 'content' | 'metadata' | 'status' | 'error'>>;
  /** The text stays where it is, so the message is not known before it is written. */
  readonly keepsParts: boolean;
}

/** Decides a change of the message as it was read: its result, or how it is to be written. */
export function planChange(
  stored: StoredMessage | null,
  op: ChangeOp,
  isLateForText: boolean,
): Refusal | 'nothing' | ChangePlan {
  if (op.kind === 'stream_end') return planEnd(stored, op, isLateForText);
  const decision = decideChange(stored ? toMessage(stored) : undefined, op);
  if (decision.do === 'refuse') return decision.refusal;
  if (decision.do === 'nothing') return 'nothing';
  const { content, metadata, status, error = null } = decision.fields;
  return { condition: {}, set: { content, metadata: JSON.stringify(metadata), status, error }, keepsParts: false };
}

/**
 * Text takes no seq: where the end makes content of the text that was read, none may have come since. From a producer
 * that writes on at another process it may come faster than that; then it stays in its parts.
 */
function planEnd(stored: StoredMessage | null, op: StreamEndOp, isLateForText: boolean): ReturnType<typeof planChange> {
  const decision = decideStreamEnd(streamFacts(stored), op);
  if (decision !== 'end') return decision;
  const { epoch, length } = streamState(stored!);
  const { status, error, metadata, leaseOverAt } = op;
  const keepsParts = isLateForText && op.offset === undefined;
  return {
    condition: {
      epoch,
      ...(keepsParts ? undefined : { length }),
      ...(leaseOverAt === undefined ? undefined : { lease_until: { $lte: new Date(leaseOverAt) } }),
    },
    set: {
      status,
      ...(keepsParts ? undefined : { content: toMessage(stored!).content }),
      ...(error === undefined ? undefined : { error }),
      ...(metadata === undefined ? undefined : { metadata: JSON.stringify(metadata) }),
    },
    keepsParts,
  };
}

/** What became of the message. */
export function written(document: StoredMessage, op: ChangeOp, changed: boolean): MessageWritten {
  const message = toMessage(document);
  if (op.kind !== 'stream_end') return { ok: true, message, changed };
  return { ok: true, message, changed, stream: streamState(document) };
}
