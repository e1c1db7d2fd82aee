import type { ReactElement } from 'react';
import { IconButton } from '../ui/icon-button.tsx';
import type { Row } from './row.ts';
import { useCopy } from './use-copy.ts';
import type { RowActions } from './use-row-actions.ts';

interface MessageToolbarProps {
  readonly row: Row;
  readonly actions: RowActions;
}

/** Comes with the pointer, the keyboard's focus or a tap. */
export function MessageToolbar({ row, actions }: MessageToolbarProps): ReactElement {
  const { id, content, isOwn, canDelete, status } = row;
  const { isCopied, copy, canCopy } = useCopy(content);
  return (
    <div className="toolbar">
      {canCopy && (
        <IconButton icon={isCopied ? 'check' : 'copy'} label={isCopied ? 'Copied' : 'Copy message'} onClick={copy} />
      )}
      {/* What is still being written is nobody's to edit. */}
      {isOwn && id !== undefined && status === 'complete' && (
        <IconButton icon="pencil" label="Edit message" onClick={() => actions.edit(id, content)} />
      )}
      {canDelete && id !== undefined && (
        <IconButton icon="trash" label="Delete message" onClick={() => actions.askDelete(id)} />
      )}
    </div>
  );
}
