import type { ThreadListSnapshot } from '@threadwire/client';
import { useEffect, useRef } from 'react';
import type { ReactElement } from 'react';
import { errorText } from '../format/error-text.ts';
import { useNow } from '../hooks/use-now.ts';
import { EmptyState } from '../ui/empty-state.tsx';
import { LoadMore } from './load-more.tsx';
import { ThreadItem } from './thread-item.tsx';
import { ThreadSkeleton } from './thread-skeleton.tsx';
import type { ThreadObject } from './thread-object.ts';
import { unreadOf } from './unread.ts';

interface ThreadNavProps {
  readonly list: ThreadListSnapshot;
  /** Those of the list that are to be shown. */
  readonly threads: readonly ThreadObject[];
  readonly isSearching: boolean;
  readonly seen: ReadonlyMap<string, number>;
  readonly selectedId: string | undefined;
  readonly onCreate: () => void;
  readonly onRetry: () => void;
  readonly onClearSearch: () => void;
}

export function ThreadNav(props: ThreadNavProps): ReactElement {
  const { threads, seen, selectedId } = props;
  const now = useNow();
  const nav = useRef<HTMLElement>(null);
  // Alt+Arrow may select what is out of sight.
  useEffect(() => {
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
  }, [selectedId]);

  return (
    <nav className="thread-nav" aria-label="Threads" ref={nav}>
      {threads.length > 0 && (
        <ul className="thread-list">
          {threads.map((thread) => {
            const isSelected = thread.id === selectedId;
            // What the open conversation has not shown yet, it says itself.
            const { isUnread, atMost } = unreadOf(thread, seen);
            return (
              <ThreadItem
                key={thread.id}
                thread={thread}
                now={now}
                isSelected={isSelected}
                isUnread={isUnread && !isSelected}
                unreadAtMost={atMost}
              />
            );
          })}
        </ul>
      )}
      <ThreadNavState {...props} />
    </nav>
  );
}

/** What stands below the threads there are: why there are no more. */
function ThreadNavState(props: ThreadNavProps): ReactElement | null {
  const { list, threads, isSearching, onCreate, onRetry, onClearSearch } = props;
  if (list.threads.length === 0 && (list.status === 'idle' || list.status === 'loading')) return <ThreadSkeleton />;
  if (list.status === 'failed') {
    return (
      <EmptyState icon="alert" title="The threads could not be loaded" role="alert">
        <p className="empty-state-text">{list.error ? errorText(list.error) : 'Something went wrong.'}</p>
        <button type="button" className="button" onClick={onRetry}>
          Try again
        </button>
      </EmptyState>
    );
  }
  if (list.hasMore) return <LoadMore list={list} isSearching={isSearching} found={threads.length} />;
  if (threads.length > 0) return null;
  if (isSearching) {
    return (
      <EmptyState icon="search" title="No thread has this title">
        <button type="button" className="button" onClick={onClearSearch}>
          Clear search
        </button>
      </EmptyState>
    );
  }
  return (
    <EmptyState icon="chats" title="No threads yet">
      <p className="empty-state-text">Start the first one; everybody here will see it at once.</p>
      <button type="button" className="button" data-kind="primary" onClick={onCreate}>
        New thread
      </button>
    </EmptyState>
  );
}
