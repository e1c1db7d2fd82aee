import { useState } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import type { ConsolePayload } from '../../connection/protocol.ts';
import { useConfirm } from '../../dialog/confirm.tsx';
import { announceQuestion } from '../../operations/node-questions.tsx';

type Status = ConsolePayload<'announce'>['status'];

const statuses: readonly Status[] = ['maintenance', 'degraded', 'ok'];
const maxMessage = 500;

/** Tells all clients how the system is. */
export function AnnounceForm(): ReactElement {
  const link = useLink();
  const confirm = useConfirm();
  const [status, setStatus] = useState<Status>('maintenance');
  const [message, setMessage] = useState('');
  return (
    <section className="panel" aria-labelledby="announce-title">
      <h2 id="announce-title">Tell everybody</h2>
      <p className="hint">Sends a system_status to every connection of this node. Clients show it as they see fit.</p>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          const text = message.trim();
          confirm(announceQuestion(link, { status, ...(text !== '' && { message: text }) }, () => setMessage('')));
        }}
      >
        <fieldset className="choices">
          <legend>Status</legend>
          {statuses.map((each) => (
            <label key={each}>
              <input type="radio" name="status" checked={status === each} onChange={() => setStatus(each)} />
              {each}
            </label>
          ))}
        </fieldset>
        <label className="field">
          Message <span className="hint">(optional)</span>
          <textarea
            className="input"
            rows={2}
            maxLength={maxMessage}
            value={message}
            onChange={(event) => setMessage(event.target.value)}
          />
        </label>
        <button className="button">Tell everybody…</button>
      </form>
    </section>
  );
}
