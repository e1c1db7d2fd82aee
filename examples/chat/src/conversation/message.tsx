import type { ReactElement } from 'react';
import { clockTime, fullTime } from '../format/time.ts';
import { Avatar } from '../ui/avatar.tsx';
import { DeleteConfirmation } from './delete-confirmation.tsx';
import { LongContent } from './long-content.tsx';
import { MessageEditor } from './message-editor.tsx';
import { MessageState } from './message-state.tsx';
import { MessageToolbar } from './message-toolbar.tsx';
import type { Row } from './row.ts';
import type { DeleteState, EditState, RowActions } from './use-row-actions.ts';

interface MessageProps {
  readonly row: Row;
  readonly editing: EditState | undefined;
  readonly deleting: DeleteState | undefined;
  readonly actions: RowActions;
}

const roleTags = { user: undefined, assistant: 'Assistant', tool: 'Tool', system: 'System' } as const;

export function Message({ row, editing, deleting, actions }: MessageProps): ReactElement {
  const { senderId, senderName, role, isOwn, isGroupStart, createdAt, status, content } = row;
  const name = isOwn ? 'You' : senderName;
  const roleTag = roleTags[role];
  const isDeleted = status === 'deleted';
  return (
    <article
      className="message"
      data-testid="message"
      data-message-id={row.id}
      data-own={isOwn}
      data-status={status}
      data-role={role}
      data-group-start={isGroupStart}
      data-editing={editing !== undefined}
      aria-label={`${name}, ${clockTime(createdAt)}`}
      tabIndex={-1}
    >
      {isGroupStart && !isOwn && <Avatar id={senderId} name={senderName} role={role} />}
      {isGroupStart && (
        <header className="message-header">
          <span className="message-sender">{name}</span>
          {roleTag !== undefined && roleTag !== name && <span className="tag">{roleTag}</span>}
          <MessageTime createdAt={createdAt} />
        </header>
      )}
      {!isGroupStart && <MessageTime createdAt={createdAt} isAside />}
      {editing ? (
        <MessageEditor edit={editing} before={content} actions={actions} />
      ) : (
        <div className="message-content">
          {isDeleted ? <p className="message-deleted">Message deleted</p> : <LongContent row={row} />}
          {row.isEdited && <span className="message-edited">edited</span>}
        </div>
      )}
      <MessageState row={row} actions={actions} />
      {deleting && <DeleteConfirmation state={deleting} actions={actions} />}
      {!isDeleted && !editing && !deleting && <MessageToolbar row={row} actions={actions} />}
    </article>
  );
}

/** Aside: beside a message that goes on, where it comes with the pointer. */
function MessageTime({ createdAt, isAside }: { readonly createdAt: number; readonly isAside?: boolean }): ReactElement {
  return (
    <time
      className="message-time"
      data-aside={isAside}
      dateTime={new Date(createdAt).toISOString()}
      title={fullTime(createdAt)}
    >
      {clockTime(createdAt)}
    </time>
  );
}
