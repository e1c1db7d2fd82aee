import type { Message, ServerPayload, ThreadHistory } from '@threadwire/protocol';
import type { Arrival } from './client.ts';

/** An ok answer to `send_message`. */
export interface SendAck {
  readonly thread_id: string;
  readonly sender: string;
  readonly message_id: string;
  readonly message: Message;
  readonly duplicate: boolean;
}

/** The events of a thread: only subscribers get them. */
export type RoomEvent = 'thread_message' | 'message_updated' | 'stream_start' | 'stream_chunk' | 'stream_end';

export type RoomEventEntry = {
  [E in RoomEvent]: { readonly kind: 'event'; readonly event: E; readonly payload: ServerPayload<E> };
}[RoomEvent];

export interface HistoryEntry {
  readonly kind: 'history';
  /** Whether it answers a subscribe, else a fetch. */
  readonly subscribes: boolean;
  readonly thread_id: string;
  readonly after_seq?: number | undefined;
  readonly before_position?: number | undefined;
  readonly history: ThreadHistory;
}

/** One thing that reached a client and matters to the guarantees. */
export type ViewEntry =
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected' }
  | HistoryEntry
  | { readonly kind: 'unsubscribed'; readonly thread_id: string }
  /** The event `error` with `forbidden` and a thread: the user was removed from it. */
  | { readonly kind: 'removed'; readonly thread_id: string }
  | RoomEventEntry;

/** Everything that one client saw over all its connections, in order of arrival. */
export interface View {
  readonly name: string;
  readonly user: string;
  readonly entries: ViewEntry[];
}

/**
 * From `from_seq` on the user may, or may not, be sent the thread's events. A later change overrides an earlier one for
 * all seqs from its own. For a removal give the first seq that was taken when it had to be in force everywhere.
 */
export interface AccessChange {
  readonly thread_id: string;
  readonly user: string;
  readonly may: boolean;
  readonly from_seq: number;
}

/** What a run left behind: plain data, so that it can be written to a file and checked again. */
export interface RecordedLog {
  readonly sends: SendAck[];
  /** The messages of ok answers to edits, deletes and the like: they too are durable. */
  readonly changes: Message[];
  readonly views: View[];
  readonly access: AccessChange[];
  /** By thread: all its messages, as the store holds them at the end. */
  readonly final: Record<string, Message[]>;
}

/** Records a run for the log checker. */
export class LogRecorder {
  readonly log: RecordedLog = { sends: [], changes: [], views: [], access: [], final: {} };

  /** A client's view. Its `tap` goes to `connectClient`; with other clients, `add` and `answered` are called by hand. */
  view(user: string, name = `${user}#${this.log.views.length + 1}`): ViewRecorder {
    const view: View = { name, user, entries: [] };
    this.log.views.push(view);
    return new ViewRecorder(this.log, view);
  }

  access(change: AccessChange): void {
    this.log.access.push(change);
  }

  /** What the store holds of a thread when everything has come to rest. */
  final(threadId: string, messages: readonly Message[]): void {
    this.log.final[threadId] = [...messages];
  }
}

/** Records what reaches one client, over all its connections. */
export class ViewRecorder {
  readonly #log: RecordedLog;
  readonly #view: View;

  constructor(log: RecordedLog, view: View) {
    this.#log = log;
    this.#view = view;
  }

  add(entry: ViewEntry): void {
    this.#view.entries.push(entry);
  }

  sent(ack: { message: Message; duplicate: boolean }, request: { thread_id: string; message_id?: string | undefined }) {
    const { thread_id, message_id = ack.message.message_id } = request;
    this.#log.sends.push({ thread_id, sender: this.#view.user, message_id, ...ack });
  }

  changed(message: Message): void {
    this.#log.changes.push(message);
  }

  /** Takes what a test client received. Requests must carry acks: the checker cannot tell what else they answer. */
  readonly tap = (arrival: Arrival): void => {
    switch (arrival.kind) {
      case 'connected':
      case 'disconnected':
        this.add({ kind: arrival.kind });
        break;
      case 'event':
        this.#event(arrival);
        break;
      case 'answer':
        this.#answer(arrival);
        break;
    }
  };

  #event(arrival: Extract<Arrival, { kind: 'event' }>): void {
    switch (arrival.event) {
      case 'thread_message':
      case 'message_updated':
      case 'stream_start':
      case 'stream_chunk':
      case 'stream_end':
        this.add(arrival);
        break;
      case 'error': {
        const { code, thread_id, event } = arrival.payload;
        // With `event` it is the failure of a request that had no ack.
        if (code === 'forbidden' && thread_id !== undefined && event === undefined)
          this.add({ kind: 'removed', thread_id });
        break;
      }
      default:
    }
  }

  #answer(arrival: Extract<Arrival, { kind: 'answer' }>): void {
    if (!arrival.answer.ok) return;
    switch (arrival.event) {
      case 'subscribe_thread':
      case 'fetch_history':
        this.add(historyEntry(arrival.event === 'subscribe_thread', arrival.request, arrival.answer.data));
        break;
      case 'subscribe_threads': {
        const { threads } = arrival.answer.data;
        for (const [index, request] of arrival.request.threads.entries()) {
          const entry = threads[index];
          if (entry?.ok === true) this.add(historyEntry(true, request, entry.data));
        }
        break;
      }
      case 'unsubscribe_thread':
        this.add({ kind: 'unsubscribed', thread_id: arrival.request.thread_id });
        break;
      case 'send_message':
        this.sent(arrival.answer.data, arrival.request);
        break;
      case 'edit_message':
      case 'delete_message':
      case 'stream_start':
      case 'stream_end':
      case 'stream_cancel':
        this.changed(arrival.answer.data.message);
        break;
      default:
    }
  }
}

function historyEntry(
  subscribes: boolean,
  request: { thread_id: string; after_seq?: number | undefined; before_position?: number | undefined },
  history: ThreadHistory,
): HistoryEntry {
  const { thread_id, after_seq, before_position } = request;
  return {
    kind: 'history',
    subscribes,
    thread_id,
    ...(after_seq === undefined ? {} : { after_seq }),
    ...(before_position === undefined ? {} : { before_position }),
    history,
  };
}
