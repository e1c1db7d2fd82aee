import type { ReactElement } from 'react';
import { formatCount } from '../../format/number.ts';

interface PagerProps {
  readonly page: number;
  readonly last: number;
  readonly onChange: (page: number) => void;
}

/** From page to page; nothing where there is one only. */
export function Pager({ page, last, onChange }: PagerProps): ReactElement | null {
  if (last <= 1 && page === 1) return null;
  return (
    <span className="pager">
      <button
        type="button"
        className="button"
        disabled={page <= 1}
        onClick={() => onChange(Math.min(page, last + 1) - 1)}
      >
        Previous
      </button>
      <span className="toolbar-fact">
        {formatCount(page)} of {formatCount(last)}
      </span>
      <button type="button" className="button" disabled={page >= last} onClick={() => onChange(page + 1)}>
        Next
      </button>
    </span>
  );
}
