import type { KeyboardEvent } from 'react';

/** Arrow keys go from message to message, once the list has the keyboard; Tab leads into a message's buttons. */
export function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const { key, target, currentTarget: list } = event;
  if ((key !== 'ArrowUp' && key !== 'ArrowDown') || event.altKey || event.ctrlKey || event.metaKey) return;
  const isOnList = target === list;
  const isOnMessage = (target as HTMLElement).matches('article');
  if (!isOnList && !isOnMessage) return;
  const messages = [...list.querySelectorAll<HTMLElement>('article')];
  const { top, bottom } = list.getBoundingClientRect();
  const inSight = messages.filter((message) => {
    const box = message.getBoundingClientRect();
    return box.bottom > top + 1 && box.top < bottom - 1;
  });
  const at = messages.indexOf(target as HTMLElement);
  const next = isOnMessage ? messages[at + (key === 'ArrowUp' ? -1 : 1)] : inSight.at(-1);
  if (!next) return;
  event.preventDefault();
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: 'nearest' });
}
