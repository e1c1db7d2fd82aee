import type { ReactElement, ReactNode } from 'react';
import { Icon } from './icon.tsx';
import type { IconName } from './icon.tsx';

interface EmptyStateProps {
  readonly icon: IconName;
  readonly title: string;
  /** The one heading of its screen is an h1. */
  readonly level?: 1 | 2;
  readonly children?: ReactNode;
  readonly role?: 'alert' | undefined;
}

/** What stands where nothing is yet: why, and what to do. */
export function EmptyState({ icon, title, level = 2, children, role }: EmptyStateProps): ReactElement {
  const Heading = level === 1 ? 'h1' : 'h2';
  return (
    <div className="empty-state" role={role}>
      <span className="empty-state-icon">
        <Icon name={icon} size={24} />
      </span>
      <Heading className="empty-state-title">{title}</Heading>
      {children}
    </div>
  );
}
