import { useMemo } from 'react';
import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import { RequestFailure } from '../../connection/request-failure.ts';
import { useConfirm } from '../../dialog/confirm.tsx';
import type { Question } from '../../dialog/confirm.tsx';
import { Age } from '../../format/age.tsx';
import { formatBytes } from '../../format/bytes.ts';
import { formatDuration } from '../../format/duration.ts';
import { counted } from '../../format/number.ts';
import { disconnectQuestion, disconnectUserQuestion, revokeQuestion } from '../../operations/user-questions.tsx';
import { FailureNote } from '../../polling/failure-note.tsx';
import { usePoll } from '../../polling/use-poll.ts';
import { hrefOf } from '../../route.ts';
import type { Column } from '../../table/column.ts';
import { DataTable } from '../../table/data-table.tsx';
import { useSort } from '../../table/use-sort.ts';
import { Badge } from '../../ui/badge.tsx';
import { UserText } from '../../ui/user-text.tsx';
import { Facts } from '../facts.tsx';
import { PageHead } from '../page-head.tsx';

const threadColumns: readonly Column<string>[] = [
  {
    key: 'thread',
    title: 'Thread',
    value: (id) => id,
    cell: (id) => (
      <a className="row-link" href={hrefOf('threads', id)}>
        <UserText text={id} className="code" />
      </a>
    ),
  },
];

/** One connection, and what can be done about it. */
export function ConnectionPage({ clientId }: { readonly clientId: string }): ReactElement {
  const link = useLink();
  const confirm = useConfirm();
  const [sort, setSort] = useSort('thread');
  const { data, failure, refresh } = usePoll('connection', { client_id: clientId });
  const isGone = failure instanceof RequestFailure && failure.code === 'invalid_payload';
  const line = data?.connection;
  const threads = useMemo(() => data?.threads, [data]);
  const ask = (question: Question): void =>
    confirm({ ...question, run: async (reason) => question.run(reason).finally(refresh) });
  return (
    <>
      <PageHead title={line ? <UserText text={line.user_id} /> : 'Connection'} back="connections">
        {line && (
          <>
            {!isGone && (
              <button type="button" className="button" onClick={() => ask(disconnectQuestion(link, line))}>
                Disconnect…
              </button>
            )}
            <button type="button" className="button" onClick={() => ask(disconnectUserQuestion(link, line.user_id))}>
              Disconnect user…
            </button>
            <button
              type="button"
              className="button"
              data-kind="harm"
              onClick={() => ask(revokeQuestion(link, line.user_id))}
            >
              Revoke user…
            </button>
          </>
        )}
      </PageHead>
      {isGone ? (
        <p className="note" data-tone="warn" role="status">
          <span>
            This connection is gone. {line && 'What is below is what was known last. '}
            {line && <a href={hrefOf('connections', undefined, { q: line.user_id })}>Look for others of this user</a>}
          </span>
        </p>
      ) : (
        <FailureNote failure={failure} />
      )}
      {line && (
        <Facts
          facts={[
            [
              'Pace',
              <Badge key="pace" tone={line.is_slow ? 'warn' : 'good'}>
                {line.is_slow ? 'slow' : 'ok'}
              </Badge>,
            ],
            ['Connected', <Age key="at" at={Date.parse(line.connected_at)} />],
            ['Address', <UserText key="address" text={line.address} className="code" />],
            ['Transport', line.transport],
            ['Round trip', line.round_trip_ms === null ? 'not known yet' : formatDuration(line.round_trip_ms)],
            ['Buffered', formatBytes(line.buffered_bytes)],
            ['Name', line.user_name === null ? 'none' : <UserText key="name" text={line.user_name} />],
            ['Client', line.client === null ? 'not said' : <UserText key="client" text={line.client} />],
            ['Client id', <UserText key="id" text={line.client_id} className="code" />],
            ['Socket id', <UserText key="socket" text={line.socket_id} className="code" />],
          ]}
        />
      )}
      {!(isGone && !line) && (
        <section aria-labelledby="subscriptions-title">
          <h2 id="subscriptions-title">{threads ? counted(threads.length, 'subscription') : 'Subscriptions'}</h2>
          <DataTable
            caption="Threads that this connection follows"
            columns={threadColumns}
            rows={threads}
            keyOf={(id) => id}
            sort={sort}
            onSort={setSort}
            empty="It follows no thread."
          />
        </section>
      )}
    </>
  );
}
