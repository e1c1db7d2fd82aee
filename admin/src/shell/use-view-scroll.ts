import { useEffect, useLayoutEffect, useRef } from 'react';
import type { RefObject } from 'react';
import { knownEntry, nameEntry } from '../history-entry.ts';

/** What a list has to say comes within this, or it has become shorter. */
const restoreWithinMs = 5000;

/** What is opened is shown from its beginning; what is gone back to, where it was left. `view` names what is shown. */
export function useViewScroll(main: RefObject<HTMLElement | null>, view: string): void {
  const places = useRef(new Map<string, number>());
  const last = useRef<string>(undefined);
  const isRestoring = useRef(false);

  useEffect(() => {
    // The browser would do it before there is anything to scroll.
    history.scrollRestoration = 'manual';
    const note = (): void => {
      const entry = knownEntry(history.state);
      if (entry && !isRestoring.current) places.current.set(entry.view, scrollY);
    };
    // The same view with another search is an entry of its own, where a link leads to it.
    const name = (): void => void nameEntry(last.current);
    addEventListener('scroll', note, { passive: true });
    addEventListener('hashchange', name);
    return () => {
      removeEventListener('scroll', note);
      removeEventListener('hashchange', name);
    };
  }, []);

  // In the step in which the view changes: a scroll event that comes of it must not be taken for the operator's.
  useLayoutEffect(() => {
    const { entry, isReturn } = nameEntry(last.current);
    last.current = location.hash;
    const place = isReturn ? (places.current.get(entry.view) ?? 0) : 0;
    scrollTo(0, place);
    const element = main.current;
    if (place === 0 || !element || Math.abs(scrollY - place) <= 1) return;
    // Its rows have not come yet.
    isRestoring.current = true;
    const done = (): void => {
      isRestoring.current = false;
      observer.disconnect();
      clearTimeout(timer);
      for (const name of inputs) removeEventListener(name, done);
    };
    const observer = new ResizeObserver(() => {
      scrollTo(0, place);
      if (Math.abs(scrollY - place) <= 1) done();
    });
    const inputs = ['wheel', 'touchstart', 'keydown', 'pointerdown'] as const;
    const timer = setTimeout(done, restoreWithinMs);
    observer.observe(element);
    // Whoever scrolls goes where they want.
    for (const name of inputs) addEventListener(name, done, { passive: true });
    return done;
  }, [main, view]);
}
