import type { Message, Thread } from '@threadwire/client';
import { useEffect, useState } from 'react';
import type { ReactElement } from 'react';

interface AnnouncerProps {
  readonly thread: Thread;
  readonly userId: string;
}

/** A screen reader is told at most this often: what comes faster is told together. */
const everyMs = 3000;
const maxLength = 200;

/** Tells those who do not see the list what others wrote. */
export function Announcer({ thread, userId }: AnnouncerProps): ReactElement {
  const [text, setText] = useState('');
  useEffect(() => {
    let waiting: Message[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = (): void => {
      timer = undefined;
      if (waiting.length === 0) return;
      setText(announcement(waiting));
      waiting = [];
      timer = setTimeout(tell, everyMs);
    };
    const add = (message: Message | undefined): void => {
      if (message === undefined || message.sender.id === userId) return;
      waiting.push(message);
      timer ??= setTimeout(tell, 0);
    };
    const stopMessages = thread.on('thread_message', add);
    // A reply that grows is read out when it is whole.
    const stopStreams = thread.on('stream_end', ({ stream_id: id }) =>
      add(thread.getSnapshot().messages.find((message) => message.id === id)),
    );
    return () => {
      stopMessages();
      stopStreams();
      clearTimeout(timer);
    };
  }, [thread, userId]);

  return (
    <p className="visually-hidden" aria-live="polite" data-testid="announcer">
      {text}
    </p>
  );
}

function announcement(messages: readonly Message[]): string {
  const [first] = messages;
  if (!first || messages.length > 1) return `${messages.length} new messages`;
  return `${first.sender.name ?? first.sender.id}: ${first.content.slice(0, maxLength)}`;
}
