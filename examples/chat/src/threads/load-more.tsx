import type { ThreadListSnapshot } from '@threadwire/client';
import { useThreadwire } from '@threadwire/client/react';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';

interface LoadMoreProps {
  readonly list: ThreadListSnapshot;
  readonly isSearching: boolean;
  /** How many of the threads that are loaded match the search. */
  readonly found: number;
}

/** A search goes through this many threads by itself, unless it has found enough before. */
const maxSearched = 500;
const enoughFound = 20;

/** The end of a list that goes on: reads more when it comes into sight, or when a search needs it. */
export function LoadMore({ list, isSearching, found }: LoadMoreProps): ReactElement {
  const { threadList } = useThreadwire();
  const [hasFailed, setHasFailed] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const load = useCallback(() => {
    setHasFailed(false);
    threadList.loadMore().catch(() => setHasFailed(true));
  }, [threadList]);

  const isDue = isSearching && found < enoughFound && list.threads.length < maxSearched;
  const loaded = list.threads.length;
  const canLoad = list.status === 'live' && !hasFailed;
  useEffect(() => {
    if (isDue && canLoad) load();
  }, [isDue, canLoad, loaded, load]);

  useEffect(() => {
    const element = button.current;
    if (!element || isSearching || !canLoad) return;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && load(), {
      rootMargin: '400px',
    });
    observer.observe(element);
    return () => observer.disconnect();
    // Observed anew after each page: one that left the button in sight is followed by another.
  }, [isSearching, canLoad, loaded, load]);

  return (
    <button ref={button} type="button" className="load-more" disabled={list.isLoadingMore} onClick={load}>
      {list.isLoadingMore ? 'Loading…' : hasFailed ? 'Could not load more. Try again' : moreLabel(isSearching, loaded)}
    </button>
  );
}

function moreLabel(isSearching: boolean, loaded: number): string {
  return isSearching ? `Searched ${loaded} threads. Search more` : 'Load more';
}
