import type { Message, ServerPayload, ThreadHistory } from '@threadwire/protocol';
import type { Arrival } from './client.ts';

/** What a reader made of one streamed message. */
export interface ReadStream {
  text: string;
  status: Message['status'];
  /** How many `stream_end`s it got. */
  ends: number;
}

/**
 * Follows one thread by the rules of the protocol and nothing else: a history's text as it is, of each chunk what lies
 * beyond the text held, of each durable event whatever is above the seq held. It asks for nothing again: text that is
 * missing, text that is taken back and seqs that are missing are faults.
 */
export class StreamReader {
  readonly threadId: string;
  readonly streams = new Map<string, ReadStream>();
  readonly faults: string[] = [];
  /** The seq it holds; undefined until it has joined. */
  seq: number | undefined;

  constructor(threadId: string) {
    this.threadId = threadId;
  }

  /** To be called with each arrival in the moment it comes: text may follow an answer at once. */
  readonly tap = (arrival: Arrival): void => {
    if (arrival.kind === 'answer') {
      if (arrival.event === 'subscribe_thread' && arrival.answer.ok) this.#join(arrival.answer.data);
    } else if (arrival.kind === 'event') {
      switch (arrival.event) {
        case 'stream_chunk':
          this.#chunk(arrival.payload);
          break;
        case 'stream_end':
          this.#end(arrival.payload);
          break;
        case 'stream_start':
        case 'thread_message':
        case 'message_updated':
          if (this.#reach(arrival.payload.seq)) this.#hold(arrival.payload);
          break;
        default:
      }
    }
  };

  #join({ messages, streaming, head_seq: head }: ThreadHistory): void {
    if (this.seq !== undefined && head < this.seq) this.faults.push(`joined at ${head}, but held ${this.seq}`);
    for (const message of [...messages, ...streaming]) this.#hold(message);
    this.seq = head;
  }

  /** Whether this is news. */
  #reach(seq: number): boolean {
    if (this.seq === undefined) {
      this.faults.push(`seq ${seq} before it had joined`);
      return false;
    }
    if (seq <= this.seq) return false;
    if (seq > this.seq + 1) this.faults.push(`seq ${seq} after ${this.seq}`);
    this.seq = seq;
    return true;
  }

  #hold({ id, content, status }: Message): void {
    const held = this.#stream(id);
    held.status = status;
    if (status === 'deleted') {
      held.text = '';
    } else if (content.startsWith(held.text)) {
      held.text = content;
    } else if (!held.text.startsWith(content) || status !== 'streaming') {
      this.faults.push(`${id} was taken back: ${held.text} became ${content}`);
    }
  }

  #chunk({ stream_id: id, offset, delta }: ServerPayload<'stream_chunk'>): void {
    const held = this.#stream(id);
    if (this.seq === undefined) this.faults.push(`text of ${id} before it had joined`);
    if (delta === '') this.faults.push(`a chunk of ${id} without text`);
    if (offset > held.text.length) this.faults.push(`text of ${id} at ${offset}, but held ${held.text.length}`);
    const known = held.text.slice(offset, offset + delta.length);
    if (!delta.startsWith(known)) this.faults.push(`text of ${id} at ${offset}: ${delta}, but held ${known}`);
    held.text += delta.slice(known.length);
  }

  #end({ stream_id: id, seq, status, length }: ServerPayload<'stream_end'>): void {
    const held = this.#stream(id);
    held.ends += 1;
    if (!this.#reach(seq)) return;
    if (held.text.length !== length) this.faults.push(`${id} ended at ${length}, but held ${held.text.length}`);
    held.status = status;
  }

  #stream(id: string): ReadStream {
    const known = this.streams.get(id);
    if (known) return known;
    const begun: ReadStream = { text: '', status: 'streaming', ends: 0 };
    this.streams.set(id, begun);
    return begun;
  }
}
