import { useEffect, useRef } from 'react';
import type { ReactElement } from 'react';
import type { DeleteState, RowActions } from './use-row-actions.ts';

interface DeleteConfirmationProps {
  readonly state: DeleteState;
  readonly actions: RowActions;
}

/** Asks below the message itself: what is about to go stays in sight. */
export function DeleteConfirmation({ state, actions }: DeleteConfirmationProps): ReactElement {
  const { id, isDeleting, fault } = state;
  const confirm = useRef<HTMLButtonElement>(null);
  useEffect(() => confirm.current?.focus(), []);
  return (
    <div
      className="confirmation"
      role="group"
      aria-label="Delete this message?"
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        event.preventDefault();
        actions.cancelDelete();
      }}
    >
      <span className="confirmation-text" role="status" data-tone={fault === undefined ? undefined : 'danger'}>
        {fault ?? 'Delete this message for everyone?'}
      </span>
      <button type="button" className="button" data-size="small" onClick={actions.cancelDelete}>
        Keep
      </button>
      <button
        ref={confirm}
        type="button"
        className="button"
        data-kind="danger"
        data-size="small"
        aria-disabled={isDeleting}
        onClick={() => {
          if (!isDeleting) actions.confirmDelete(id);
        }}
      >
        {isDeleting ? 'Deleting…' : 'Delete'}
      </button>
    </div>
  );
}
