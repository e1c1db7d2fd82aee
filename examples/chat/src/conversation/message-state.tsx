import type { ReactElement } from 'react';
import { errorText } from '../format/error-text.ts';
import { Icon } from '../ui/icon.tsx';
import type { Row } from './row.ts';
import type { RowActions } from './use-row-actions.ts';

interface MessageStateProps {
  readonly row: Row;
  readonly actions: RowActions;
}

/** What is to be said of a message below it; nothing of one that is simply there. */
export function MessageState({ row, actions }: MessageStateProps): ReactElement | null {
  const { status, error, messageId } = row;
  switch (status) {
    case 'sending':
      // Unseen when the answer comes at once.
      return <p className="message-state slow">Sending…</p>;
    case 'waiting':
      return (
        <p className="message-state slow">
          <Icon name="clock" size={14} />
          Waiting to send
          <button type="button" className="link-button" onClick={() => actions.discard(messageId)}>
            Discard
          </button>
        </p>
      );
    case 'unsent':
      return (
        <p className="message-state" data-tone="danger" role="alert">
          <Icon name="alert" size={14} />
          Not sent. {errorText(error)}
          <button type="button" className="link-button" onClick={() => actions.resend(messageId)}>
            Retry
          </button>
          <button type="button" className="link-button" onClick={() => actions.discard(messageId)}>
            Discard
          </button>
        </p>
      );
    case 'cancelled':
      return <p className="message-state">Stopped</p>;
    case 'interrupted':
      return <p className="message-state">Interrupted: the writer went away</p>;
    case 'failed':
      return (
        <p className="message-state" data-tone="danger">
          <Icon name="alert" size={14} />
          Failed{typeof error === 'string' && error !== '' && `: ${error}`}
        </p>
      );
    case 'complete':
    case 'streaming':
    case 'deleted':
      return null;
  }
}
