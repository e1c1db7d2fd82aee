import { useCallback, useEffect, useRef, useState } from 'react';
import { useLink, useLinkState } from '../connection/link-context.ts';
import type { ConsoleAnswers, ConsolePayload, ConsoleRequest } from '../connection/protocol.ts';
import { useVisible } from './use-visible.ts';

export interface Polled<T> {
  readonly data: T | undefined;
  /** Why the last request was not answered; what was answered before it is still there. */
  readonly failure: unknown;
  /** Whether `data` answers an earlier question than the one that is asked now. */
  readonly isOld: boolean;
  /** Asks now. */
  readonly refresh: () => void;
}

interface Held<T> {
  readonly question: string;
  readonly data: T | undefined;
  readonly failure: unknown;
}

export interface PollOptions {
  readonly everyMs?: number;
  readonly isPaused?: boolean;
}

const viewEveryMs = 2000;

/** Asks the same again and again, while the page is online and seen, each time after the last answer. */
export function usePoll<R extends ConsoleRequest>(
  name: R,
  payload: Partial<ConsolePayload<R>>,
  { everyMs = viewEveryMs, isPaused = false }: PollOptions = {},
): Polled<ConsoleAnswers[R]> {
  const link = useLink();
  const isOnline = useLinkState() === 'online';
  const isVisible = useVisible();
  const question = `${name} ${JSON.stringify(payload)}`;
  const asked = useRef(payload);
  asked.current = payload;
  const [turn, setTurn] = useState(0);
  const [held, setHeld] = useState<Held<ConsoleAnswers[R]>>();

  // A question that was never answered is asked also where polling is paused.
  const hasAnswer = held?.question === question;
  const isAsking = isOnline && isVisible && !(isPaused && hasAnswer);
  useEffect(() => {
    if (!isAsking) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        const data = await link.request(name, asked.current);
        if (!isOver) setHeld({ question, data, failure: undefined });
      } catch (failure) {
        if (!isOver)
          setHeld((last) => ({ question, data: last?.question === question ? last.data : undefined, failure }));
      }
      if (!isOver) timer = setTimeout(() => void ask(), everyMs);
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [link, name, question, isAsking, everyMs, turn]);

  const refresh = useCallback(() => setTurn((last) => last + 1), []);
  return { data: held?.data, failure: held?.failure, isOld: held !== undefined && !hasAnswer, refresh };
}
