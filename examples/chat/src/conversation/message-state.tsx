import type { ReactElement } from 'react';
import { errorText } from '../format/error-text.ts';
import { Icon } from '../ui/icon.tsx';
import type { Row } from './row.ts';
import { StreamingState } from './streaming-state.tsx';
import type { RowActions } from './use-row-actions.ts';

interface MessageStateProps {
  readonly row: Row;
  readonly actions: RowActions;
}

/** What is to be said of a message below it; nothing of one that is simply there. */
export function MessageState({ row, actions }: MessageStateProps): ReactElement | null {
  const { status, error, id, messageId, senderName } = row;
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
    case 'streaming':
      return <StreamingState id={id} name={senderName} onStop={actions.stop} />;
    case 'cancelled':
      return (
        <p className="message-state">
          <Icon name="stop" size={14} />
          Stopped
        </p>
      );
    case 'interrupted':
      return (
        <p className="message-state" data-tone="warning">
          <Icon name="alert" size={14} />
          Broke off
        </p>
      );
    case 'failed':
      return (
        <p className="message-state" data-tone="danger">
          <Icon name="alert" size={14} />
          Failed{typeof error === 'string' && error !== '' && `: ${error}`}
        </p>
      );
    case 'complete':
    case 'deleted':
      return null;
  }
}
