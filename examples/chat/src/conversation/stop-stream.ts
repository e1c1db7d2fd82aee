import type { Thread } from '@threadwire/client';

/** Ends a reply that is being written; that it has ended is seen in the thread's snapshot. */
export async function stopStream(thread: Thread, id: string): Promise<void> {
  await thread.message(id).cancel();
}
