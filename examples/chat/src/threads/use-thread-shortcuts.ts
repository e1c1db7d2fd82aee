import { useEffect } from 'react';
import type { RefObject } from 'react';
import { threadHref } from '../route.ts';
import type { ThreadObject } from './thread-object.ts';

/** Ctrl or Cmd+K: to the search. Alt+Arrow: to the thread above or below. */
export function useThreadShortcuts(
  threads: readonly ThreadObject[],
  selectedId: string | undefined,
  search: RefObject<HTMLInputElement | null>,
): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      // A dialog has the keyboard for itself.
      if (document.querySelector('dialog[open]')) return;
      const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
      if ((ctrlKey || metaKey) && !altKey && !shiftKey && key.toLowerCase() === 'k') {
        event.preventDefault();
        // On a phone the search is on the other screen.
        if (search.current?.checkVisibility() === false) location.hash = '#/';
        requestAnimationFrame(() => search.current?.select());
      } else if (altKey && !ctrlKey && !metaKey && !shiftKey && (key === 'ArrowUp' || key === 'ArrowDown')) {
        event.preventDefault();
        const at = threads.findIndex(({ id }) => id === selectedId);
        const next = at === -1 ? threads[0] : threads[at + (key === 'ArrowUp' ? -1 : 1)];
        if (next) location.hash = threadHref(next.id);
      }
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [threads, selectedId, search]);
}
