import type { ReactElement } from 'react';

const messages = [
  [34, 72],
  [26, 88, 54],
  [40, 60],
  [30, 80, 66],
];

/** The shape of a conversation that is on its way; unseen when it comes at once. */
export function ConversationSkeleton(): ReactElement {
  return (
    <div className="skeleton conversation-skeleton delayed" role="status" aria-label="Loading messages">
      {messages.map((lines) => (
        <div key={lines.join()} className="skeleton-message">
          <span className="skeleton-avatar" />
          <span className="skeleton-lines">
            {lines.map((width) => (
              <span key={width} className="skeleton-line" style={{ width: `${width}%` }} />
            ))}
          </span>
        </div>
      ))}
    </div>
  );
}
