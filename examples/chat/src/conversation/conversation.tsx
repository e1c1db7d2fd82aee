import { useThread } from '@threadwire/client/react';
import { useCallback, useRef, useState } from 'react';
import type { ReactElement } from 'react';
import { useSession } from '../session/session-context.ts';
import { threadTitle } from '../threads/thread-object.ts';
import { useListedThread } from '../threads/use-listed-thread.ts';
import { Announcer } from './announcer.tsx';
import { Composer } from './composer.tsx';
import { ConversationHeader } from './conversation-header.tsx';
import { ConversationSkeleton } from './conversation-skeleton.tsx';
import { MessageList } from './message-list.tsx';
import { ThreadFailure } from './thread-failure.tsx';
import { ThreadIntro } from './thread-intro.tsx';
import { useReading } from './use-reading.ts';
import { useRowActions } from './use-row-actions.ts';

/** One thread: what was said, and the field to say more. Made anew for each thread. */
export function Conversation({ threadId }: { readonly threadId: string }): ReactElement {
  const { userId } = useSession().session;
  const { thread, snapshot } = useThread(threadId);
  const { status, error, messages, pending } = snapshot;
  const [isAtBottom, setIsAtBottom] = useState(true);
  const { newAfter, forgetNew } = useReading(threadId, snapshot, isAtBottom);
  const composer = useRef<HTMLTextAreaElement>(null);
  const focusComposer = useCallback(() => composer.current?.focus(), []);
  const { state, actions } = useRowActions(thread, focusComposer);

  // The list may know it before the thread itself is there.
  const listed = useListedThread(threadId);
  const object = snapshot.thread ?? listed;
  const hasFailed = status === 'failed' && messages.length === 0;
  const isEmpty = messages.length === 0 && pending.length === 0;
  const editLast = (): void => {
    const last = messages.findLast(
      (message) => message.sender.id === userId && message.role === 'user' && message.status === 'complete',
    );
    if (last) actions.edit(last.id, last.content);
  };

  return (
    <section className="conversation">
      <ConversationHeader thread={object} status={status} hasFailed={hasFailed} />
      <Announcer thread={thread} userId={userId} />
      {hasFailed && <ThreadFailure error={error} pending={pending} onRetry={() => thread.retry()} />}
      {!hasFailed && (
        <>
          <div className="conversation-body">
            {isEmpty &&
              (status === 'live' && object ? <ThreadIntro thread={object} isAlone /> : <ConversationSkeleton />)}
            {!isEmpty && (
              <MessageList
                thread={thread}
                snapshot={snapshot}
                object={object}
                newAfter={newAfter}
                state={state}
                actions={actions}
                isAtBottom={isAtBottom}
                onAtBottomChange={setIsAtBottom}
              />
            )}
          </div>
          <Composer
            ref={composer}
            threadId={threadId}
            placeholder={object ? `Message ${threadTitle(object)}` : 'Message'}
            onEditLast={editLast}
            onSend={(content) => {
              forgetNew();
              // Whether it succeeds is seen in the snapshot.
              thread.send(content).catch(() => undefined);
            }}
          />
        </>
      )}
    </section>
  );
}
