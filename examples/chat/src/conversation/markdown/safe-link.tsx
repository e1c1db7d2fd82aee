import type { ReactElement, ReactNode } from 'react';
import { Icon } from '../../ui/icon.tsx';
import { safeHref } from './safe-href.ts';

interface SafeLinkProps {
  readonly url: string;
  /** Leads to an image, which is not shown here. */
  readonly isImage?: boolean;
  readonly children: ReactNode;
}

/** A link out of the page; only its text where it would do anything else. */
export function SafeLink({ url, isImage = false, children }: SafeLinkProps): ReactElement {
  const href = safeHref(url);
  if (href === undefined) return <>{children}</>;
  return (
    // What it says may be another address than where it leads.
    <a className="text-link" href={href} title={href} target="_blank" rel="noopener noreferrer">
      {isImage && <Icon name="image" size={15} />}
      {children}
    </a>
  );
}
