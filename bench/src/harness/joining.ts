import { threadId } from '../servers/thread-id.ts';
import type { Subscription } from '../wire/wire.ts';

/** Threads that clients which come back have in their lists. */
export const joinedThreads = 200;
/** In each of them. */
export const storedMessages = 30;

/** Threads of the n-th client, neighbours having others; it missed the last so many messages of each. */
export function resumeAt(client: number, count: number, missed: number): Subscription[] {
  return Array.from({ length: count }, (_, i) => ({
    threadId: threadId((client * 7 + i) % joinedThreads),
    afterSeq: storedMessages - missed,
  }));
}

/** What an answer to them must hold where the server keeps messages. */
export function checkResumed(json: string, threads: number, missed: number): void {
  const recovered = json.split('"recovered":true').length - 1;
  const messages = json.split('"message_id":').length - 1;
  if (recovered !== threads || messages !== threads * missed) {
    throw new Error(`an answer resumes ${recovered} of ${threads} threads, with ${messages} messages`);
  }
}
