import { useEffect, useState } from 'react';
import type { RefObject } from 'react';

/** Whether a part of what scrolls to the side is beyond its right edge: under the column that stays there. */
export function useScrolledUnder(scroll: RefObject<HTMLElement | null>): boolean {
  const [isUnder, setUnder] = useState(false);
  useEffect(() => {
    const element = scroll.current;
    if (!element) return;
    const look = (): void => setUnder(element.scrollWidth - element.clientWidth - element.scrollLeft > 1);
    const observer = new ResizeObserver(look);
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [scroll]);
  return isUnder;
}
