import { useState } from 'react';
import type { ReactElement } from 'react';
import { MessageBody } from './message-body.tsx';
import type { Row } from './row.ts';

const maxLength = 6000;
const maxLines = 80;
/** Which long ones were opened: rows come and go as one scrolls, and must come back as high as they were. */
const opened = new Set<string>();

/** What people paste may fill many screens: its beginning will do until somebody asks. Replies are there to be read. */
export function LongContent({ row }: { readonly row: Row }): ReactElement {
  const { key, role, content, status } = row;
  const [isOpen, setIsOpen] = useState(() => opened.has(key));
  const isLong = role === 'user' && status !== 'streaming' && isLongText(content);
  const isBrokenOff = status === 'cancelled' || status === 'failed' || status === 'interrupted';
  const body = <MessageBody content={content} isStreaming={status === 'streaming'} isBrokenOff={isBrokenOff} />;
  if (!isLong) return body;
  return (
    <div className="long-content" data-open={isOpen}>
      <div className="long-content-body">{body}</div>
      <button
        type="button"
        className="link-button"
        aria-expanded={isOpen}
        onClick={() => {
          if (isOpen) opened.delete(key);
          else opened.add(key);
          setIsOpen(!isOpen);
        }}
      >
        {isOpen ? 'Show less' : 'Show all'}
      </button>
    </div>
  );
}

function isLongText(text: string): boolean {
  if (text.length > maxLength) return true;
  let lines = 1;
  for (let at = text.indexOf('\n'); at !== -1 && lines <= maxLines; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines > maxLines;
}
