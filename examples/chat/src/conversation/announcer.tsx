import type { Message, Thread } from '@threadwire/client';
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';
import { senderName } from '../format/sender-name.ts';

interface AnnouncerProps {
  readonly thread: Thread;
  readonly userId: string;
}

/** A screen reader is told at most this often: what comes faster is told together. */
const everyMs = 3000;
const maxLength = 200;

/** Tells those who do not see the list what others wrote: of a reply that grows, that it begins, and how it ended. */
export function Announcer({ thread, userId }: AnnouncerProps): ReactElement {
  const [text, setText] = useState('');
  useEffect(() => {
    let waiting: Heard[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = (): void => {
      timer = undefined;
      if (waiting.length === 0) return;
      setText(announcement(waiting));
      waiting = [];
      timer = setTimeout(tell, everyMs);
    };
    const add = (message: Message | undefined): void => {
      // A reply may be written in one's own name: one did not write it.
      if (message === undefined || (message.sender.id === userId && message.role === 'user')) return;
      // What began and ended meanwhile is said once, as it is now.
      waiting = [...waiting.filter(({ id }) => id !== message.id), heard(message)];
      timer ??= setTimeout(tell, 0);
    };
    const stopMessages = thread.on('thread_message', add);
    const stopStarts = thread.on('stream_start', add);
    const stopEnds = thread.on('stream_end', ({ stream_id: id }) =>
      add(thread.getSnapshot().messages.find((message) => message.id === id)),
    );
    return () => {
      stopMessages();
      stopStarts();
      stopEnds();
      clearTimeout(timer);
    };
  }, [thread, userId]);

  return (
    <p className="visually-hidden" aria-live="polite" data-testid="announcer">
      {text}
    </p>
  );
}

interface Heard {
  readonly id: string;
  readonly isWriting: boolean;
  readonly text: string;
}

const endings = { cancelled: 'stopped', failed: 'failed', interrupted: 'broke off' } as const;

function heard({ id, sender, status, content }: Message): Heard {
  const name = senderName(sender);
  const ending =
    status === 'cancelled' || status === 'failed' || status === 'interrupted' ? endings[status] : undefined;
  const isWriting = status === 'streaming';
  if (isWriting) return { id, isWriting, text: `${name} is writing…` };
  return { id, isWriting, text: `${name}${ending === undefined ? '' : `, ${ending}`}: ${content.slice(0, maxLength)}` };
}

function announcement(waiting: readonly Heard[]): string {
  const whole = waiting.filter(({ isWriting }) => !isWriting);
  if (whole.length > 1) return `${whole.length} new messages`;
  // Of several that begin, the last.
  return (whole[0] ?? waiting.at(-1))?.text ?? '';
}
