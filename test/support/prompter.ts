import type { Responder } from '../../server/src/responder/responder.ts';

interface Script {
  readonly pieces: string[];
  isOver: boolean;
  isAborted: boolean;
  /** Of the reply that waits for more. */
  wake: () => void;
}

/** A responder whose replies say what a test has them say, each known by the text of the message that it answers. */
export class Prompter {
  readonly #scripts = new Map<string, Script>();

  /** For `startApp`. */
  get responder(): { readonly respond: Responder; readonly isRepeatable: boolean } {
    return { respond: (message, { signal }) => this.#reply(message.content, signal), isRepeatable: true };
  }

  /** The reply says this next. */
  say(question: string, piece: string): void {
    const script = this.#scriptOf(question);
    script.pieces.push(piece);
    script.wake();
  }

  /** The reply has nothing more to say. */
  end(question: string): void {
    const script = this.#scriptOf(question);
    script.isOver = true;
    script.wake();
  }

  /** Whether it was told that its reply is no longer wanted. */
  isAborted(question: string): boolean {
    return this.#scriptOf(question).isAborted;
  }

  async *#reply(question: string, signal: AbortSignal): AsyncGenerator<string> {
    const script = this.#scriptOf(question);
    signal.addEventListener('abort', () => {
      script.isAborted = true;
      script.wake();
    });
    for (let said = 0; ; said += 1) {
      while (said >= script.pieces.length && !script.isOver && !signal.aborted) {
        await new Promise<void>((resolve) => (script.wake = resolve));
      }
      signal.throwIfAborted();
      const piece = script.pieces[said];
      if (piece === undefined) return;
      yield piece;
    }
  }

  #scriptOf(question: string): Script {
    let script = this.#scripts.get(question);
    if (!script) {
      script = { pieces: [], isOver: false, isAborted: false, wake: () => undefined };
      this.#scripts.set(question, script);
    }
    return script;
  }
}
