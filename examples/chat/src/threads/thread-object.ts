import type { ThreadListSnapshot } from '@threadwire/client';

/** A thread as lists show it. */
export type ThreadObject = ThreadListSnapshot['threads'][number];

export function threadTitle({ title }: Pick<ThreadObject, 'title'>): string {
  return title.trim() === '' ? 'Untitled' : title;
}

/** What threads are created with in which the server's responder is to answer; it waits until its last answer has ended. */
export const responderMetadata = { responder: { overlap: 'queue' } };

export function hasResponder({ metadata }: Pick<ThreadObject, 'metadata'>): boolean {
  const { responder } = metadata;
  return typeof responder === 'object' && responder !== null;
}

/** Who can read it, in a few words. */
export function threadAudience({ members }: Pick<ThreadObject, 'members'>): string {
  if (members.length === 0) return 'Open to everyone';
  return members.length === 1 ? '1 member' : `${members.length} members`;
}
