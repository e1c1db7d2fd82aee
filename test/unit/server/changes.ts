import type { Message, Thread, ThreadHistory } from '@threadwire/protocol';
import { messageChange } from '../../../server/src/threads/durable-event.ts';
import type { Announcer, Tap } from '../../../server/src/threads/announcer.ts';
import type { Change } from '../../../server/src/threads/durable-event.ts';

const at = '2026-01-15T09:30:00.000Z';

/** A message, new where only its seq is given. */
export function messageOf(fields: Partial<Message> & Pick<Message, 'seq'>): Message {
  const position = fields.position ?? fields.seq;
  return {
    id: `m${position}`,
    thread_id: 't',
    position,
    message_id: `request-${position}`,
    sender: { id: 'ada' },
    role: 'user',
    content: `text ${fields.seq}`,
    metadata: {},
    status: 'complete',
    created_at: at,
    updated_at: at,
    ...fields,
  };
}

export function threadOf(fields: Partial<Thread> & Pick<Thread, 'id'>): Thread {
  return {
    title: '',
    members: [],
    metadata: {},
    created_by: 'ada',
    created_at: at,
    updated_at: at,
    head_seq: 0,
    ...fields,
  };
}

/** The change that made a new message with this seq. */
export function appended(seq: number): Change {
  return messageChange('thread_message', messageOf({ seq }));
}

/** The numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** One thread as a store has it: every change takes the next seq. */
export class ThreadModel {
  readonly #messages: Message[] = [];
  #head = 0;

  get head(): number {
    return this.#head;
  }

  append(): Change {
    const message = messageOf({ seq: ++this.#head });
    this.#messages.push(message);
    return messageChange('thread_message', message);
  }

  /** Changes the message at this index, counted around the end; a thread without messages gets one. */
  edit(index: number): Change {
    if (this.#messages.length === 0) return this.append();
    const i = index % this.#messages.length;
    const message = messageOf({ position: this.#messages[i]!.position, seq: ++this.#head });
    this.#messages[i] = message;
    return messageChange('message_updated', message);
  }

  changesAfter(seq: number, limit: number): { messages: Message[]; headSeq: number } {
    const changed = this.#messages.filter((message) => message.seq > seq).sort((a, b) => a.seq - b.seq);
    return { messages: changed.slice(0, limit), headSeq: this.#head };
  }

  /** The seqs whose message has not changed again since. */
  get latest(): number[] {
    return this.#messages.map(({ seq }) => seq).sort((a, b) => a - b);
  }
}

/** Closes the tap of a joiner who read a thread up to here, in which nothing streams. */
export function closeTap(announcer: Announcer, tap: Tap, headSeq: number): Change[] {
  const history: Pick<ThreadHistory, 'head_seq' | 'streaming'> = { head_seq: headSeq, streaming: [] };
  return announcer.close(tap, history) as Change[];
}
