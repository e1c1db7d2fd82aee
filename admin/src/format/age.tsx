import type { ReactElement } from 'react';
import { formatAge } from './duration.ts';
import { exactTime } from './time.ts';
import { useNow } from './use-now.ts';

/** How long ago something was; by its title, when to the millisecond. */
export function Age({ at }: { readonly at: number }): ReactElement {
  const now = useNow();
  return (
    <time dateTime={exactTime(at)} title={exactTime(at)}>
      {formatAge(now - at)}
    </time>
  );
}
