import type { Message, Role } from '@threadwire/protocol';
import type { Request } from 'express';
import { refuseRevoked } from '../admin/revocations.ts';
import type { Identity } from '../connection/authenticate.ts';
import { startStream } from '../handlers/stream-start.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { RequestError, invalidPayload, refused } from '../request-error.ts';
import type { Services } from '../services.ts';
import { streamClosed } from '../store/rules.ts';
import type { StreamLoss, StreamProducer } from '../streams/active-stream.ts';
import type { Actor } from '../threads/access.ts';

export interface StreamBody {
  readonly thread_id: string;
  readonly message_id?: string | undefined;
  readonly role?: Role | undefined;
}

/** A request whose body is a stream's text. */
class BodyProducer implements StreamProducer {
  readonly #identity: Identity;
  readonly #lost: AbortController;
  isClosed = false;

  constructor(identity: Identity, lost: AbortController) {
    this.#identity = identity;
    this.#lost = lost;
  }

  get actor(): Actor {
    return this.#identity.actor;
  }

  streamLost({ error }: StreamLoss): void {
    this.#lost.abort(error);
  }
}

/**
 * Streams a request's body into a message as it arrives; resolves with the message when both have ended. Each piece is
 * stored before the next one is read, so that the sender is held up where the store is. A body that breaks off, or that
 * is refused in the middle, leaves the stream to its lease. `onStream` is told which stream it is, as soon as it is one.
 *
 * @throws {RequestError} as soon as the stream is not this request's any more, whatever of the body is still to come.
 */
export async function streamBody(
  services: Services,
  lifecycle: Lifecycle,
  identity: Identity,
  request: Request,
  { thread_id: threadId, message_id: messageId = services.newId(), role = 'assistant' }: StreamBody,
  onStream: (streamId: string) => void,
): Promise<Message> {
  checkType(request);
  const lost = new AbortController();
  const producer = new BodyProducer(identity, lost);
  const { streams } = services;
  // Not `AbortSignal.any`: what it makes would be kept for as long as the server runs.
  const { draining } = lifecycle;
  const drain = (): void => lost.abort(draining.reason);
  draining.addEventListener('abort', drain, { once: true });
  try {
    const { message } = await startStream(services, producer, { threadId, messageId, role, metadata: {} });
    onStream(message.id);
    if (message.status !== 'streaming') {
      if (message.status === 'complete') return message;
      throw refused(streamClosed(message.status));
    }
    // Whoever cancels it does not wait for more of the body.
    if (draining.aborted) drain();
    const ended = readInto(services, lifecycle, identity, producer, message.id, request, lost.signal);
    return await Promise.race([ended, abortOf(lost.signal)]);
  } finally {
    draining.removeEventListener('abort', drain);
    producer.isClosed = true;
    streams.producerGone(producer);
    // What is left of it goes nowhere.
    request.resume();
  }
}

async function readInto(
  { streams, revocations, now }: Services,
  lifecycle: Lifecycle,
  { actor, expiresAt }: Identity,
  producer: StreamProducer,
  streamId: string,
  request: Request,
  over: AbortSignal,
): Promise<Message> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let offset = 0;
  const append = async (delta: string): Promise<void> => {
    over.throwIfAborted();
    if (delta === '') return;
    if (delta.includes('\0')) throw invalidBody('must not contain U+0000');
    if (expiresAt !== undefined && expiresAt <= now())
      throw new RequestError('token_expired', 'The token has run out.');
    refuseRevoked(revocations, actor.id);
    const endWork = lifecycle.beginWork();
    try {
      await streams.append(producer, { stream_id: streamId, offset, delta });
      offset += delta.length;
    } finally {
      endWork();
    }
  };
  // It is still to be answered on the same connection where it is left in the middle.
  for await (const bytes of request.iterator({ destroyOnReturn: false })) {
    await append(decode(decoder, bytes as Buffer));
  }
  await append(decode(decoder));
  const endWork = lifecycle.beginWork();
  try {
    return await streams.end(producer, { stream_id: streamId, offset, status: 'complete' });
  } finally {
    endWork();
  }
}

function decode(decoder: InstanceType<typeof TextDecoder>, bytes?: Buffer): string {
  try {
    return bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode();
  } catch {
    throw invalidBody('must be UTF-8');
  }
}

function checkType(request: Request): void {
  const type = request.get('Content-Type') ?? '';
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)"?/i.exec(type)?.[1] ?? 'utf-8';
  if (!/^text\/plain\s*(;|$)/i.test(type) || !/^utf-?8$/i.test(charset)) {
    throw invalidBody('must be sent as Content-Type: text/plain; charset=utf-8');
  }
  if ((request.get('Content-Encoding') ?? 'identity') !== 'identity') throw invalidBody('must not be compressed');
}

function invalidBody(message: string): RequestError {
  return invalidPayload(`The body ${message}.`, { path: '', message });
}

/** Rejects with the signal's reason, once it has been aborted. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(signal.reason as Error);
    if (signal.aborted) fail();
    else signal.addEventListener('abort', fail, { once: true });
  });
}
