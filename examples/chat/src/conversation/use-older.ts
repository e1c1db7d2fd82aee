import type { Thread, ThreadSnapshot } from '@threadwire/client';
import { useCallback, useEffect, useRef, useState } from 'react';
import { errorText } from '../format/error-text.ts';

interface Older {
  readonly fault: string | undefined;
  readonly retry: () => void;
  /** So many rows lie above those that are drawn. */
  readonly reached: (rowsAbove: number) => void;
}

const pageSize = 100;
/** Rows left above when the next page is asked for: enough for it to be here before one gets there. */
const nearRows = 30;

/** Reads older messages as one scrolls up to them. */
export function useOlder(thread: Thread, snapshot: ThreadSnapshot, rowCount: number): Older {
  const { hasOlder, isLoadingOlder, status } = snapshot;
  const [fault, setFault] = useState<string>();
  const rowsAbove = useRef<number>(undefined);
  const canLoad = hasOlder && !isLoadingOlder && fault === undefined && status === 'live';

  const load = useCallback(() => {
    setFault(undefined);
    thread.loadOlder(pageSize).catch((error: unknown) => setFault(errorText(error)));
  }, [thread]);

  const reached = (above: number): void => {
    rowsAbove.current = above;
    if (canLoad && above < nearRows) load();
  };

  // A page may be so short that nothing moves: nobody would tell us to go on.
  useEffect(() => {
    if (canLoad && (rowCount === 0 || (rowsAbove.current !== undefined && rowsAbove.current < nearRows))) load();
    // After each page; where one stands is told by `reached`.
  }, [canLoad, rowCount]);

  return { fault, retry: load, reached };
}
