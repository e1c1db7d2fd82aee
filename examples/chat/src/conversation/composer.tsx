import { useConnectionStatus } from '@threadwire/client/react';
import { useEffect, useId, useState } from 'react';
import type { ReactElement, RefObject } from 'react';
import { useAutoGrow } from '../hooks/use-auto-grow.ts';
import { useSession } from '../session/session-context.ts';
import { Icon } from '../ui/icon.tsx';
import { cleanContent, contentSize, defaultMaxBytes } from './content-fault.ts';

interface ComposerProps {
  readonly ref: RefObject<HTMLTextAreaElement | null>;
  readonly threadId: string;
  readonly placeholder: string;
  readonly onSend: (content: string) => void;
  readonly onEditLast: () => void;
}

export function Composer({ ref: field, threadId, placeholder, onSend, onEditLast }: ComposerProps): ReactElement {
  const { drafts } = useSession().session;
  const { session } = useConnectionStatus();
  const [text, setText] = useState(() => drafts.get(threadId) ?? '');
  const hintId = useId();
  useAutoGrow(field, text);
  useEffect(() => {
    // Where there is no keyboard, the one on the screen would come up and cover what one came to read.
    if (matchMedia('(hover: hover) and (pointer: fine)').matches) field.current?.focus({ preventScroll: true });
  }, [field]);

  const change = (next: string): void => {
    setText(next);
    if (next === '') drafts.delete(threadId);
    else drafts.set(threadId, next);
  };
  const size = contentSize(text, session?.limits.max_content_bytes ?? defaultMaxBytes);
  const isBlank = text.trim() === '';
  const send = (): void => {
    const content = cleanContent(text);
    if (content === '' || size.isTooLong) return;
    change('');
    onSend(content);
    field.current?.focus();
  };

  return (
    <form
      className="composer"
      aria-label="Write a message"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="composer-box" data-invalid={size.isTooLong}>
        <textarea
          ref={field}
          className="composer-field"
          rows={1}
          value={text}
          placeholder={placeholder}
          aria-label="Message"
          aria-describedby={hintId}
          aria-invalid={size.isTooLong}
          enterKeyHint="send"
          onChange={(event) => change(event.target.value)}
          onKeyDown={(event) => {
            // Enter and arrows choose among an input method's words.
            if (event.nativeEvent.isComposing) return;
            const isPlain = !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey;
            if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault();
              send();
            } else if (event.key === 'ArrowUp' && isPlain && text === '') {
              event.preventDefault();
              onEditLast();
            }
          }}
        />
        <button type="submit" className="send-button" aria-label="Send message" disabled={isBlank || size.isTooLong}>
          <Icon name="send" size={18} />
        </button>
      </div>
      <p id={hintId} className="composer-hint hint" role="status" data-tone={size.isTooLong ? 'danger' : undefined}>
        {size.hint ?? <span className="composer-keys">Enter to send, Shift+Enter for a new line</span>}
      </p>
    </form>
  );
}
