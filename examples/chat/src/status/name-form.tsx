import { useEffect, useId, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { userIdFault } from '../session/user-id.ts';

interface NameFormProps {
  readonly userId: string;
  readonly onSave: (userId: string) => void;
}

/** Changes who this window is. */
export function NameForm({ userId, onSave }: NameFormProps): ReactElement {
  const [name, setName] = useState(userId);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const fault = userIdFault(name);
  useEffect(() => input.current?.select(), []);

  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (fault === undefined) onSave(name);
        else input.current?.focus();
      }}
    >
      <label className="label" htmlFor={id}>
        Your name in this window
      </label>
      <div className="form-row">
        <input
          ref={input}
          id={id}
          className="input"
          value={name}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-hint`}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="button" data-kind="primary" disabled={fault !== undefined || name === userId}>
          Save
        </button>
      </div>
      <p id={`${id}-hint`} className="hint" data-tone={fault === undefined ? undefined : 'danger'} aria-live="polite">
        {fault ?? 'Every window is its own person. Another name reconnects as somebody else.'}
      </p>
    </form>
  );
}
