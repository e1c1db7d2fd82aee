import { createContext, use, useCallback, useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { ConfirmDialog } from './confirm-dialog.tsx';

/** What is asked before something is done. */
export interface Question {
  readonly title: string;
  /** Exactly what will happen, and to how many; found out when it is asked. */
  readonly describe: () => ReactNode | Promise<ReactNode>;
  /** Names what is done: `Disconnect`. */
  readonly action: string;
  readonly isHarmful: boolean;
  /** Whether a reason may be given, and who sees it. */
  readonly reasonHint?: string;
  /** Does it, and says what has come of it. */
  readonly run: (reason: string) => Promise<string>;
}

const ConfirmContext = createContext<(question: Question) => void>(() => undefined);

/** Asks before something is done, and does it. */
export function useConfirm(): (question: Question) => void {
  return use(ConfirmContext);
}

export function ConfirmProvider({ children }: { readonly children: ReactNode }): ReactElement {
  const [question, setQuestion] = useState<Question>();
  const close = useCallback(() => setQuestion(undefined), []);
  return (
    <ConfirmContext value={setQuestion}>
      {children}
      {question && <ConfirmDialog question={question} onClose={close} />}
    </ConfirmContext>
  );
}
