import type { ClientEvent } from '@threadwire/protocol';
import { createThread } from './create-thread.ts';
import { deleteMessage } from './delete-message.ts';
import { editMessage } from './edit-message.ts';
import { fetchHistory } from './fetch-history.ts';
import type { Handler } from './handler.ts';
import { listThreads } from './list-threads.ts';
import { ping } from './ping.ts';
import { reauth } from './reauth.ts';
import { sendMessage } from './send-message.ts';
import { streamCancel } from './stream-cancel.ts';
import { streamChunk } from './stream-chunk.ts';
import { streamEnd } from './stream-end.ts';
import { streamStart } from './stream-start.ts';
import { subscribeThread } from './subscribe-thread.ts';
import { subscribeThreads } from './subscribe-threads.ts';
import { unsubscribeThread } from './unsubscribe-thread.ts';
import { unwatchThreads } from './unwatch-threads.ts';
import { updateThread } from './update-thread.ts';
import { watchThreads } from './watch-threads.ts';

/** The handler of every client event; an event without one does not compile. */
export const handlers = {
  ping,
  reauth,
  create_thread: createThread,
  update_thread: updateThread,
  list_threads: listThreads,
  watch_threads: watchThreads,
  unwatch_threads: unwatchThreads,
  subscribe_thread: subscribeThread,
  subscribe_threads: subscribeThreads,
  unsubscribe_thread: unsubscribeThread,
  fetch_history: fetchHistory,
  send_message: sendMessage,
  edit_message: editMessage,
  delete_message: deleteMessage,
  stream_start: streamStart,
  stream_chunk: streamChunk,
  stream_end: streamEnd,
  stream_cancel: streamCancel,
} as const satisfies { [E in ClientEvent]: Handler<E> };
