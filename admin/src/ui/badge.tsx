import type { ReactElement, ReactNode } from 'react';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'quiet';

/** A state in a word; the mark before it differs by shape too, not by colour alone. */
export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactElement {
  return (
    <span className="badge" data-tone={tone}>
      <svg className="badge-mark" width="8" height="8" viewBox="0 0 8 8" aria-hidden="true">
        <path d={marks[tone]} />
      </svg>
      {children}
    </span>
  );
}

/** A disc, a triangle, a square, a ring cut open, a line. */
const marks = {
  good: 'M4 0a4 4 0 1 1 0 8 4 4 0 0 1 0-8Z',
  warn: 'M4 0 8 7.5H0Z',
  bad: 'M.5.5h7v7h-7Z',
  busy: 'M4 0 8 4 4 8 0 4Z',
  quiet: 'M0 3h8v2H0Z',
} as const satisfies Record<Tone, string>;
