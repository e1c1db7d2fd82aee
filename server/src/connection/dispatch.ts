import { clientEvents, idSchema, messageIdSchema } from '@threadwire/protocol';
import type { ClientData, ClientEvent, ErrorObject } from '@threadwire/protocol';
import { contextOf } from '../handlers/handler.ts';
import type { ConnectionContext, Handler } from '../handlers/handler.ts';
import { handlers } from '../handlers/index.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { RequestError, invalidPayload, toRequestError } from '../request-error.ts';
import type { Services } from '../services.ts';
import type { Connection } from './connection.ts';
import { parse } from './parse.ts';

/** Answers a request whose client asked for an ack. */
export type Ack = (answer: unknown) => void;

/** A client event as it arrived: nothing about it is known to be right. */
export interface Inbound {
  readonly event: unknown;
  readonly args: readonly unknown[];
  readonly ack?: Ack | undefined;
  /** Size of the frame it came in. */
  readonly bytes: number;
}

/** Carries out one client event and answers it: by its ack, or else by its reply event or `error`. Never rejects. */
export type Dispatch = (connection: Connection, inbound: Inbound) => Promise<void>;

export function createDispatch(services: Services, lifecycle: Lifecycle): Dispatch {
  return async (connection, inbound) => {
    const { event, args, ack } = inbound;
    const arrivedAt = event === 'send_message' ? performance.now() : undefined;
    const callbacks: ((isOk: boolean) => void)[] = [];
    connection.requestBegins(inbound.bytes);
    const endWork = lifecycle.beginWork();
    let endTurn: (() => void) | undefined;
    let error: RequestError | undefined;
    let isGone = false;
    try {
      const name = admit(services, lifecycle, connection, inbound);
      const payload = parse(clientEvents[name].payload, singleObject(args), 'The payload', inbound.bytes);
      const context = contextOf<Omit<ConnectionContext, keyof Services>>(services, {
        actor: connection.actor,
        connection,
        afterAnswer: (callback) => callbacks.push(callback),
      });
      if (inTurn.has(name)) endTurn = await connection.turn();
      const creation = 'thread_id' in payload ? connection.creationOf(payload.thread_id) : undefined;
      if (creation) await creation;
      isGone = connection.isClosed;
      if (isGone) throw new RequestError('unavailable', 'The connection has closed.');
      const handler = handlers[name] as Handler<ClientEvent>;
      const data = await handler(context, payload);
      connection.answer(() => answer(connection, name, data, payload.message_id, ack));
    } catch (thrown) {
      error = refuse(services, connection, thrown, inbound);
    }
    try {
      for (const callback of callbacks) callback(error === undefined);
    } catch (thrown) {
      services.logger.error({ err: thrown, client_id: connection.clientId, event }, 'after an answer');
      // Nobody knows how far it came: the client has to start again.
      connection.closeTransport();
    }
    // Who left while it waited for its turn was refused nothing.
    if (!isGone) services.metrics.answered(isClientEvent(event) ? event : 'unknown', error?.code ?? 'ok');
    if (arrivedAt !== undefined && !error) services.metrics.acknowledged(performance.now() - arrivedAt);
    connection.requestEnds(inbound.bytes);
    endTurn?.();
    endWork();
  };
}

/**
 * Requests with large answers are carried out one after the other, so that one client's do not crowd out everybody's, nor
 * pile up undelivered. Leaving a thread is one of them, because it must not overtake joining it.
 */
const inTurn: ReadonlySet<ClientEvent> = new Set([
  'subscribe_thread',
  'subscribe_threads',
  'unsubscribe_thread',
  'fetch_history',
  'list_threads',
]);

/** Whether the request may be looked at at all; returns the name of its event. */
export function admit(
  services: Services,
  lifecycle: Lifecycle,
  connection: Connection,
  inbound: Pick<Inbound, 'event' | 'bytes'>,
): ClientEvent {
  const { expiresAt } = connection.identity;
  const now = services.now();
  if (expiresAt !== undefined && expiresAt <= now && inbound.event !== 'reauth') {
    throw new RequestError('token_expired', 'The token has run out.');
  }
  if (lifecycle.isDraining) throw new RequestError('unavailable', 'The server is draining.', { retry_after_ms: 1000 });
  const waitMs = takeTokens(services, connection, inbound);
  if (waitMs > 0) throw new RequestError('rate_limited', 'Too many requests.', { retry_after_ms: waitMs });
  if (connection.isOverloaded) throw new RequestError('overloaded', 'Too many requests are unanswered.');
  if (!isClientEvent(inbound.event)) throw new RequestError('unknown_event', 'There is no such event.');
  return inbound.event;
}

/** Of text it is the bytes that count, however many pieces it comes in. */
function takeTokens(
  { now, newTextBucket }: Services,
  connection: Connection,
  { event, bytes }: Pick<Inbound, 'event' | 'bytes'>,
): number {
  if (event !== 'stream_chunk') return connection.bucket.take(1, now());
  connection.textBucket ??= newTextBucket();
  return connection.textBucket.take(bytes, now());
}

function isClientEvent(event: unknown): event is ClientEvent {
  return typeof event === 'string' && Object.hasOwn(clientEvents, event);
}

function singleObject(args: readonly unknown[]): unknown {
  const isBinary = holdsBytes(args[0], 2);
  if (args.length === 1 && !isBinary) return args[0];
  const found = isBinary ? 'bytes' : `${args.length} arguments`;
  throw invalidPayload('An event carries exactly one JSON object.', {
    path: '',
    message: `must be one object, not ${found}`,
  });
}

/**
 * Whether there are bytes so many levels down or higher, as far as payloads have strict objects: there each byte would be
 * taken for an unknown field, and a few megabytes of them would stop the process for seconds.
 */
function holdsBytes(value: unknown, levels: number): boolean {
  if (ArrayBuffer.isView(value)) return true;
  if (levels === 0 || typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((child) => holdsBytes(child, levels - 1));
}

/** What an error may say about the request, as far as it is well-formed. */
function about(
  event: unknown,
  payload: unknown,
): Pick<ErrorObject, 'event' | 'message_id' | 'thread_id' | 'stream_id'> {
  const fields = (typeof payload === 'object' && payload !== null ? payload : {}) as Record<string, unknown>;
  const messageId = messageIdSchema.safeParse(fields['message_id']);
  const threadId = idSchema.safeParse(fields['thread_id']);
  const streamId = idSchema.safeParse(fields['stream_id']);
  return {
    ...(typeof event === 'string' && { event: event.slice(0, 64).toWellFormed() }),
    ...(messageId.success && { message_id: messageId.data }),
    ...(threadId.success && { thread_id: threadId.data }),
    ...(streamId.success && { stream_id: streamId.data }),
  };
}

function answer(
  connection: Connection,
  name: ClientEvent,
  data: ClientData<ClientEvent>,
  messageId: string | undefined,
  ack: Inbound['ack'],
): void {
  if (ack) {
    ack(messageId === undefined ? { ok: true, data } : { ok: true, data, message_id: messageId });
    return;
  }
  const correlation = messageId === undefined ? {} : { message_id: messageId };
  switch (name) {
    case 'ping':
      connection.emit('pong', { ...(data as ClientData<'ping'>), ...correlation });
      return;
    case 'subscribe_thread':
    case 'fetch_history':
      connection.emit('thread_history', { ...(data as ClientData<'fetch_history'>), ...correlation });
      return;
    case 'subscribe_threads':
      for (const entry of (data as ClientData<'subscribe_threads'>).threads) {
        if (entry.ok) connection.emit('thread_history', { ...entry.data, ...correlation });
        else connection.fail({ ...entry.error, event: name, ...correlation });
      }
      return;
    default:
  }
}

/** Answers a request with why it was refused. */
export function refuse(
  { logger, activity }: Services,
  connection: Connection,
  thrown: unknown,
  { event, args, ack }: Omit<Inbound, 'bytes'>,
): RequestError {
  const error = toRequestError(thrown);
  const request = about(event, args[0]);
  // Names that are made up may be anything.
  const known = isClientEvent(event) ? event : 'unknown';
  if (error.code === 'internal') {
    logger.error({ err: thrown, client_id: connection.clientId, event: known }, 'request failed');
  } else {
    logger.debug({ client_id: connection.clientId, event: known, code: error.code }, 'request refused');
  }
  const refusal = error.toObject(request);
  if (refusal.code === 'rate_limited') connection.wasted();
  activity.refused({
    code: error.code,
    request: request.event ?? 'unknown',
    user_id: connection.actor.id,
    client_id: connection.clientId,
    message: error.message.slice(0, 200),
  });
  const { message_id } = refusal;
  connection.answer(() => {
    if (ack) ack({ ok: false, error: refusal, ...(message_id !== undefined && { message_id }) });
    else connection.fail(refusal);
  });
  return error;
}
