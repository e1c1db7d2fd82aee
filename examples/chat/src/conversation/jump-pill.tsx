import type { ReactElement } from 'react';
import { useLasting } from '../hooks/use-lasting.ts';
import { Icon } from '../ui/icon.tsx';

interface JumpPillProps {
  readonly isAway: boolean;
  /** Messages of others that came since one left the end. */
  readonly newCount: number;
  readonly onJump: () => void;
}

/** The list is away from its end for a moment whenever something is measured. */
const settleMs = 200;

export function JumpPill({ isAway, newCount, onJump }: JumpPillProps): ReactElement | null {
  const isShown = useLasting(isAway, settleMs);
  if (!isShown) return null;
  const text = newCount === 0 ? 'Jump to latest' : newCount === 1 ? '1 new message' : `${newCount} new messages`;
  return (
    <button type="button" className="jump-pill" data-new={newCount > 0} data-testid="jump" onClick={onJump}>
      {text}
      <Icon name="down" size={16} />
    </button>
  );
}
