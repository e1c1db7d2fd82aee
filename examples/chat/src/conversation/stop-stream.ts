import type { Message, Thread } from '@threadwire/client';

/** What a thread offers for one of its messages. */
interface StreamedReplies {
  message(id: string): { cancel(reason?: string): Promise<Message> };
}

/** Ends a reply that is being written; that it has ended is seen in the thread's snapshot. */
export async function stopStream(thread: Thread, id: string): Promise<void> {
  await (thread as Thread & StreamedReplies).message(id).cancel();
}
