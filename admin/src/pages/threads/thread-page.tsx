import type { ReactElement } from 'react';
import { useLink } from '../../connection/link-context.ts';
import { RequestFailure } from '../../connection/request-failure.ts';
import { Age } from '../../format/age.tsx';
import { counted, formatCount } from '../../format/number.ts';
import { FailureNote } from '../../polling/failure-note.tsx';
import { usePoll } from '../../polling/use-poll.ts';
import { UserText } from '../../ui/user-text.tsx';
import { Facts } from '../facts.tsx';
import { PageHead } from '../page-head.tsx';
import { StreamTable } from '../streams/stream-table.tsx';
import { LiveTail } from './live-tail.tsx';
import { SubscriberTable } from './subscriber-table.tsx';

const shownMembers = 20;

/** One thread: who follows it, what is being written in it, and what changes. */
export function ThreadPage({ threadId }: { readonly threadId: string }): ReactElement {
  const link = useLink();
  const { data, failure, refresh } = usePoll('thread', { thread_id: threadId });
  const thread = data?.thread;
  const title = thread?.title || threadId;
  const isMissing = failure instanceof RequestFailure && ['thread_not_found', 'invalid_payload'].includes(failure.code);
  return (
    <>
      <PageHead title={<UserText text={title} />} back="threads" />
      <FailureNote failure={failure} />
      {thread && (
        <Facts
          facts={[
            ['Id', <UserText key="id" text={thread.id} className="code" />],
            ['Created by', <UserText key="by" text={thread.created_by} />],
            [
              'Members',
              thread.members.length === 0 ? (
                'open to everybody'
              ) : (
                <UserText
                  key="members"
                  text={
                    thread.members.slice(0, shownMembers).join(', ') +
                    (thread.members.length > shownMembers ? ` and ${thread.members.length - shownMembers} more` : '')
                  }
                />
              ),
            ],
            [
              'Subscribers',
              `${counted(thread.subscribers, 'connection')}, ${counted(data.subscribers.length, 'user')}`,
            ],
            ['Changes/min', formatCount(thread.changes_per_minute)],
            ['head_seq', formatCount(thread.head_seq)],
            ['Last activity', <Age key="at" at={Date.parse(thread.updated_at)} />],
          ]}
        />
      )}
      {!isMissing && (
        <>
          <section aria-labelledby="streams-title">
            <h2 id="streams-title">Streams</h2>
            <StreamTable
              link={link}
              caption="Running streams of this thread"
              streams={data?.streams}
              empty="Nothing is being written."
              onDone={refresh}
              view="thread"
            />
          </section>
          <LiveTail threadId={threadId} />
          <section aria-labelledby="subscribers-title">
            <h2 id="subscribers-title">Subscribers by user</h2>
            <SubscriberTable subscribers={data?.subscribers} onDone={refresh} />
          </section>
        </>
      )}
    </>
  );
}
