import { holdPlace } from './hold-place.ts';
import { watchReader } from './watch-reader.ts';

export interface FollowedEnd {
  /** What is inside has grown or shrunk. */
  readonly settle: () => void;
  /** Goes to the end, and stays there. */
  readonly pin: () => void;
  /** Has the virtual list scroll to something. */
  readonly visit: (go: () => void) => void;
  readonly stop: () => void;
}

/** As many pixels from the end still count as the end. */
export const endThreshold = 48;

/** So long it takes at most until a list stands where it opens. */
const openingMs = 600;

/**
 * Holds a list at its end until somebody leaves it: while heights become known, while text grows, and while the window, a
 * banner or the field below changes the room there is. For whoever has left it, what they look at stays where it is,
 * wherever the virtual list would scroll to.
 */
export function followEnd(scroller: HTMLElement): FollowedEnd {
  let isPinned = true;
  let isVisiting = false;
  const openedAt = performance.now();
  /** Where it stood at last, by the page's own doing or as the event of a scroll told. */
  let last = { top: scroller.scrollTop, height: scroller.scrollHeight, room: scroller.clientHeight };
  const remember = (): void => {
    last = { top: scroller.scrollTop, height: scroller.scrollHeight, room: scroller.clientHeight };
  };

  const scrollTo = Element.prototype.scrollTo.bind(scroller) as (options?: ScrollToOptions) => void;
  const scrollBy = Element.prototype.scrollBy.bind(scroller) as (options?: ScrollToOptions) => void;
  const place = holdPlace(scroller, (options) => {
    scrollBy(options);
    remember();
  });

  const settle = (): void => {
    // All of it is in sight.
    if (scroller.scrollHeight <= scroller.clientHeight) isPinned = true;
    if (!isPinned) {
      place.hold();
      return;
    }
    const { scrollHeight, clientHeight } = scroller;
    const knownHeight = scrollHeight - unmeasuredHeight(scroller);
    // Beyond all that it knows of, the virtual list draws nothing and so measures nothing. Once it has measured, it tells.
    scroller.scrollTop = scrollHeight - clientHeight < knownHeight ? scrollHeight : knownHeight - clientHeight;
    // The event of this comes later: by then somebody may be about to leave.
    remember();
  };
  const pin = (): void => {
    isPinned = true;
    settle();
  };
  const leave = (): void => {
    if (!isPinned) return;
    isPinned = false;
    place.note();
  };
  const reader = watchReader(scroller, {
    // At once: what grows now must not scroll against what has just begun to move.
    onUp: () => {
      if (scroller.scrollTop > 0) leave();
    },
    // What grows would run away from a list that goes there by steps.
    onEnd: pin,
  });

  // By these the virtual list scrolls. It goes on to where it opened, and makes up for what it measures, for as long as
  // something grows: under somebody who has left, too.
  scroller.scrollTo = (options?: ScrollToOptions | number): void => {
    if (typeof options === 'number' || (!isPinned && !isVisiting)) return;
    scrollTo(options);
    remember();
  };
  scroller.scrollBy = (options?: ScrollToOptions | number): void => {
    if (typeof options === 'number' || options?.top === undefined) return;
    // Where it puts in older messages above it says nothing of a behavior, and knows exactly by how much.
    if (options.behavior === undefined) place.shift(options.top, settle);
    else settle();
  };
  const visit = (go: () => void): void => {
    const { scrollTop } = scroller;
    isVisiting = true;
    go();
    isVisiting = false;
    if (scroller.scrollTop < scrollTop) leave();
    place.note();
  };

  const isByReader = (): boolean => {
    if (reader.isAtWork()) return true;
    // By whatever means, a screen reader's too; but not because something became smaller, or has less room.
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    const isFar = scrollHeight - scrollTop - clientHeight > endThreshold;
    return isFar && scrollHeight === last.height && clientHeight === last.room;
  };
  const onScroll = (): void => {
    const { scrollTop, scrollHeight, clientHeight } = scroller;
    const moved = scrollTop - last.top;
    // Whoever comes to the end comes to where it was.
    const below = Math.min(scrollHeight, last.height) - scrollTop - clientHeight;
    // Whoever leaves it goes through what still counts as the end, and must not be called back.
    if (moved > 0 && below <= endThreshold) isPinned = true;
    else if (moved <= -1 && scrollHeight - scrollTop - clientHeight > 1 && isByReader()) leave();
    // What the page itself scrolled by is no other place to read at.
    if (moved !== 0) {
      if (!isPinned) place.hold();
      place.note();
    }
    remember();
    // The list's own first jump misses by some pixels what was measured since it was planned.
    if (isPinned && performance.now() - openedAt < openingMs) settle();
  };
  // Before the list draws what has come into sight.
  scroller.addEventListener('scroll', onScroll, { capture: true, passive: true });
  const observer = new ResizeObserver(settle);
  observer.observe(scroller);
  // Its paddings stand for what is not drawn; by its margin the virtual list makes up for rows that it took for higher or lower.
  const list = scroller.querySelector('[role="list"]');
  const styleObserver = new MutationObserver(settle);
  if (list) {
    observer.observe(list, { box: 'border-box' });
    styleObserver.observe(list, { attributeFilter: ['style'] });
  }

  const stop = (): void => {
    observer.disconnect();
    styleObserver.disconnect();
    reader.stop();
    scroller.removeEventListener('scroll', onScroll, { capture: true });
    Reflect.deleteProperty(scroller, 'scrollTo');
    Reflect.deleteProperty(scroller, 'scrollBy');
  };
  return { settle, pin, visit, stop };
}

/** By how much the rows that are drawn are higher than the virtual list takes them for. */
function unmeasuredHeight(scroller: HTMLElement): number {
  let height = 0;
  for (const row of scroller.querySelectorAll<HTMLElement>('[data-known-size]')) {
    height += row.getBoundingClientRect().height - Number(row.dataset['knownSize']);
  }
  return height;
}
