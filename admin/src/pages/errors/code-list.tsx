import type { ReactElement } from 'react';
import type { ConsoleAnswers, Refusal } from '../../connection/protocol.ts';
import { formatCount } from '../../format/number.ts';
import { codeNotes } from './code-notes.ts';

type Code = Refusal['code'];

interface CodeListProps {
  readonly counts: ConsoleAnswers['errors']['counts'] | undefined;
  readonly recent: readonly Refusal[];
  readonly chosen: string;
  readonly onChoose: (code: string) => void;
}

/** Each code with how often it was answered; choosing one shows the last of it. In one order always, so that nothing moves. */
export function CodeList({ counts, recent, chosen, onChoose }: CodeListProps): ReactElement {
  if (!counts) return <p className="loading">Loading…</p>;
  const entries = Object.entries(counts);
  const most = Math.max(1, ...entries.map(([, count]) => count));
  const lately = new Map<string, number>();
  for (const { code } of recent) lately.set(code, (lately.get(code) ?? 0) + 1);
  return (
    <ul className="codes">
      {entries.map(([code, count]) => (
        <li key={code}>
          <button
            type="button"
            className="code-line"
            aria-pressed={code === chosen}
            data-none={count === 0 || undefined}
            title={[`${formatCount(lately.get(code) ?? 0)} of the last ${recent.length}`, codeNotes[code as Code] ?? '']
              .join('\n')
              .trim()}
            onClick={() => onChoose(code === chosen ? '' : code)}
          >
            <span className="code-name">{code}</span>
            {code === 'slow_consumer' && <span className="code-unit">closed</span>}
            <span className="code-count">{formatCount(count)}</span>
            <svg className="code-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
              <rect width={(100 * count) / most} height="1" />
            </svg>
          </button>
        </li>
      ))}
    </ul>
  );
}
