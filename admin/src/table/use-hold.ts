import { use, useEffect, useRef, useState } from 'react';
import type { FocusEvent, PointerEvent } from 'react';
import { HoldGroupContext } from './hold-group.tsx';

export interface Hold {
  readonly isHeld: boolean;
  /** For what is pointed at. */
  readonly pointing: {
    readonly onPointerOver: (event: PointerEvent) => void;
    readonly onPointerLeave: () => void;
    readonly onPointerDown: (event: PointerEvent) => void;
    readonly onPointerUp: () => void;
    readonly onPointerCancel: () => void;
    readonly onClick: () => void;
  };
  /** For what may have the focus. */
  readonly focusing: {
    readonly onFocus: (event: FocusEvent<HTMLElement>) => void;
    readonly onBlur: (event: FocusEvent<HTMLElement>) => void;
  };
}

/** A finger that was lifted has clicked by then, or does not click. */
const clickWithinMs = 500;

/** Whether somebody points at a table, touches it or walks through it: then no row may move. */
export function useHold(): Hold {
  const [isPointedAt, setPointedAt] = useState(false);
  const [isTouched, setTouched] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const isHeld = isPointedAt || isTouched || isFocused;
  const group = use(HoldGroupContext);
  const count = group?.count;
  useEffect(() => {
    if (!isHeld || !count) return;
    count(1);
    return () => count(-1);
  }, [isHeld, count]);
  const letGo = (): void => {
    clearTimeout(timer.current);
    setTouched(false);
  };
  return {
    isHeld: isHeld || group?.isHeld === true,
    pointing: {
      // No `onPointerEnter`: React tells of none where rows come under a pointer that rests.
      onPointerOver: ({ pointerType }) => {
        // A finger does not rest on what it points at.
        if (pointerType === 'mouse') setPointedAt(true);
      },
      onPointerLeave: () => setPointedAt(false),
      onPointerDown: ({ pointerType }) => {
        if (pointerType === 'mouse') return;
        clearTimeout(timer.current);
        setTouched(true);
      },
      // The click comes after it, and has to meet what was touched.
      onPointerUp: () => {
        clearTimeout(timer.current);
        timer.current = setTimeout(letGo, clickWithinMs);
      },
      // It scrolls.
      onPointerCancel: letGo,
      onClick: letGo,
    },
    focusing: {
      // A button that was pressed keeps the focus, and must not hold the table for it.
      onFocus: ({ target }) => setFocused(target.matches(':focus-visible')),
      onBlur: ({ currentTarget, relatedTarget }) => {
        // From row to row nothing may move either.
        const frame = currentTarget.closest('.table-box');
        const isStaying =
          relatedTarget instanceof Element && relatedTarget.closest('tbody, .waiting-rows')?.closest('.table-box');
        if (!isStaying || isStaying !== frame) setFocused(false);
      },
    },
  };
}
