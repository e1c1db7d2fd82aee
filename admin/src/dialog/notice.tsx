import { createContext, use, useCallback, useEffect, useMemo, useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { Icon } from '../ui/icon.tsx';

type Tell = (text: string, tone?: 'good' | 'bad') => void;

const NoticeContext = createContext<Tell>(() => undefined);

const shownMs = 8000;

/** Tells what has come of an action: above the page, so that nothing moves, and to screen readers. */
export function useNotice(): Tell {
  return use(NoticeContext);
}

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: 'good' | 'bad';
}

export function NoticeProvider({ children }: { readonly children: ReactNode }): ReactElement {
  const [notice, setNotice] = useState<Notice>();
  const [isHeld, setHeld] = useState(false);
  const tell = useCallback<Tell>(
    (text, tone = 'good') => setNotice((last) => ({ id: (last?.id ?? 0) + 1, text, tone })),
    [],
  );
  useEffect(() => {
    // What went wrong stays until it was seen.
    if (!notice || isHeld || notice.tone === 'bad') return;
    const timer = setTimeout(() => setNotice(undefined), shownMs);
    return () => clearTimeout(timer);
  }, [notice, isHeld]);
  const value = useMemo(() => tell, [tell]);
  return (
    <NoticeContext value={value}>
      {children}
      <div className="notices" role="status" onPointerEnter={() => setHeld(true)} onPointerLeave={() => setHeld(false)}>
        {notice && (
          <p key={notice.id} className="notice" data-tone={notice.tone}>
            <Icon name={notice.tone === 'good' ? 'check' : 'alert'} size={16} />
            <span>{notice.text}</span>
            <button
              type="button"
              className="icon-button"
              aria-label="Dismiss"
              onClick={() => {
                setHeld(false);
                setNotice(undefined);
              }}
            >
              <Icon name="close" size={14} />
            </button>
          </p>
        )}
      </div>
    </NoticeContext>
  );
}
