import type { Thread, ThreadSnapshot } from '@threadwire/client';
import { useCallback, useEffect, useRef, useState } from 'react';
import { errorText } from '../format/error-text.ts';
import type { RowWindow } from './use-row-window.ts';

interface Older {
  readonly fault: string | undefined;
  readonly retry: () => void;
  /** The rows are drawn from this index on. */
  readonly reached: (firstDrawn: number) => void;
}

const pageSize = 100;
/** Rows left above when the next page is asked for: enough for it to be here before one gets there. */
const nearRows = 30;

/** Reads older messages as one scrolls up to them. */
export function useOlder(thread: Thread, snapshot: ThreadSnapshot, { rows, firstIndex }: RowWindow): Older {
  const { hasOlder, isLoadingOlder, status } = snapshot;
  const [fault, setFault] = useState<string>();
  // Not how many lie above it: of a page that was put in there, the list tells nothing until one scrolls.
  const firstDrawn = useRef<number>(undefined);
  const canLoad = hasOlder && !isLoadingOlder && fault === undefined && status === 'live';
  const rowCount = rows.length;

  const load = useCallback(() => {
    setFault(undefined);
    thread.loadOlder(pageSize).catch((error: unknown) => setFault(errorText(error)));
  }, [thread]);

  const reached = (index: number): void => {
    firstDrawn.current = index;
    if (canLoad && index - firstIndex < nearRows) load();
  };

  // A page may be so short that nothing moves: nobody would tell us to go on.
  useEffect(() => {
    const isNear = firstDrawn.current !== undefined && firstDrawn.current - firstIndex < nearRows;
    if (canLoad && (rowCount === 0 || isNear)) load();
    // After each page; where one stands is told by `reached`.
  }, [canLoad, rowCount]);

  return { fault, retry: load, reached };
}
