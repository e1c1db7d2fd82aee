import type { Message, ServerPayload } from '@threadwire/protocol';

export type StreamChunk = ServerPayload<'stream_chunk'>;

/**
 * How much of each growing message's text handlers were given. That is not what is held: an answer may bring text before
 * the event does, and what one did not hear of has to be told once, whichever way it came.
 */
export class ToldText {
  readonly #lengths = new Map<string, number>();

  /** The text up to there is known, from a page or from the message itself. */
  know({ id, status, content }: Message): void {
    if (status === 'streaming') this.#lengths.set(id, content.length);
    else this.#lengths.delete(id);
  }

  forget(id: string): void {
    this.#lengths.delete(id);
  }

  /** What is new in a message that holds at least what was told of it: one chunk, or none. From then on it was told. */
  tell({ id, thread_id, content }: Message, end = content.length): StreamChunk[] {
    const offset = this.#lengths.get(id);
    if (offset === undefined || end <= offset) return [];
    this.#lengths.set(id, end);
    return [{ thread_id, stream_id: id, offset, delta: content.slice(offset, end) }];
  }

  /** As {@link tell}, of a chunk whose text is held. */
  tellChunk(chunk: StreamChunk, held: Message): StreamChunk[] {
    const told = this.#lengths.get(chunk.stream_id);
    const end = chunk.offset + chunk.delta.length;
    if (told === undefined || end <= told) return [];
    // What lies between came in an answer.
    if (told < chunk.offset) return this.tell(held, end);
    this.#lengths.set(chunk.stream_id, end);
    return told === chunk.offset
      ? [chunk]
      : [{ ...chunk, offset: told, delta: chunk.delta.slice(told - chunk.offset) }];
  }

  /** As {@link tell}, of a message that may have become another one since it was `held`: edited, or deleted. */
  tellRest(message: Message, held: Message | undefined): StreamChunk[] {
    const told = this.#lengths.get(message.id);
    if (told === undefined || !held || message.content.length <= told) return [];
    return message.content.startsWith(held.content.slice(0, told)) ? this.tell(message) : [];
  }
}
