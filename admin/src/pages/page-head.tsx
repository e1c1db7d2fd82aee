import type { ReactElement, ReactNode } from 'react';
import { goToList } from '../history-entry.ts';
import { hrefOf } from '../route.ts';
import type { Page } from '../route.ts';
import { pageNames } from '../shell/page-names.ts';

interface PageHeadProps {
  readonly title: ReactNode;
  /** The way back to the list. */
  readonly back?: Page;
  /** How much there is. */
  readonly facts?: ReactNode;
  /** What can be done with what is shown. */
  readonly children?: ReactNode;
}

export function PageHead({ title, back, facts, children }: PageHeadProps): ReactElement {
  return (
    <div className="page-head">
      <div className="page-title">
        {back && (
          <a
            className="page-back"
            href={hrefOf(back)}
            onClick={(event) => {
              if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
              event.preventDefault();
              goToList(back);
            }}
          >
            {pageNames[back]}
          </a>
        )}
        <h1>{title}</h1>
        {facts !== undefined && <p className="page-facts">{facts}</p>}
      </div>
      {children !== undefined && <div className="page-actions">{children}</div>}
    </div>
  );
}
