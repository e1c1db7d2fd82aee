import { useState } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import type { RevokedLine } from '../../connection/protocol.ts';
import { useConfirm } from '../../dialog/confirm.tsx';
import { revokeQuestion } from '../../operations/user-questions.tsx';

const userId = /^[A-Za-z0-9_.:@-]{1,64}$/;

interface RevokeFormProps {
  readonly revoked: readonly RevokedLine[];
  readonly onDone: () => void;
}

/** Keeps a user out, connected or not. */
export function RevokeForm({ revoked, onDone }: RevokeFormProps): ReactElement {
  const link = useLink();
  const confirm = useConfirm();
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();
  const id = text.trim();
  return (
    <section className="panel" aria-labelledby="revoke-title">
      <h2 id="revoke-title">Revoke a user</h2>
      <p className="hint">Closes the user’s connections, cancels its streams, and keeps it out until it is restored.</p>
      <form
        className="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!userId.test(id)) setFault('A user id has 1 to 64 characters of A-Z a-z 0-9 _ . : @ -');
          else if (revoked.some(({ user_id }) => user_id === id)) setFault('This user is revoked already.');
          else {
            confirm(
              revokeQuestion(link, id, () => {
                setText('');
                onDone();
              }),
            );
          }
        }}
      >
        <label className="field">
          User id
          <input
            className="input"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={text}
            aria-invalid={fault !== undefined}
            aria-describedby="revoke-fault"
            onChange={(event) => {
              setText(event.target.value);
              setFault(undefined);
            }}
          />
        </label>
        <p className="fault" id="revoke-fault" role="status">
          {fault}
        </p>
        <button className="button" data-kind="harm">
          Revoke user…
        </button>
      </form>
    </section>
  );
}
