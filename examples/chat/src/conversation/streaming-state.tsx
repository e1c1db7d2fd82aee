import { useLayoutEffect, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { errorText } from '../format/error-text.ts';
import { Icon } from '../ui/icon.tsx';

interface StreamingStateProps {
  readonly id: string | undefined;
  readonly name: string;
  readonly onStop: (id: string) => Promise<void>;
}

/** Says that more is coming, and ends it. */
export function StreamingState({ id, name, onStop }: StreamingStateProps): ReactElement {
  const [isStopping, setIsStopping] = useState(false);
  const [fault, setFault] = useState<string>();
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    const element = button.current;
    return () => {
      // The button goes when the reply has ended: the keyboard stays with the message.
      if (element && element === document.activeElement) {
        element.closest<HTMLElement>('.message')?.focus({ preventScroll: true });
      }
    };
  }, []);
  const stop = async (): Promise<void> => {
    if (id === undefined || isStopping) return;
    setIsStopping(true);
    setFault(undefined);
    try {
      await onStop(id);
    } catch (error) {
      setIsStopping(false);
      setFault(`Not stopped. ${errorText(error)}`);
    }
  };
  return (
    <div className="message-state" data-kind="streaming">
      <span>{name} is writing…</span>
      <button
        ref={button}
        type="button"
        className="stop-button"
        // Several may be written at a time.
        aria-label={`Stop ${name}`}
        aria-disabled={isStopping}
        onClick={() => void stop()}
      >
        <Icon name="stop" size={14} />
        {isStopping ? 'Stopping…' : 'Stop'}
      </button>
      {fault !== undefined && (
        <span role="alert" data-tone="danger">
          {fault}
        </span>
      )}
    </div>
  );
}
