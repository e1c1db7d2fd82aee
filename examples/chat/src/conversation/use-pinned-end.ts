import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { followEnd } from './follow-end.ts';
import type { FollowedEnd } from './follow-end.ts';

interface PinnedEnd extends Omit<FollowedEnd, 'stop'> {
  /** For the element that scrolls. */
  readonly scrollerRef: (element: HTMLElement | Window | null) => void;
}

/** A list that is held at its end until somebody leaves it: each new one begins there. */
export function usePinnedEnd(): PinnedEnd {
  const [scroller, setScroller] = useState<HTMLElement>();
  const end = useRef<FollowedEnd>(undefined);

  useEffect(() => {
    if (!scroller) return;
    const followed = followEnd(scroller);
    end.current = followed;
    return () => {
      followed.stop();
      end.current = undefined;
    };
  }, [scroller]);

  const scrollerRef = useCallback((element: HTMLElement | Window | null) => {
    setScroller(element instanceof HTMLElement ? element : undefined);
  }, []);
  return useMemo(
    () => ({
      scrollerRef,
      settle: () => end.current?.settle(),
      pin: () => end.current?.pin(),
      visit: (go) => end.current?.visit(go),
    }),
    [scrollerRef],
  );
}
