import { useEffect, useId, useRef, useState } from 'react';
import type { ReactElement, ReactNode } from 'react';
import { failureText } from '../connection/request-failure.ts';
import { FailureNote } from '../polling/failure-note.tsx';
import type { Question } from './confirm.tsx';
import { useNotice } from './notice.tsx';

// The protocol's limit is in bytes, of which a character has four at most.
const maxReason = 250;

interface ConfirmDialogProps {
  readonly question: Question;
  readonly onClose: () => void;
}

/** Says what will happen, and does it when that is confirmed; what then goes wrong is said here too. */
export function ConfirmDialog({ question, onClose }: ConfirmDialogProps): ReactElement {
  const { title, describe, action, isHarmful, reasonHint, run } = question;
  const [description, setDescription] = useState<ReactNode>();
  const [reason, setReason] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const dialog = useRef<HTMLDialogElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  const id = useId();
  const notice = useNotice();

  useEffect(() => {
    dialog.current?.showModal();
    // What is pressed too soon does no harm.
    cancel.current?.focus();
  }, []);
  useEffect(() => {
    let isOver = false;
    const find = async (): Promise<void> => {
      try {
        const found = await describe();
        if (!isOver) setDescription(found);
      } catch (error) {
        if (!isOver) setDescription(`What this comes to could not be found out. ${failureText(error)}`);
      }
    };
    void find();
    return () => {
      isOver = true;
    };
  }, [describe]);

  const carryOut = async (): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    try {
      notice(await run(reason.trim()));
      dialog.current?.close();
    } catch (error) {
      setFailure(error);
      setBusy(false);
    }
  };

  const isKnown = description !== undefined;
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={onClose}
    >
      <form
        className="dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy && isKnown) void carryOut();
        }}
      >
        <h2 id={`${id}-title`}>{title}</h2>
        <div id={`${id}-text`} className="dialog-text">
          {isKnown ? description : 'Finding out what this comes to…'}
        </div>
        {reasonHint !== undefined && (
          <label className="field">
            Reason <span className="hint">(optional; {reasonHint})</span>
            <input
              className="input"
              maxLength={maxReason}
              autoComplete="off"
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          </label>
        )}
        <FailureNote failure={failure} />
        <div className="dialog-buttons">
          <button ref={cancel} type="button" className="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button
            type="submit"
            className="button"
            data-kind={isHarmful ? 'danger' : 'primary'}
            aria-disabled={isBusy || !isKnown}
          >
            {isBusy ? 'Working…' : action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
