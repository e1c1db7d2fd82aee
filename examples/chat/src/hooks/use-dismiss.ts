import { useEffect } from 'react';
import type { RefObject } from 'react';

/** While something is open: Escape, or a press anywhere else, closes it. */
export function useDismiss(isOpen: boolean, inside: RefObject<HTMLElement | null>, dismiss: () => void): void {
  useEffect(() => {
    if (!isOpen) return;
    const onPointerDown = (event: PointerEvent): void => {
      if (!inside.current?.contains(event.target as Node)) dismiss();
    };
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.isComposing) return;
      event.preventDefault();
      dismiss();
    };
    document.addEventListener('pointerdown', onPointerDown);
    document.addEventListener('keydown', onKeyDown);
    return () => {
      document.removeEventListener('pointerdown', onPointerDown);
      document.removeEventListener('keydown', onKeyDown);
    };
  }, [isOpen, inside, dismiss]);
}
