import type { Thread } from '@threadwire/client';
import { useMemo, useState } from 'react';
import { errorText } from '../format/error-text.ts';
import { stopStream } from './stop-stream.ts';

export interface EditState {
  readonly id: string;
  readonly draft: string;
  readonly isSaving: boolean;
  readonly fault: string | undefined;
}

export interface DeleteState {
  readonly id: string;
  readonly isDeleting: boolean;
  readonly fault: string | undefined;
}

/** What is being done to one message. Kept above the list: rows come and go as one scrolls. */
export interface RowState {
  readonly editing: EditState | undefined;
  readonly deleting: DeleteState | undefined;
}

export interface RowActions {
  readonly edit: (id: string, content: string) => void;
  readonly changeDraft: (draft: string) => void;
  readonly cancelEdit: () => void;
  readonly saveEdit: (id: string, before: string, draft: string) => void;
  readonly askDelete: (id: string) => void;
  readonly cancelDelete: () => void;
  readonly confirmDelete: (id: string) => void;
  /** Rejects where the reply goes on. */
  readonly stop: (id: string) => Promise<void>;
  readonly resend: (messageId: string) => void;
  readonly discard: (messageId: string) => void;
}

const nothing: RowState = { editing: undefined, deleting: undefined };

/** `onDone`, the same each time, is called when the keyboard belongs to the composer again. */
export function useRowActions(thread: Thread, onDone: () => void): { state: RowState; actions: RowActions } {
  const [state, setState] = useState(nothing);

  const actions = useMemo((): RowActions => {
    const end = (): void => {
      setState(nothing);
      onDone();
    };
    // What was begun with another message meanwhile is left alone.
    const patchEdit = (id: string, patch: Partial<EditState>): void =>
      setState((now) => (now.editing?.id === id ? { ...now, editing: { ...now.editing, ...patch } } : now));
    const patchDelete = (id: string, patch: Partial<DeleteState>): void =>
      setState((now) => (now.deleting?.id === id ? { ...now, deleting: { ...now.deleting, ...patch } } : now));

    const save = async (id: string, draft: string): Promise<void> => {
      patchEdit(id, { isSaving: true, fault: undefined });
      try {
        await thread.edit(id, draft);
        end();
      } catch (error) {
        patchEdit(id, { isSaving: false, fault: `Not saved. ${errorText(error)}` });
      }
    };
    const remove = async (id: string): Promise<void> => {
      patchDelete(id, { isDeleting: true, fault: undefined });
      try {
        await thread.delete(id);
        end();
      } catch (error) {
        patchDelete(id, { isDeleting: false, fault: `Not deleted. ${errorText(error)}` });
      }
    };

    return {
      edit: (id, content) =>
        setState({ editing: { id, draft: content, isSaving: false, fault: undefined }, deleting: undefined }),
      changeDraft: (draft) => setState((now) => (now.editing ? { ...now, editing: { ...now.editing, draft } } : now)),
      cancelEdit: end,
      saveEdit: (id, before, draft) => {
        if (draft === before) end();
        else void save(id, draft);
      },
      askDelete: (id) => setState({ editing: undefined, deleting: { id, isDeleting: false, fault: undefined } }),
      cancelDelete: end,
      confirmDelete: (id) => void remove(id),
      stop: (id) => stopStream(thread, id),
      // Whether it succeeds is seen in the snapshot.
      resend: (messageId) => void thread.resend(messageId).catch(() => undefined),
      discard: (messageId) => void thread.discard(messageId),
    };
  }, [thread, onDone]);

  return { state, actions };
}
