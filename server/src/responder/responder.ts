import type { Message } from '@threadwire/protocol';

/** What a responder is asked with. */
export interface RespondContext {
  /** Aborted when the reply is no longer wanted: it was cancelled, or the server stops. */
  readonly signal: AbortSignal;
  /**
   * The thread's latest messages before this one, oldest first, at most 200, and after them the replies to those that began
   * since; read when called.
   */
  readonly history: () => Promise<readonly Message[]>;
  /** How much of the same reply is stored already, in UTF-16 code units: nobody waits for that part. */
  readonly heldLength?: number;
}

/**
 * Answers a message with text, piece by piece; the pieces together are the whole text, and none of them begins or ends
 * within a surrogate pair. What it throws ends the reply as `failed`, with a text for the reader where it is a
 * {@link ResponderError}. Once the signal is aborted it throws the signal's reason, so that half a reply is never taken
 * for a whole one.
 */
export type Responder = (message: Message, context: RespondContext) => AsyncIterable<string>;

/** A failure whose text may be shown to readers. */
export class ResponderError extends Error {
  override readonly name = 'ResponderError';
}
