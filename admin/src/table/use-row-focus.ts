import { useState } from 'react';
import type { FocusEvent, KeyboardEvent } from 'react';

interface RowFocus {
  /** The row that Tab goes to. */
  readonly current: string | undefined;
  readonly onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
  readonly onFocus: (event: FocusEvent<HTMLElement>) => void;
}

/** Moves the focus among the rows of a table, and opens the one that has it. */
export function useRowFocus(): RowFocus {
  const [current, setCurrent] = useState<string>();
  return {
    current,
    onFocus: (event) => {
      const row = event.target.closest<HTMLElement>('tr[data-key]');
      if (row) setCurrent(row.dataset['key']);
    },
    onKeyDown: (event) => {
      const target = event.target as HTMLElement;
      if (event.altKey || event.ctrlKey || event.metaKey || target.matches('input, select, textarea')) return;
      const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('tr[data-key]')];
      const row = target.closest<HTMLElement>('tr[data-key]');
      const at = row ? rows.indexOf(row) : -1;
      const next = nextRow(event.key, at, rows.length);
      if (next !== undefined) rows[next]?.focus();
      else if (event.key === 'Enter' && target === row) row.querySelector<HTMLElement>('a[href]')?.click();
      else return;
      event.preventDefault();
      // Else the page's own keys would move it once more.
      event.stopPropagation();
    },
  };
}

function nextRow(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
    case 'j':
      return Math.min(count - 1, at + 1);
    case 'ArrowUp':
    case 'k':
      return Math.max(0, at - 1);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}
