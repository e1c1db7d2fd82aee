import { clientEvents } from '@threadwire/protocol';
import type { ClientData, ClientEvent, ClientPayload, ErrorObject } from '@threadwire/protocol';
import { Server } from 'socket.io';
import type { Authenticator, Identity } from '../../server/src/connection/authenticate.ts';
import { Connection } from '../../server/src/connection/connection.ts';
import { createDispatch } from '../../server/src/connection/dispatch.ts';
import type { Dispatch } from '../../server/src/connection/dispatch.ts';
import { TokenBucket } from '../../server/src/connection/token-bucket.ts';
import { Rooms } from '../../server/src/fanout/rooms.ts';
import type { ThreadNamespace } from '../../server/src/fanout/rooms.ts';
import { evictStrangers } from '../../server/src/handlers/evict.ts';
import type { RequestContext } from '../../server/src/handlers/handler.ts';
import { Lifecycle } from '../../server/src/lifecycle.ts';
import type { Logger } from '../../server/src/logger.ts';
import type { Metrics } from '../../server/src/metrics.ts';
import type { Services } from '../../server/src/services.ts';
import type { Actor } from '../../server/src/threads/access.ts';
import { Streams } from '../../server/src/streams/streams.ts';
import { Announcer } from '../../server/src/threads/announcer.ts';
import { HeadPoll } from '../../server/src/threads/head-poll.ts';
import { LogWriter } from '../../server/src/threads/log-writer.ts';
import { ThreadWatch } from '../../server/src/threads/thread-watch.ts';
import { FakeLink } from './fake-link.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryStore } from './memory-store.ts';

export interface LogLine {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly text: string;
}

/** A logger that keeps its lines. */
export function fakeLogger(): { logger: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: Record<string, unknown> | string, text?: string) => {
    lines.push(typeof fields === 'string' ? { level, fields: {}, text: fields } : { level, fields, text: text ?? '' });
  };
  const levels = ['debug', 'info', 'warn', 'error'].map((level) => [level, at(level)] as const);
  return { logger: Object.fromEntries(levels) as unknown as Logger, lines };
}

/** Somebody who makes requests. */
export function actorOf(id: string, scopes: { agent?: boolean; admin?: boolean; name?: string } = {}): Actor {
  return { id, agent: false, admin: false, ...scopes };
}

/** The identity of an actor, as a token would prove it. */
export function identityOf(actor: Actor, expiresAt?: number): Identity {
  const user = actor.name === undefined ? { id: actor.id } : { id: actor.id, name: actor.name };
  return { user, actor, ...(expiresAt !== undefined && { expiresAt }) };
}

/** Socket.IO's own namespace, with its in-process adapter, and no network under it. */
export function fakeNamespace(): ThreadNamespace {
  return new Server().of('/');
}

/** Puts a link into the namespace, as a socket would be. Returns what takes it out again. */
export function enter(namespace: ThreadNamespace, link: FakeLink): () => void {
  const { adapter } = namespace;
  const socket = {
    id: link.id,
    join: (room: string) => adapter.addAll(link.id, new Set([room])),
    leave: (room: string) => adapter.del(link.id, room),
    client: {
      // The packet of an event is `2` and a JSON array of its name and its payload.
      writeToEngine: ([packet]: [string]) => {
        const [event, payload] = JSON.parse(packet.slice(1)) as [string, unknown];
        link.emit(event, payload);
      },
    },
  };
  namespace.sockets.set(link.id, socket as never);
  void adapter.addAll(link.id, new Set([link.id]));
  return () => {
    namespace.sockets.delete(link.id);
    adapter.delAll(link.id);
  };
}

type Answer<E extends ClientEvent> =
  | { readonly ok: true; readonly data: ClientData<E>; readonly message_id?: string }
  | { readonly ok: false; readonly error: ErrorObject; readonly message_id?: string };

/** A connected client: what it sends goes through the dispatcher, what it is sent stays in its link. */
export class FakeClient {
  readonly link: FakeLink;
  readonly connection: Connection;
  readonly #dispatch: Dispatch;
  /** Closes the connection, from whichever end. */
  readonly close: () => void;

  constructor(link: FakeLink, connection: Connection, dispatch: Dispatch, leave: () => void) {
    this.link = link;
    this.connection = connection;
    this.#dispatch = dispatch;
    this.close = () => {
      if (connection.isClosed) return;
      connection.isClosed = true;
      leave();
    };
    link.onEnd = this.close;
  }

  /** Sends an event that asks for an ack; the answer also appears among what the link received. */
  async request<E extends ClientEvent>(event: E, payload: ClientPayload<E>): Promise<Answer<E>> {
    const answers: Answer<E>[] = [];
    const ack = (answer: unknown): void => {
      answers.push(answer as Answer<E>);
      this.link.emit('ack', answer);
    };
    await this.#dispatch(this.connection, { event, args: [payload], ack, bytes: 100 });
    return answers[0]!;
  }

  /** Like {@link request}, where an ok answer is expected. */
  async ask<E extends ClientEvent>(event: E, payload: ClientPayload<E>): Promise<ClientData<E>> {
    const answer = await this.request(event, payload);
    if (!answer.ok) throw new Error(`${event}: ${answer.error.code}: ${answer.error.message}`);
    return answer.data;
  }

  /** Like {@link request}, where an error is expected. */
  async refused<E extends ClientEvent>(event: E, payload: ClientPayload<E>): Promise<ErrorObject> {
    const answer = await this.request(event, payload);
    if (answer.ok) throw new Error(`${event} was not refused`);
    return answer.error;
  }

  /** Sends an event without an ack, with whatever arguments. Resolves when it was handled. */
  emit(event: unknown, ...args: unknown[]): Promise<void> {
    return this.#dispatch(this.connection, { event, args, bytes: 100 });
  }

  /** The seqs of the durable events of a thread that it received, in order. */
  seqs(threadId: string): number[] {
    return this.link.received
      .filter(([name]) => name === 'thread_message' || name === 'message_updated')
      .map(([, content]) => content as { thread_id: string; seq: number })
      .filter(({ thread_id }) => thread_id === threadId)
      .map(({ seq }) => seq);
  }
}

export interface FakeAppOptions {
  readonly store?: MemoryStore;
  readonly authenticator?: Authenticator;
  readonly ratePerSecond?: number;
  readonly maxSubscriptions?: number;
}

/** The server without a network and without a store that lasts: real services around a store in memory. */
export class FakeApp {
  readonly clock = new ManualClock();
  readonly lifecycle = new Lifecycle();
  readonly store: MemoryStore;
  readonly lines: readonly LogLine[];
  /** What operators are told of. */
  readonly refusals: Parameters<Services['activity']['refused']>[0][] = [];
  /** What was counted: the event and how it ended. */
  readonly outcomes: [event: string, outcome: string][] = [];
  readonly services: Services;
  readonly dispatch: Dispatch;
  readonly #namespace = fakeNamespace();
  readonly #ratePerSecond: number;
  #ids = 0;

  constructor(options: FakeAppOptions = {}) {
    const { logger, lines } = fakeLogger();
    const { now, schedule } = this.clock;
    const store = options.store ?? new MemoryStore();
    const rooms = new Rooms(this.#namespace);
    const watch = new ThreadWatch({
      store,
      send: (connections, payload) => rooms.sendTo(connections, 'threads_updated', payload),
      logger,
      now,
      schedule,
    });
    const announcer = new Announcer({
      publish: (change) => rooms.publish(change),
      changesAfter: (threadId, seq, limit) => store.changesAfter(threadId, seq, limit),
      logger,
      schedule,
    });
    rooms.onEmpty((threadId) => announcer.forget(threadId));
    const headPoll = new HeadPoll({
      store,
      announcer,
      onMembersChanged: (thread) => evictStrangers(this.services, thread),
      logger,
      now,
      schedule,
    });
    const writer = new LogWriter({
      store,
      logger,
      onCommit: (change) => {
        announcer.announce(change);
        watch.active(change.threadId);
      },
      onUnknown: (threadId) => {
        announcer.suspect(threadId);
        headPoll.alert();
      },
      onRepeat: (threadId, seq) => announcer.observe(threadId, seq),
      onResult: (op, result) => streams.settled(op, result),
    });
    const newId = () => `id-${++this.#ids}`;
    const streams = new Streams({
      store,
      write: (op) => writer.write(op),
      announceText: (text) => announcer.announceText(text),
      onEnding: () => undefined,
      logger,
      newId,
      now,
      steadyNow: now,
      schedule,
      leaseMs: 30_000,
    });
    const metrics = {
      answered: (event: string, outcome: string) => this.outcomes.push([event, outcome]),
      acknowledged: () => undefined,
      subscribed: () => undefined,
      refused: () => undefined,
    };
    this.store = store;
    this.lines = lines;
    this.#ratePerSecond = options.ratePerSecond ?? 0;
    this.services = {
      store,
      writer,
      streams,
      announcer,
      rooms,
      watch,
      headPoll,
      authenticator: options.authenticator ?? {
        anonymous: true,
        identify: async ({ user }) => identityOf(actorOf(user ?? 'anon', { agent: true })),
      },
      logger,
      metrics: metrics as unknown as Metrics,
      revocations: { has: () => false },
      activity: { refused: (refusal) => this.refusals.push(refusal) },
      now,
      newId,
      newTextBucket: () => new TokenBucket(0, 0, now()),
      maxSubscriptions: options.maxSubscriptions ?? 1000,
    };
    this.dispatch = createDispatch(this.services, this.lifecycle);
  }

  connect(actor: Actor, expiresAt?: number): FakeClient {
    const { rooms, watch, now } = this.services;
    const link = new FakeLink(`link-${++this.#ids}`);
    const connection = new Connection({
      clientId: `client-${this.#ids}`,
      link,
      identity: identityOf(actor, expiresAt),
      bucket: new TokenBucket(this.#ratePerSecond, this.#ratePerSecond * 4, now()),
    });
    const leave = enter(this.#namespace, link);
    rooms.add(connection);
    return new FakeClient(link, connection, this.dispatch, () => {
      leave();
      rooms.remove(connection);
      watch.remove(connection);
    });
  }

  /** The context of a request that came over HTTP. */
  contextOf(actor: Actor): RequestContext {
    return { ...this.services, actor };
  }

  /** Creates a thread, by its creator. */
  async thread(id: string, creator: string, members: readonly string[] = []): Promise<void> {
    const request = { id, actor: actorOf(creator), title: '', members, metadata: {}, at: this.clock.now() };
    const result = await this.store.createThread(request);
    if (!result.ok) throw new Error(result.message);
  }

  /** Sends a message, by a user who is not necessarily connected. Resolves when it was announced. */
  async say(threadId: string, user: string, content = 'hello', messageId = this.services.newId()): Promise<void> {
    const { writer, newId, now } = this.services;
    const id = newId();
    const actor = actorOf(user);
    const result = await writer.write({
      kind: 'append',
      threadId,
      actor,
      id,
      messageId,
      role: 'user',
      content,
      metadata: {},
      at: now(),
    });
    if (!result.ok) throw new Error(result.message);
  }
}

/** Parses a payload the way the dispatcher does, for handlers that are called without it. */
export function payloadOf<E extends ClientEvent>(event: E, payload: unknown): ClientPayload<E> {
  return clientEvents[event].payload.parse(payload) as ClientPayload<E>;
}
