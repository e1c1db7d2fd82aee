import { useLayoutEffect } from 'react';
import type { RefObject } from 'react';

/** A text field as high as its text; the style sheet's max-height holds. */
export function useAutoGrow(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = 'auto';
    // A scrollHeight leaves the borders out.
    const borders = element.offsetHeight - element.clientHeight;
    element.style.height = `${element.scrollHeight + borders}px`;
  }, [field, text]);
}
