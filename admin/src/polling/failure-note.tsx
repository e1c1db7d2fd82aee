import type { ReactElement } from 'react';
import { failureText } from '../connection/request-failure.ts';
import { Icon } from '../ui/icon.tsx';

/** A request that failed, where its answer would be: what went wrong, and what to do. */
export function FailureNote({ failure }: { readonly failure: unknown }): ReactElement | null {
  if (failure === undefined) return null;
  return (
    <p className="note" data-tone="bad" role="alert">
      <Icon name="alert" size={16} />
      <span>{failureText(failure)}</span>
    </p>
  );
}
