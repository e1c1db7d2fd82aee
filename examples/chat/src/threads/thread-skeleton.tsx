import type { ReactElement } from 'react';

const widths = [62, 44, 74, 52, 66, 38];

/** The shape of a list that is on its way; unseen when it comes at once. */
export function ThreadSkeleton(): ReactElement {
  return (
    <div className="skeleton delayed" role="status" aria-label="Loading threads">
      {widths.map((width) => (
        <div key={width} className="skeleton-thread">
          <span className="skeleton-line" style={{ width: `${width}%` }} />
          <span className="skeleton-line" data-kind="faint" style={{ width: `${width * 0.6}%` }} />
        </div>
      ))}
    </div>
  );
}
