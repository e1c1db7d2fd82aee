import type { PendingMessage, ThreadwireError } from '@threadwire/client';
import type { ReactElement } from 'react';
import { errorText } from '../format/error-text.ts';
import { listHref } from '../route.ts';
import { EmptyState } from '../ui/empty-state.tsx';

interface ThreadFailureProps {
  readonly error: ThreadwireError | undefined;
  /** What can no longer be sent here. */
  readonly pending: readonly PendingMessage[];
  readonly onRetry: () => void;
}

/** Stands where the conversation would: why it cannot be shown, and what can be done. */
export function ThreadFailure({ error, pending, onRetry }: ThreadFailureProps): ReactElement {
  const { title, text } = explain(error);
  return (
    <EmptyState icon={error?.code === 'forbidden' ? 'lock' : 'alert'} title={title} role="alert">
      <p className="empty-state-text">{text}</p>
      {pending.length > 0 && (
        <section className="lost" aria-label="Not sent">
          <p className="hint">What you wrote here was not sent:</p>
          {pending.map(({ messageId, content }) => (
            <blockquote key={messageId}>{content}</blockquote>
          ))}
        </section>
      )}
      <div className="button-row">
        <a className="button" data-kind="primary" href={listHref}>
          Back to threads
        </a>
        <button type="button" className="button" onClick={onRetry}>
          Try again
        </button>
      </div>
    </EmptyState>
  );
}

function explain(error: ThreadwireError | undefined): { readonly title: string; readonly text: string } {
  switch (error?.code) {
    case 'thread_not_found':
      return {
        title: 'There is no such thread',
        text: 'It may have been meant for others, or the link is not complete.',
      };
    case 'forbidden':
      return {
        title: 'You no longer have access',
        text: 'Somebody took you off this thread. What you wrote stays in it.',
      };
    case 'too_many_subscriptions':
      return { title: 'Too many threads are open', text: 'The server holds no more of them for this connection.' };
    default:
      return { title: 'This thread cannot be opened', text: errorText(error) };
  }
}
