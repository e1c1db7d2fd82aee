import { useEffect } from 'react';
import { threadTitle } from './thread-object.ts';
import type { ThreadObject } from './thread-object.ts';

/** The tab says where one is, and whether to look elsewhere. */
export function useDocumentTitle(selected: ThreadObject | undefined, unreadThreads: number): void {
  const name = selected ? `${threadTitle(selected)} · Threadwire` : 'Threadwire';
  const title = unreadThreads > 0 ? `(${unreadThreads}) ${name}` : name;
  useEffect(() => {
    document.title = title;
  }, [title]);
}
