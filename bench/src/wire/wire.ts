/** What a client is subscribed to, and up to where it was seen. */
export interface Subscription {
  readonly threadId: string;
  readonly afterSeq?: number | undefined;
}

/** What a scenario wants to hear of a client. */
export interface ClientEvents {
  /** A message of a thread came, within these bytes. They are only lent. */
  readonly onMessage?: ((bytes: Buffer, start: number, end: number) => void) | undefined;
  /** A piece of a streamed reply came, within these bytes, which are only lent. */
  readonly onText?: ((bytes: Buffer, start: number, end: number) => void) | undefined;
  /** The answer to a send came, with its number, and says that all is well. */
  readonly onAnswer?: ((send: number) => void) | undefined;
  /** All that one read brought was handed out. */
  readonly onChunk?: (() => void) | undefined;
  /** The connection ended, or an answer says that something failed: the round is worth nothing. */
  readonly onLost: (reason: string) => void;
}

/** A connected client, subscribed to what it asked for. */
export interface Client {
  /** Messages that came so far, of all threads. */
  readonly messages: number;
  /** Sends a message to a thread; returns the number that its answer carries. */
  send(threadId: string, content: string, messageId: string): number;
  close(): void;
}

/** How to talk to a server: the one thing in which the load on two servers may differ. */
export interface Wire {
  /** Opens what connections a client needs. Resolves when it is subscribed. */
  connect(port: number, subscriptions: readonly Subscription[], events: ClientEvents): Promise<Client>;
}
