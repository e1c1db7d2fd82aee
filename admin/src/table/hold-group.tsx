import { createContext, useCallback, useMemo, useState } from 'react';
import type { ReactElement, ReactNode } from 'react';

interface HoldGroupState {
  /** Whether any table of the group is held. */
  readonly isHeld: boolean;
  /** One more is held, or one less. */
  readonly count: (by: 1 | -1) => void;
}

export const HoldGroupContext = createContext<HoldGroupState | undefined>(undefined);

/** Tables that stand below each other: where one is held all are, since those above would move it. */
export function HoldGroup({ children }: { readonly children: ReactNode }): ReactElement {
  const [held, setHeld] = useState(0);
  const count = useCallback((by: 1 | -1) => setHeld((held) => held + by), []);
  const value = useMemo(() => ({ isHeld: held > 0, count }), [held, count]);
  return <HoldGroupContext value={value}>{children}</HoldGroupContext>;
}
