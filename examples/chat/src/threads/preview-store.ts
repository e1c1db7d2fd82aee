import type { MessageStatus, ThreadwireClient } from '@threadwire/client';
import { senderName } from '../format/sender-name.ts';

/** The last message of a thread, on one line. */
export interface Preview {
  readonly senderId: string;
  readonly senderName: string;
  /** What there was of it when it was read says little. */
  readonly isWriting: boolean;
  readonly text: string;
}

interface Held {
  /** The thread's head when it was read: another head, another last message. */
  readonly headSeq: number;
  readonly preview: Preview | undefined;
}

/** Requests at a time: what one looks at is more important than what stands beside it. */
const maxRunning = 3;
const maxLength = 120;

/** Reads the last message of the threads that somebody looks at, and again when there is another one. */
export class PreviewStore {
  readonly #client: Pick<ThreadwireClient, 'fetchHistory'>;
  readonly #listeners = new Set<() => void>();
  readonly #held = new Map<string, Held>();
  readonly #wanted = new Map<string, number>();
  #running = 0;

  constructor(client: Pick<ThreadwireClient, 'fetchHistory'>) {
    this.#client = client;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The same object until there is another; undefined where nothing is known. */
  get(threadId: string): Preview | undefined {
    return this.#held.get(threadId)?.preview;
  }

  /** Somebody looks at this thread; returns a function that says that nobody does any more. */
  want(threadId: string, headSeq: number): () => void {
    if (headSeq === 0 || this.#held.get(threadId)?.headSeq === headSeq) return () => undefined;
    this.#wanted.set(threadId, headSeq);
    this.#next();
    return () => {
      if (this.#wanted.get(threadId) === headSeq) this.#wanted.delete(threadId);
    };
  }

  #next(): void {
    for (const [threadId, headSeq] of this.#wanted) {
      if (this.#running >= maxRunning) return;
      this.#wanted.delete(threadId);
      this.#running += 1;
      void this.#read(threadId, headSeq).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #read(threadId: string, headSeq: number): Promise<void> {
    try {
      const { messages, streaming } = await this.#client.fetchHistory({ thread_id: threadId, limit: 1 });
      const last = [...messages, ...streaming].sort((a, b) => a.position - b.position).at(-1);
      const preview = last && {
        senderId: last.sender.id,
        senderName: senderName(last.sender),
        isWriting: last.status === 'streaming',
        text: last.content === '' ? (emptyTexts[last.status] ?? '') : oneLine(last.content),
      };
      this.#held.set(threadId, { headSeq, preview });
      for (const listener of this.#listeners) listener();
    } catch {
      // A list without it is still a list; the next change asks again.
    }
  }
}

/** Of messages that have no text. */
const emptyTexts: Partial<Record<MessageStatus, string>> = {
  deleted: 'Message deleted',
  cancelled: 'Stopped',
  failed: 'Failed',
  interrupted: 'Broke off',
};

/** Without most of what would only be marks there. */
function oneLine(content: string): string {
  return content
    .slice(0, 4 * maxLength)
    .replaceAll(/```[\w+#.-]*/g, ' ')
    .replaceAll(/^[ \t]*(?:#{1,6}|>+|[-+*])[ \t]+/gm, '')
    .replaceAll(/!?\[([^[\]]*)\]\([^()]*\)/g, '$1')
    .replaceAll(/\*\*|~~|`/g, '')
    .replaceAll(/\\([!-/:-@[-`{-~\n])/g, '$1')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, maxLength);
}
