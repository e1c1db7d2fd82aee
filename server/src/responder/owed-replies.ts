import type { Message, Thread } from '@threadwire/protocol';
import { assistant, replyKey } from './reply.ts';

/** So long before the last change of its thread a message came that may have had no time to be answered. */
const lastMomentsMs = 60_000;

/** Whether a message is one to answer, where somebody answers. */
export function isQuestion({ role, status, sender }: Message): boolean {
  return role === 'user' && status === 'complete' && sender.id !== assistant.id;
}

export function isReply({ sender, message_id: messageId }: Message): boolean {
  return sender.id === assistant.id && messageId.startsWith(replyKey(''));
}

/**
 * Which messages of a thread were owed a reply by a server that went before `startedAt` (ms). That a message has none does not
 * say so: nobody may have been asked to answer when it came, and since when somebody is, is not stored. But who is asked
 * begins at once, unless another reply is under way. So a reply is owed to what came while one was, or in the
 * thread's last moments; what has been left for longer was not meant to be answered.
 */
export function owedReplies(thread: Thread, messages: readonly Message[], startedAt: number): Message[] {
  const replies = messages.filter(isReply);
  const answered = new Set(replies.map((reply) => reply.message_id));
  const spans = replies.map(({ created_at, updated_at, status }) => ({
    from: Date.parse(created_at),
    to: status === 'streaming' ? Number.POSITIVE_INFINITY : Date.parse(updated_at),
  }));
  const changes = [thread.updated_at, ...messages.flatMap(({ created_at, updated_at }) => [created_at, updated_at])];
  // What has changed since the start is no sign of the server before.
  const lastChange = Math.max(...changes.map((time) => Date.parse(time)).filter((at) => at < startedAt));
  return messages.filter((message) => {
    if (!isQuestion(message) || answered.has(replyKey(message.id))) return false;
    const at = Date.parse(message.created_at);
    return at >= lastChange - lastMomentsMs || spans.some(({ from, to }) => from <= at && at <= to);
  });
}
