import { useThreadwire } from '@threadwire/client/react';
import { useEffect, useId, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { errorText } from '../format/error-text.ts';
import { threadHref } from '../route.ts';
import { responderMetadata } from './thread-object.ts';

// The protocol's limit, in code points.
const maxTitle = 200;

export function NewThreadDialog({ onClose }: { readonly onClose: () => void }): ReactElement {
  const client = useThreadwire();
  const [title, setTitle] = useState('');
  const [isAnswered, setIsAnswered] = useState(true);
  const [isCreating, setIsCreating] = useState(false);
  const [fault, setFault] = useState<string>();
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => dialog.current?.showModal(), []);

  const create = async (): Promise<void> => {
    const wanted = cleanTitle(title);
    const length = [...wanted].length;
    if (length === 0 || length > maxTitle) {
      setFault(length === 0 ? 'Give it a title.' : `At most ${maxTitle} characters; this has ${length}.`);
      return;
    }
    setIsCreating(true);
    setFault(undefined);
    try {
      const thread = await client.createThread({
        title: wanted,
        ...(isAnswered && { metadata: responderMetadata }),
      });
      onClose();
      location.hash = threadHref(thread.id);
    } catch (error) {
      setIsCreating(false);
      setFault(errorText(error));
    }
  };

  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={`${id}-title`}
      onClose={onClose}
      onPointerDown={(event) => {
        // Its padding is inside of the form: what is pressed on the dialog itself is the backdrop.
        if (event.target === event.currentTarget) event.currentTarget.close();
      }}
    >
      <form
        className="form dialog-body"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isCreating) void create();
        }}
      >
        <h2 className="dialog-title" id={`${id}-title`}>
          New thread
        </h2>
        <label className="label" htmlFor={`${id}-input`}>
          Title
        </label>
        <input
          id={`${id}-input`}
          className="input"
          value={title}
          placeholder="What is it about?"
          autoComplete="off"
          enterKeyHint="go"
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-hint`}
          onChange={(event) => {
            setTitle(event.target.value);
            setFault(undefined);
          }}
        />
        <p id={`${id}-hint`} className="hint" data-tone={fault === undefined ? undefined : 'danger'} aria-live="polite">
          {fault ?? 'Everybody here can read it and write in it.'}
        </p>
        <label className="check">
          <input type="checkbox" checked={isAnswered} onChange={(event) => setIsAnswered(event.target.checked)} />
          Answers by the assistant
        </label>
        <div className="button-row" data-align="end">
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" className="button" data-kind="primary" aria-disabled={isCreating}>
            {isCreating ? 'Creating…' : 'Create thread'}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** What the server takes: no NUL, and no half characters. */
function cleanTitle(title: string): string {
  return title.toWellFormed().replaceAll('\0', '').trim();
}
