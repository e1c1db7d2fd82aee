import type { ReactElement } from 'react';

interface OlderStatusProps {
  readonly isLoading: boolean;
  readonly fault: string | undefined;
  readonly onRetry: () => void;
}

/** Lies over the top of the list, so that nothing moves when it comes and goes. */
export function OlderStatus({ isLoading, fault, onRetry }: OlderStatusProps): ReactElement | null {
  if (fault !== undefined) {
    return (
      <div className="floating-note" role="alert">
        Earlier messages could not be loaded. {fault}
        <button type="button" className="link-button" onClick={onRetry}>
          Try again
        </button>
      </div>
    );
  }
  if (!isLoading) return null;
  return (
    <div className="floating-note slow">
      <span className="spinner" /> Loading earlier messages…
    </div>
  );
}
