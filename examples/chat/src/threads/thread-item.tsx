import { memo } from 'react';
import type { ReactElement } from 'react';
import { fullTime, shortAge } from '../format/time.ts';
import { threadHref } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { ThreadAbout } from './thread-about.tsx';
import { threadTitle } from './thread-object.ts';
import type { ThreadObject } from './thread-object.ts';

interface ThreadItemProps {
  readonly thread: ThreadObject;
  readonly now: number;
  readonly isSelected: boolean;
  readonly isUnread: boolean;
  /** At most so many messages; undefined: never opened here. */
  readonly unreadAtMost: number | undefined;
}

export const ThreadItem = memo(function ThreadItem(props: ThreadItemProps): ReactElement {
  const { thread, now, isSelected, isUnread, unreadAtMost } = props;
  const updatedAt = Date.parse(thread.updated_at);
  return (
    <li className="thread-row" data-testid="thread" data-thread-id={thread.id} data-unread={isUnread}>
      <a className="thread-link" href={threadHref(thread.id)} aria-current={isSelected ? 'page' : undefined}>
        <span className="thread-line">
          <span className="thread-title">{threadTitle(thread)}</span>
          {thread.members.length > 0 && <PrivateMark />}
          <time className="thread-time" dateTime={thread.updated_at} title={fullTime(updatedAt)}>
            {shortAge(updatedAt, now)}
          </time>
        </span>
        <span className="thread-line">
          <ThreadAbout thread={thread} />
          {isUnread && <UnreadMark atMost={unreadAtMost} />}
        </span>
      </a>
    </li>
  );
});

/** A dot for what was never opened; a number, which edits raise too, for what one has left. */
function UnreadMark({ atMost }: { readonly atMost: number | undefined }): ReactElement {
  const count = atMost === undefined ? '' : atMost > 9 ? '9+' : String(atMost);
  return (
    <span className="unread" data-testid="unread" data-dot={atMost === undefined}>
      {count}
      <span className="visually-hidden"> unread</span>
    </span>
  );
}

function PrivateMark(): ReactElement {
  return (
    <span className="private">
      <Icon name="lock" size={14} />
      <span className="visually-hidden">For members only</span>
    </span>
  );
}
