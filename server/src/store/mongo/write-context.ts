import { randomBytes } from 'node:crypto';
import type { Collections } from './connect.ts';
import { Heads } from './heads.ts';

/** What the writers of one store share. */
export class WriteContext {
  readonly messages: Collections['messages'];
  readonly native: Collections['native'];
  readonly heads: Heads;
  readonly #prefix = randomBytes(6).toString('base64url');
  #lastWrite = 0;

  constructor({ messages, native }: Collections) {
    this.messages = messages;
    this.native = native;
    this.heads = new Heads(messages);
  }

  /** An id that no other write of any process has. */
  newWriteId(): string {
    return `${this.#prefix}${(++this.#lastWrite).toString(36)}`;
  }
}
