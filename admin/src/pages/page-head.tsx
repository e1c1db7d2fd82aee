import type { ReactElement, ReactNode } from 'react';

interface PageHeadProps {
  readonly title: ReactNode;
  /** The way back to the list. */
  readonly back?: { readonly href: string; readonly name: string };
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
          <a className="page-back" href={back.href}>
            {back.name}
          </a>
        )}
        <h1>{title}</h1>
        {facts !== undefined && <p className="page-facts">{facts}</p>}
      </div>
      {children !== undefined && <div className="page-actions">{children}</div>}
    </div>
  );
}
