import { useState } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import type { TailLine } from '../../connection/protocol.ts';
import { useConfirm } from '../../dialog/confirm.tsx';
import { formatCount } from '../../format/number.ts';
import { exactTime, logTime } from '../../format/time.ts';
import { useNow } from '../../format/use-now.ts';
import { visibleLines } from '../../format/visible-text.ts';
import { FailureNote } from '../../polling/failure-note.tsx';
import { CsvButton } from '../../table/csv-button.tsx';
import type { Column } from '../../table/column.ts';
import { PauseButton, Toolbar } from '../../table/toolbar.tsx';
import { Badge } from '../../ui/badge.tsx';
import type { Tone } from '../../ui/badge.tsx';
import { UserText } from '../../ui/user-text.tsx';
import { frozenLines, steadyLines } from './held-lines.ts';
import { useTail } from './use-tail.ts';

const tones = {
  complete: 'good',
  streaming: 'busy',
  cancelled: 'quiet',
  failed: 'bad',
  interrupted: 'warn',
  deleted: 'quiet',
} as const satisfies Record<TailLine['status'], Tone>;

const maxShown = 2000;

const exported: readonly Column<TailLine>[] = (
  ['seq', 'position', 'id', 'updated_at', 'created_at', 'user_id', 'role', 'status', 'length'] as const
).map((key) => ({ key, title: key === 'length' ? 'length (UTF-16 units)' : key, value: (line) => line[key] }));

/** The changes of a thread as they come, the newest on top; while it is pointed at, what comes waits. */
export function LiveTail({ threadId }: { readonly threadId: string }): ReactElement {
  const link = useLink();
  const confirm = useConfirm();
  const now = useNow();
  const { lines, hasBodies, hasSkipped, seenSeq, failure, view, restart } = useTail(threadId);
  const [isPaused, setPaused] = useState(false);
  const [isPointedAt, setPointedAt] = useState(false);
  const [isHidden, setHidden] = useState(false);
  const [held, setHeld] = useState<{ readonly lines: readonly TailLine[]; readonly hadBodies: boolean }>();
  const isHeld = isPaused || isPointedAt;
  // Taken at the moment at which it begins to be held.
  if (isHeld && (held === undefined || (hasBodies && !held.hadBodies))) setHeld({ lines, hadBodies: hasBodies });
  if (!isHeld && held !== undefined) setHeld(undefined);
  const { shown, waiting } =
    isHeld && held ? (isPaused ? frozenLines : steadyLines)(held.lines, lines) : { shown: lines, waiting: 0 };
  const hasText = !isHidden && lines.some(({ content }) => content !== null);

  const askForText = (): void =>
    confirm({
      title: 'Show what users wrote?',
      describe: () => (
        <p>
          The text of the messages in this thread is shown on this page until you leave it or the connection breaks.{' '}
          <strong>That you looked is noted in the audit log</strong>, with your name, address and the thread.
        </p>
      ),
      action: 'Show text',
      isHarmful: false,
      run: async () => {
        await link.request('read_bodies', { thread_id: threadId, view });
        setHidden(false);
        restart();
        return 'The text is shown; that is noted in the audit log.';
      },
    });

  return (
    <section aria-labelledby="tail-title">
      <div className="section-head">
        <h2 id="tail-title">Live tail</h2>
        <Toolbar label="Live tail">
          <span className="toolbar-fact" aria-live="off">
            {waiting > 0 ? `${formatCount(waiting)} newer wait` : hasSkipped ? 'Too fast: some were skipped' : ''}
          </span>
          <PauseButton isPaused={isPaused} onChange={setPaused} />
          {hasText ? (
            <button type="button" className="button" onClick={() => setHidden(true)}>
              Hide text
            </button>
          ) : (
            <button type="button" className="button" onClick={() => (hasBodies ? setHidden(false) : askForText())}>
              Show text{hasBodies ? '' : '…'}
            </button>
          )}
          <CsvButton what={`tail-${threadId}`} columns={exported} rows={() => shown} />
        </Toolbar>
      </div>
      <FailureNote failure={failure} />
      <div className="table-frame">
        <div className="tail-scroll" role="region" aria-labelledby="tail-title" tabIndex={0}>
          <table className="table tail" style={{ minWidth: hasText ? '58rem' : '44rem' }}>
            <caption className="visually-hidden">Changes of this thread, the newest first</caption>
            <colgroup>
              {[5, 8, hasText ? 10 : undefined, 6, 8, 6, hasText ? undefined : 0].map((width, i) => (
                <col key={i} style={width === undefined ? {} : { width: `${width}rem` }} />
              ))}
            </colgroup>
            <thead>
              <tr>
                <th scope="col" data-number>
                  seq
                </th>
                <th scope="col">Changed</th>
                <th scope="col">Sender</th>
                <th scope="col">Role</th>
                <th scope="col">Status</th>
                <th scope="col" data-number title="UTF-16 units">
                  Length
                </th>
                {hasText && <th scope="col">Text</th>}
              </tr>
            </thead>
            <tbody
              onPointerOver={(event) => {
                if (event.pointerType === 'mouse') setPointedAt(true);
              }}
              onPointerLeave={() => setPointedAt(false)}
            >
              {shown.map((line) => (
                <tr key={line.id}>
                  <td data-number>{formatCount(line.seq)}</td>
                  <td>
                    <time dateTime={line.updated_at} title={exactTime(Date.parse(line.updated_at))}>
                      {logTime(Date.parse(line.updated_at), now)}
                    </time>
                  </td>
                  <td>
                    <UserText text={line.user_id} />
                  </td>
                  <td>{line.role}</td>
                  <td>
                    <Badge tone={tones[line.status]}>{line.status}</Badge>
                  </td>
                  <td data-number>{formatCount(line.length)}</td>
                  {hasText && (
                    <td className="tail-text">
                      {line.content === null ? (
                        <span className="hint">not shown</span>
                      ) : (
                        <bdi className="tail-content">{beginningOf(line.content, line.length)}</bdi>
                      )}
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {lines.length === 0 && (
          <div className="table-empty">{seenSeq === undefined ? 'Loading…' : 'Nothing was said yet.'}</div>
        )}
      </div>
    </section>
  );
}

/** What an operator reads of a message, which may have a quarter of a million characters; of one that grows no more may be known. */
function beginningOf(text: string, length: number): string {
  if (length <= maxShown) return visibleLines(text);
  const beginning = text.slice(0, maxShown).toWellFormed();
  return `${visibleLines(beginning)} … (${formatCount(length - maxShown)} more)`;
}
