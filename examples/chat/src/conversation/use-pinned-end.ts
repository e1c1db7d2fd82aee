import { useCallback, useEffect, useRef, useState } from 'react';
import { holdPlace } from './hold-place.ts';

interface PinnedEnd {
  /** For the element that scrolls. */
  readonly scrollerRef: (element: HTMLElement | Window | null) => void;
  /** What is inside has grown or shrunk. */
  readonly resized: () => void;
}

/** As many pixels from the end still count as the end. */
export const endThreshold = 48;

/** So long it takes at most until a list stands where it opens. */
const openingMs = 600;

/**
 * Holds a list at its end until somebody scrolls away from it: while heights become known, while text grows, and while
 * the window, a banner or the field below changes the room there is.
 */
export function usePinnedEnd(): PinnedEnd {
  const [scroller, setScroller] = useState<HTMLElement>();
  const isPinned = useRef(true);

  const resized = useCallback(() => {
    if (scroller && isPinned.current) scroller.scrollTop = scroller.scrollHeight;
  }, [scroller]);

  useEffect(() => {
    if (!scroller) return;
    isPinned.current = true;
    let { scrollTop: lastTop, scrollHeight: lastHeight } = scroller;
    const openedAt = performance.now();
    const onScroll = (): void => {
      // The list's own first jump misses by some pixels what was measured since it was planned.
      if (performance.now() - openedAt < openingMs) resized();
      const { scrollTop, scrollHeight, clientHeight } = scroller;
      if (scrollHeight - scrollTop - clientHeight <= endThreshold) isPinned.current = true;
      // Up, and not because something became smaller: by whatever means, a screen reader's too.
      else if (scrollTop < lastTop && scrollHeight === lastHeight) isPinned.current = false;
      lastTop = scrollTop;
      lastHeight = scrollHeight;
    };
    // Where heights change in the very moment in which somebody scrolls, a scroll event alone tells nothing.
    const leave = (): void => {
      isPinned.current = false;
    };
    const onWheel = (event: WheelEvent): void => {
      if (event.deltaY < 0) leave();
    };
    const observer = new ResizeObserver(resized);
    observer.observe(scroller);
    scroller.addEventListener('scroll', onScroll, { passive: true });
    scroller.addEventListener('wheel', onWheel, { passive: true });
    scroller.addEventListener('touchmove', leave, { passive: true });
    return () => {
      observer.disconnect();
      scroller.removeEventListener('scroll', onScroll);
      scroller.removeEventListener('wheel', onWheel);
      scroller.removeEventListener('touchmove', leave);
    };
  }, [scroller, resized]);

  useEffect(() => (scroller ? holdPlace(scroller) : undefined), [scroller]);

  const scrollerRef = useCallback((element: HTMLElement | Window | null) => {
    setScroller(element instanceof HTMLElement ? element : undefined);
  }, []);
  return { scrollerRef, resized };
}
