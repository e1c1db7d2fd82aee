export interface HeldPlace {
  /** What is in sight now is what is to stay there. */
  readonly note: () => void;
  /** Scrolls by as much as that has been moved. */
  readonly hold: () => void;
  /** Something is put in, or taken out, far above: the list scrolls by exactly so much, and draws it some frames later. */
  readonly shift: (top: number, drawn: () => void) => void;
}

/** Of a row whose last line is half out of sight, nobody reads. */
const sliverPx = 24;

/** So many frames it takes to draw what is put in above: two, but on a machine that has much to do. */
const minShiftFrames = 2;
const maxShiftFrames = 30;

/**
 * Keeps in its place what somebody looks at. The virtual list itself corrects only while one scrolls up, and takes whatever
 * becomes higher for something above that became known: of a reply that grows below, that would carry the reader along.
 */
export function holdPlace(scroller: HTMLElement, scrollBy: (options: ScrollToOptions) => void): HeldPlace {
  let first: Element | undefined;
  let firstAt = 0;
  let shifts = 0;
  // Without regard to how far one has scrolled: that is up to the reader.
  const placeOf = (row: Element): number =>
    row.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
  const note = (): void => {
    if (shifts > 0) return;
    const { top } = scroller.getBoundingClientRect();
    const rows = [...scroller.querySelectorAll('[role="listitem"]')];
    first = rows.find((row) => row.getBoundingClientRect().bottom > top + sliverPx) ?? rows.at(-1);
    if (first) firstAt = placeOf(first);
  };
  const hold = (): void => {
    if (shifts > 0) return;
    if (!first?.isConnected) {
      note();
      return;
    }
    const moved = placeOf(first) - firstAt;
    if (Math.abs(moved) < 1) return;
    const before = scroller.scrollTop;
    scrollBy({ top: moved });
    const gone = scroller.scrollTop - before;
    // Of a pixel it may have gone a part: those must not add up. Where it could not go, what is in sight is another place.
    firstAt = Math.abs(moved - gone) < 1 ? firstAt + gone : placeOf(first);
  };
  const shift = (top: number, drawn: () => void): void => {
    const row = first;
    const from = row && placeOf(row);
    firstAt += top;
    shifts += 1;
    scrollBy({ top });
    let frames = 0;
    const look = (): void => {
      frames += 1;
      const isDrawn = !row?.isConnected || Math.abs(placeOf(row) - from!) >= 1;
      // Held before that, the place would be given up for one far away.
      if ((frames < minShiftFrames || !isDrawn) && frames < maxShiftFrames) {
        requestAnimationFrame(look);
        return;
      }
      shifts -= 1;
      drawn();
    };
    requestAnimationFrame(look);
  };
  return { note, hold, shift };
}
