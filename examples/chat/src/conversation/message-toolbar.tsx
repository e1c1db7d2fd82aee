import { useState } from 'react';
import type { ReactElement } from 'react';
import { IconButton } from '../ui/icon-button.tsx';
import type { Row } from './row.ts';
import type { RowActions } from './use-row-actions.ts';

interface MessageToolbarProps {
  readonly row: Row;
  readonly actions: RowActions;
}

const copiedMs = 1500;

/** Comes with the pointer, the keyboard's focus or a tap. */
export function MessageToolbar({ row, actions }: MessageToolbarProps): ReactElement {
  const { id, content, isOwn, status } = row;
  const [isCopied, setIsCopied] = useState(false);
  const canChange = isOwn && id !== undefined && status === 'complete';
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(content);
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), copiedMs);
  };
  return (
    <div className="toolbar">
      {/* Pages that are not secure have no clipboard. */}
      {'clipboard' in navigator && (
        <IconButton
          icon={isCopied ? 'check' : 'copy'}
          label={isCopied ? 'Copied' : 'Copy message'}
          onClick={() => void copy().catch(() => undefined)}
        />
      )}
      {canChange && <IconButton icon="pencil" label="Edit message" onClick={() => actions.edit(id, content)} />}
      {canChange && <IconButton icon="trash" label="Delete message" onClick={() => actions.askDelete(id)} />}
    </div>
  );
}
