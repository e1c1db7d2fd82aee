/**
 * Keeps in its place what somebody looks at who scrolls up. Whatever becomes higher then, the virtual list takes for
 * something above that became known, and scrolls by as much; of a reply that grows below, that would carry the reader along.
 * Returns what ends it.
 */
export function holdPlace(scroller: HTMLElement): () => void {
  let first: Element | undefined;
  let firstAt = 0;
  const placeOf = (row: Element): number =>
    row.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
  const note = (): void => {
    const { top } = scroller.getBoundingClientRect();
    first = Array.from(scroller.querySelectorAll('[role="listitem"]')).find(
      (row) => row.getBoundingClientRect().bottom > top,
    );
    if (first) firstAt = placeOf(first);
  };
  const scrollBy: (options: ScrollToOptions) => void = Element.prototype.scrollBy.bind(scroller);

  scroller.scrollBy = (options?: ScrollToOptions | number, top?: number): void => {
    if (typeof options === 'number') {
      scrollBy({ left: options, top: top ?? 0 });
      return;
    }
    // Where it puts in older messages above it says nothing of a behavior, and knows exactly by how much.
    if (options?.behavior === undefined || !first?.isConnected) {
      scrollBy({ ...options });
      return;
    }
    const moved = placeOf(first) - firstAt;
    if (Math.abs(moved) >= 1) scrollBy({ ...options, top: moved });
    note();
  };
  // Before the list draws what has come into sight.
  scroller.addEventListener('scroll', note, { capture: true, passive: true });
  return () => {
    scroller.removeEventListener('scroll', note, { capture: true });
    Reflect.deleteProperty(scroller, 'scrollBy');
  };
}
