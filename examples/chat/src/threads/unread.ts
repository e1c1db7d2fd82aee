import type { ThreadObject } from './thread-object.ts';

/** What a user has not seen of a thread. */
export interface Unread {
  readonly isUnread: boolean;
  /** At most so many messages: edits count too. Undefined where the thread was never opened here. */
  readonly atMost: number | undefined;
}

const nothing: Unread = { isUnread: false, atMost: 0 };

export function unreadOf({ id, head_seq: head }: ThreadObject, seen: ReadonlyMap<string, number>): Unread {
  const seenSeq = seen.get(id);
  if (head <= (seenSeq ?? 0)) return nothing;
  return { isUnread: true, atMost: seenSeq === undefined ? undefined : head - seenSeq };
}
