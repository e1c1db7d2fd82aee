interface Intents {
  /** Turns or pulls the list up: before it has moved. */
  readonly onUp: () => void;
  /** Wants to be at the end. */
  readonly onEnd: () => void;
}

export interface WatchedReader {
  /** Whether what scrolls now is likely to be scrolled by them. */
  readonly isAtWork: () => boolean;
  readonly stop: () => void;
}

/** After a key, or whatever else scrolls, so long what moves is moved by it. */
const signMs = 1000;
const scrollKeys = new Set(['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', ' ']);

/** Notes what somebody does to scroll a list: of the scrolling itself, nothing tells who did it. */
export function watchReader(scroller: HTMLElement, { onUp, onEnd }: Intents): WatchedReader {
  let signAt = -Infinity;
  let isPressed = false;
  let touchedAt = { x: 0, y: 0 };

  const onWheel = ({ deltaY, ctrlKey }: WheelEvent): void => {
    signAt = performance.now();
    if (deltaY < 0 && !ctrlKey) onUp();
  };
  const onTouchStart = ({ touches }: TouchEvent): void => {
    const touch = touches[0];
    if (touch) touchedAt = { x: touch.clientX, y: touch.clientY };
  };
  const onTouchMove = ({ touches }: TouchEvent): void => {
    signAt = performance.now();
    const touch = touches[0];
    // A table is swiped to the side.
    if (touch && touch.clientY - touchedAt.y > Math.abs(touch.clientX - touchedAt.x)) onUp();
  };
  // Where nothing has the focus, they scroll what was pressed last.
  const onKeyDown = ({ key, target }: KeyboardEvent): void => {
    if (!scrollKeys.has(key) || !(target instanceof Element) || target.matches('input, textarea')) return;
    signAt = performance.now();
    if (key === 'End' && scroller.contains(target)) onEnd();
  };
  const onPress = (): void => {
    isPressed = true;
  };
  // Not every browser tells when a scrollbar is let go.
  const onPointer = ({ type, buttons }: PointerEvent): void => {
    if (type !== 'pointermove' || buttons === 0) isPressed = false;
  };

  const ending = new AbortController();
  const options = { capture: true, passive: true, signal: ending.signal };
  scroller.addEventListener('wheel', onWheel, options);
  scroller.addEventListener('touchstart', onTouchStart, options);
  scroller.addEventListener('touchmove', onTouchMove, options);
  scroller.addEventListener('pointerdown', onPress, options);
  window.addEventListener('pointerup', onPointer, options);
  window.addEventListener('pointercancel', onPointer, options);
  window.addEventListener('pointermove', onPointer, options);
  window.addEventListener('keydown', onKeyDown, options);
  return {
    isAtWork: () => isPressed || performance.now() - signAt < signMs,
    stop: () => ending.abort(),
  };
}
