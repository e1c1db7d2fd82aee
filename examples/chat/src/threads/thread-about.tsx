import { useRef } from 'react';
import type { ReactElement } from 'react';
import { useSession } from '../session/session-context.ts';
import type { ThreadObject } from './thread-object.ts';
import { usePreview } from './use-preview.ts';

/** The line below a thread's title: what was said last, or who began it. */
export function ThreadAbout({ thread }: { readonly thread: ThreadObject }): ReactElement {
  const { userId } = useSession().session;
  const element = useRef<HTMLSpanElement>(null);
  const preview = usePreview(thread, element);
  const nameOf = (id: string, name = id): string => (id === userId ? 'You' : name);
  const isEmpty = thread.head_seq === 0;
  return (
    <span className="thread-about" ref={element}>
      {isEmpty && `Started by ${thread.created_by === userId ? 'you' : thread.created_by}`}
      {!isEmpty && preview?.isWriting && `${preview.senderName} is writing…`}
      {!isEmpty && preview?.isWriting === false && `${nameOf(preview.senderId, preview.senderName)}: ${preview.text}`}
    </span>
  );
}
