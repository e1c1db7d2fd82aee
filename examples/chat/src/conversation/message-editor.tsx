import { useConnectionStatus } from '@threadwire/client/react';
import { useEffect, useRef } from 'react';
import type { ReactElement } from 'react';
import { useAutoGrow } from '../hooks/use-auto-grow.ts';
import { cleanContent, contentSize, defaultMaxBytes } from './content-fault.ts';
import type { EditState, RowActions } from './use-row-actions.ts';

interface MessageEditorProps {
  readonly edit: EditState;
  /** The content as it stands. */
  readonly before: string;
  readonly actions: RowActions;
}

/** Stands where the message stood: Enter saves, Escape leaves it as it was. */
export function MessageEditor({ edit, before, actions }: MessageEditorProps): ReactElement {
  const { id, draft, isSaving, fault } = edit;
  const { session } = useConnectionStatus();
  const field = useRef<HTMLTextAreaElement>(null);
  useAutoGrow(field, draft);
  useEffect(() => {
    const element = field.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, []);

  const clean = cleanContent(draft);
  const size = contentSize(draft, session?.limits.max_content_bytes ?? defaultMaxBytes);
  const canSave = clean !== '' && !size.isTooLong && !isSaving;
  const save = (): void => {
    if (canSave) actions.saveEdit(id, before, clean);
  };
  return (
    <form
      className="editor"
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <textarea
        ref={field}
        className="editor-field"
        rows={1}
        value={draft}
        aria-label="Edit message"
        aria-invalid={size.isTooLong}
        readOnly={isSaving}
        onChange={(event) => actions.changeDraft(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key === 'Escape') {
            event.preventDefault();
            actions.cancelEdit();
          } else if (event.key === 'Enter' && !event.shiftKey) {
            event.preventDefault();
            save();
          }
        }}
      />
      <div className="editor-bar">
        <span className="hint" role="status" data-tone={(fault ?? size.isTooLong) ? 'danger' : undefined}>
          {fault ?? size.hint ?? 'Enter to save, Escape to cancel'}
        </span>
        <button type="button" className="button" data-size="small" onClick={actions.cancelEdit}>
          Cancel
        </button>
        <button type="submit" className="button" data-kind="primary" data-size="small" disabled={!canSave}>
          {isSaving ? 'Saving…' : 'Save'}
        </button>
      </div>
    </form>
  );
}
