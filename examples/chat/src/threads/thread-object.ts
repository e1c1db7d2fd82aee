import type { ThreadListSnapshot } from '@threadwire/client';

/** A thread as lists show it. */
export type ThreadObject = ThreadListSnapshot['threads'][number];

export function threadTitle({ title }: Pick<ThreadObject, 'title'>): string {
  return title.trim() === '' ? 'Untitled' : title;
}

/** Who can read it, in a few words. */
export function threadAudience({ members }: Pick<ThreadObject, 'members'>): string {
  if (members.length === 0) return 'Open to everyone';
  return members.length === 1 ? '1 member' : `${members.length} members`;
}
