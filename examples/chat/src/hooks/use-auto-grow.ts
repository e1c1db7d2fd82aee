import { useLayoutEffect } from 'react';
import type { RefObject } from 'react';

/** A text field as high as its text; the style sheet's max-height holds. */
export function useAutoGrow(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    const parent = element.parentElement;
    // While the field is measured, what is beside it must not have its room: a list would not come back to where it stood.
    if (parent) parent.style.minHeight = `${parent.offsetHeight}px`;
    element.style.height = 'auto';
    // A scrollHeight leaves the borders out.
    const borders = element.offsetHeight - element.clientHeight;
    element.style.height = `${element.scrollHeight + borders}px`;
    if (parent) parent.style.minHeight = '';
  }, [field, text]);
}
