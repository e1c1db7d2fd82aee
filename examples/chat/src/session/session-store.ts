import { ThreadwireClient } from '@threadwire/client';
import { PreviewStore } from '../threads/preview-store.ts';
import { SeenStore } from './seen-store.ts';
import { loadUserId, saveUserId } from './user-id.ts';

/** One person in one window: a connection, and what goes with it. */
export interface ChatSession {
  /** Another one for each session. */
  readonly number: number;
  readonly userId: string;
  readonly client: ThreadwireClient;
  readonly seen: SeenStore;
  readonly previews: PreviewStore;
  /** What was written and not sent yet, by thread. */
  readonly drafts: Map<string, string>;
}

/** The window's session. Lives outside of React, as the connection does. */
export class SessionStore {
  readonly #listeners = new Set<() => void>();
  #session = open(1, loadUserId());

  readonly getSnapshot = (): ChatSession => this.#session;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Goes on as somebody else: another user is another connection. */
  readonly rename = (userId: string): void => {
    if (userId === this.#session.userId) return;
    saveUserId(userId);
    this.#replace(userId);
  };

  /** Begins anew after a connection that ended for good. */
  readonly reopen = (): void => this.#replace(this.#session.userId);

  #replace(userId: string): void {
    const { number, client, seen, drafts } = this.#session;
    client.close();
    seen.close();
    this.#session = { ...open(number + 1, userId), drafts };
    for (const listener of this.#listeners) listener();
  }
}

function open(number: number, userId: string): ChatSession {
  const client = new ThreadwireClient({ user: userId, app: { name: 'threadwire-chat', version: '0.1.0' } });
  return {
    number,
    userId,
    client,
    previews: new PreviewStore(client),
    seen: new SeenStore(userId),
    drafts: new Map(),
  };
}
