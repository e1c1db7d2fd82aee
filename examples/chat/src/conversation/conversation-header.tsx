import type { ThreadStatus } from '@threadwire/client';
import { useConnectionStatus } from '@threadwire/client/react';
import type { ReactElement } from 'react';
import { useLasting } from '../hooks/use-lasting.ts';
import { listHref } from '../route.ts';
import { threadAudience, threadTitle } from '../threads/thread-object.ts';
import type { ThreadObject } from '../threads/thread-object.ts';
import { Icon } from '../ui/icon.tsx';

interface ConversationHeaderProps {
  readonly thread: ThreadObject | undefined;
  readonly status: ThreadStatus;
  readonly hasFailed: boolean;
}

export function ConversationHeader({ thread, status, hasFailed }: ConversationHeaderProps): ReactElement {
  const { state: connection } = useConnectionStatus();
  const isCatchingUp = useLasting(status === 'reconnecting' && connection === 'connected', 500);
  return (
    <header className="conversation-header">
      <a className="icon-button back-link" href={listHref} aria-label="Back to threads">
        <Icon name="back" size={22} />
      </a>
      <div className="conversation-heading">
        <h1 className="conversation-title">{hasFailed ? 'Thread' : thread ? threadTitle(thread) : 'Loading…'}</h1>
        {thread && !hasFailed && (
          <p className="conversation-about">
            <Icon name={thread.members.length > 0 ? 'lock' : 'people'} size={14} />
            {isCatchingUp ? 'Catching up…' : threadAudience(thread)}
          </p>
        )}
      </div>
      {!hasFailed && (
        <a
          className="icon-button"
          href={location.hash}
          target="_blank"
          rel="noopener"
          aria-label="Open in another window, as somebody else"
          title="Open in another window, as somebody else"
        >
          <Icon name="window" />
        </a>
      )}
    </header>
  );
}
