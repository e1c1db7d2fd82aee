import type { ReactElement } from 'react';

/** Where text is being written. That it is, is said in words elsewhere. */
export function Caret(): ReactElement {
  return <span className="caret" aria-hidden="true" />;
}
