import type { ReactElement } from 'react';
import { dayLabel, dayOf } from '../format/time.ts';
import { useNow } from '../hooks/use-now.ts';
import { useSession } from '../session/session-context.ts';
import { hasResponder, threadTitle } from '../threads/thread-object.ts';
import type { ThreadObject } from '../threads/thread-object.ts';
import { Icon } from '../ui/icon.tsx';

interface ThreadIntroProps {
  readonly thread: ThreadObject;
  /** Nothing was said yet. */
  readonly isAlone?: boolean;
}

/** Where a thread begins. */
export function ThreadIntro({ thread, isAlone = false }: ThreadIntroProps): ReactElement {
  const { userId } = useSession().session;
  const now = useNow();
  const by = thread.created_by === userId ? 'You' : thread.created_by;
  const day = dayLabel(dayOf(Date.parse(thread.created_at)), now);
  const when = day === 'Today' || day === 'Yesterday' ? day.toLowerCase() : `on ${day}`;
  return (
    <div className="thread-intro" data-alone={isAlone}>
      <span className="thread-intro-icon">
        <Icon name={thread.members.length > 0 ? 'lock' : 'chats'} size={22} />
      </span>
      <h2 className="thread-intro-title">{threadTitle(thread)}</h2>
      <p className="thread-intro-text">
        {by} started this thread {when}. {isAlone && 'Nothing was said yet: the first word is yours.'}
      </p>
      {isAlone && hasResponder(thread) && (
        <p className="thread-intro-text">
          The assistant answers here. Try <kbd>/long</kbd>, <kbd>/code</kbd>, <kbd>/slow</kbd> or <kbd>/fail</kbd>.
        </p>
      )}
    </div>
  );
}
