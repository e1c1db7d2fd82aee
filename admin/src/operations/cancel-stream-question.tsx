import type { Link } from '../connection/link.ts';
import type { StreamLine } from '../connection/protocol.ts';
import type { Question } from '../dialog/confirm.tsx';
import { formatCount } from '../format/number.ts';
import { UserText } from '../ui/user-text.tsx';

/** Asks whether a stream is to be cancelled. */
export function cancelStreamQuestion(
  link: Link,
  { id, thread_id: threadId, user_id: userId, length }: StreamLine,
): Question {
  return {
    title: 'Cancel this stream?',
    describe: () => (
      <p>
        The reply that <UserText text={userId} className="name" /> writes in{' '}
        <UserText text={threadId} className="name" /> ends as cancelled, with the {formatCount(length)} characters it
        has now or a few more. Its producer is told to stop. This cannot be taken back.
      </p>
    ),
    action: 'Cancel stream',
    isHarmful: true,
    reasonHint: 'the producer and all readers see it',
    run: async (reason) => {
      const { status } = await link.request('cancel_stream', { stream_id: id, ...(reason !== '' && { reason }) });
      return status === 'cancelled' ? 'The stream is cancelled.' : `The stream had ended before: ${status}.`;
    },
  };
}
