import { createContext, use, useEffect, useRef, useState } from 'react';
import { useLink, useLinkState } from '../connection/link-context.ts';
import { useVisible } from '../polling/use-visible.ts';
import { emptyHistory, seenUntil, withOverview } from './node-history.ts';
import type { NodeHistory } from './node-history.ts';

export const NodeHistoryContext = createContext<NodeHistory>(emptyHistory);

export function useNodeHistory(): NodeHistory {
  return use(NodeHistoryContext);
}

/** More often than samples are taken: whether the store is up is news at any time. */
const everyMs = 2000;

/** Asks how the nodes do as long as the page is open and seen, whatever view is shown. What was missed comes with the next answer. */
export function useWatchedNodes(): NodeHistory {
  const link = useLink();
  const isAsking = useLinkState() === 'online';
  const isVisible = useVisible();
  const [history, setHistory] = useState(emptyHistory);
  const last = useRef(history);
  useEffect(() => {
    if (!isAsking || !isVisible) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        const answer = await link.request('overview', { after: seenUntil(last.current) });
        if (isOver) return;
        last.current = withOverview(last.current, answer, Date.now());
        setHistory(last.current);
      } catch {
        // That there is no news is told as an alarm.
      }
      if (!isOver) timer = setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [link, isAsking, isVisible]);
  return history;
}
