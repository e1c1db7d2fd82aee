import { memo, useMemo } from 'react';
import type { ReactElement } from 'react';
import { splitCode } from './split-code.ts';

interface MessageBodyProps {
  readonly content: string;
  readonly isStreaming: boolean;
}

/** A message's text: as it was written, and code as code. */
export const MessageBody = memo(function MessageBody({ content, isStreaming }: MessageBodyProps): ReactElement {
  const parts = useMemo(() => splitCode(content), [content]);
  return (
    <div className="message-body" data-streaming={isStreaming || undefined}>
      {parts.map((part, i) =>
        part.kind === 'text' ? (
          // Parts are never moved: their place is who they are.
          <p key={i}>{part.text}</p>
        ) : (
          <figure key={i} className="code">
            {part.language !== '' && <figcaption className="code-language">{part.language}</figcaption>}
            <pre>
              <code>{part.text}</code>
            </pre>
          </figure>
        ),
      )}
      {isStreaming && content === '' && (
        <span className="typing" role="img" aria-label="Writing…">
          <span />
          <span />
          <span />
        </span>
      )}
    </div>
  );
});
