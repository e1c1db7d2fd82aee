import { idSchema, limits } from '@threadwire/protocol';
import type { Thread } from '@threadwire/protocol';
import { invalidPayload } from '../request-error.ts';
import type { ListCursor } from '../store/thread-store.ts';
import { withinBytes } from '../threads/within-bytes.ts';
import type { SharedHandler } from './handler.ts';

export const listThreads: SharedHandler<'list_threads'> = async ({ store, actor }, payload) => {
  const { threads, next } = await store.listThreads({
    actor,
    after: payload.cursor === undefined ? undefined : decodeCursor(payload.cursor),
    limit: payload.limit ?? limits.defaultListPage,
  });
  const page = withinBytes(threads, limits.maxHistoryBytes);
  const last = page.at(-1);
  if (page.length < threads.length) return { threads: page, next_cursor: encodeCursor(cursorAfter(last!)) };
  return next ? { threads, next_cursor: encodeCursor(next) } : { threads };
};

function cursorAfter(thread: Thread): ListCursor {
  return { updatedAt: Date.parse(thread.updated_at), id: thread.id };
}

function encodeCursor({ updatedAt, id }: ListCursor): string {
  return Buffer.from(`${updatedAt} ${id}`).toString('base64url');
}

function decodeCursor(cursor: string): ListCursor {
  const match = /^(\d{1,15}) (.+)$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (!match || !idSchema.safeParse(match[2]).success) {
    throw invalidPayload('cursor is not one that list_threads gave.', {
      path: 'cursor',
      message: 'must be a next_cursor of an earlier answer',
    });
  }
  return { updatedAt: Number(match[1]), id: match[2]! };
}
