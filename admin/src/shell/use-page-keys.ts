import { useEffect } from 'react';
import { goToList } from '../history-entry.ts';
import { hrefOf, parseRoute } from '../route.ts';
import type { Page } from '../route.ts';
import { pageKeys } from './page-names.ts';

/** A `g` counts for so long. */
const prefixMs = 1500;

/** The keys that work everywhere but where something is written, or a dialog is open. */
export function usePageKeys(showShortcuts: () => void): void {
  useEffect(() => {
    let prefixAt = -Infinity;
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
      if (isWriting(event.target) || document.querySelector('dialog[open]')) return;
      const isAfterPrefix = event.timeStamp - prefixAt < prefixMs;
      prefixAt = event.key === 'g' ? event.timeStamp : -Infinity;
      if (isAfterPrefix && goTo(event.key)) return;
      if (!act(event.key, showShortcuts)) return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [showShortcuts]);
}

function goTo(key: string): boolean {
  const page = (Object.keys(pageKeys) as Page[]).find((page) => pageKeys[page] === key);
  if (page) location.hash = hrefOf(page);
  return page !== undefined;
}

/** Whether there was anything to do. */
function act(key: string, showShortcuts: () => void): boolean {
  const { page, id } = parseRoute(location.hash);
  switch (key) {
    case '?':
      showShortcuts();
      return true;
    case '/':
      return focus('main input[type="search"]');
    case 'p':
      return press('main [data-shortcut="pause"]');
    case 'j':
    case 'ArrowDown':
      return document.activeElement === document.body || document.activeElement?.tagName === 'MAIN'
        ? focus('main tr[data-key][tabindex="0"]')
        : false;
    case 'Escape':
      if (id === undefined) return false;
      goToList(page);
      return true;
    default:
      return false;
  }
}

function focus(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  found?.focus();
  if (found instanceof HTMLInputElement) found.select();
  return found !== null;
}

function press(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  found?.click();
  return found !== null;
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
}
