import { isUtf8 } from 'node:buffer';
import { finished } from 'node:stream';
import { promisify } from 'node:util';
import { clientEvents, httpRoutes, idSchema, limits, messageIdSchema } from '@threadwire/protocol';
import type { ClientEvent, ClientPayload } from '@threadwire/protocol';
import express from 'express';
import type { Request, Response, Router } from 'express';
import { z } from 'zod';
import { refuseRevoked } from '../admin/revocations.ts';
import type { Identity } from '../connection/authenticate.ts';
import { parse } from '../connection/parse.ts';
import { createThreadOnce } from '../handlers/create-thread.ts';
import { getThread } from '../handlers/get-thread.ts';
import { contextOf } from '../handlers/handler.ts';
import type { RequestContext, SharedHandler } from '../handlers/handler.ts';
import { handlers } from '../handlers/index.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { RequestError, invalidPayload } from '../request-error.ts';
import type { Services } from '../services.ts';
import type { RequestAbout } from './error-handler.ts';
import { RequestLimits } from './request-limits.ts';
import { streamBody } from './stream-body.ts';

export interface ApiOptions {
  readonly services: Services;
  readonly lifecycle: Lifecycle;
  readonly ratePerSecond: number;
}

type Route = (typeof httpRoutes)[number];

interface Reply {
  readonly data: unknown;
  /** The request was a repeat of an earlier one: the route's second status. */
  readonly isRepeat?: boolean;
}

/** Carries out a route's request. */
type Action = (context: RequestContext, fields: Record<string, unknown>) => Reply | Promise<Reply>;

function sharedAction<E extends ClientEvent>(event: E, handler: SharedHandler<E>): Action {
  return async (context, fields) => {
    const payload = parse(clientEvents[event].payload, fields, 'The request') as ClientPayload<E>;
    return { data: await handler(context, payload) };
  };
}

const streamBodySchema = clientEvents.stream_start.payload.pick({ thread_id: true, message_id: true, role: true });
const threadParameters = z.strictObject({ thread_id: idSchema });

/** Those whose answer does not wait for what goes on arriving. */
type OrdinaryEvent = Exclude<Route['event'], 'stream_body'>;

const actions: { [R in OrdinaryEvent]: Action } = {
  create_thread: async (context, fields) => {
    const payload = parse(clientEvents.create_thread.payload, fields, 'The request');
    const { thread, created } = await createThreadOnce(context, payload);
    return { data: { thread }, isRepeat: !created };
  },
  list_threads: sharedAction('list_threads', handlers.list_threads),
  get_thread: async (context, fields) => ({
    data: await getThread(context, parse(threadParameters, fields, 'The request')),
  }),
  update_thread: sharedAction('update_thread', handlers.update_thread),
  fetch_history: sharedAction('fetch_history', handlers.fetch_history),
  send_message: async (context, fields) => {
    const data = await handlers.send_message(context, parse(clientEvents.send_message.payload, fields, 'The request'));
    return { data, isRepeat: data.duplicate };
  },
  edit_message: sharedAction('edit_message', handlers.edit_message),
  delete_message: sharedAction('delete_message', handlers.delete_message),
};

/** The HTTP API: the routes of the protocol's table, carried out by the same handlers as the events. */
export function createApi(options: ApiOptions): Router {
  const router = express.Router();
  const requestLimits = new RequestLimits(options.ratePerSecond, options.services.now);
  for (const route of httpRoutes) {
    router[route.method](route.path, (request, response) => serve(options, requestLimits, route, request, response));
  }
  return router;
}

async function serve(
  { services, lifecycle }: ApiOptions,
  requestLimits: RequestLimits,
  route: Route,
  request: Request,
  response: Response,
): Promise<void> {
  const about = aboutRequest(request);
  Object.assign(response.locals, { event: route.event, about });
  refuseWhileDraining(lifecycle, response);
  const identity = await authenticate(services, request);
  requestLimits.admit(request, identity);
  if (route.event === 'stream_body') {
    const given = fieldsOf(request, route);
    noteMessageId(about, given);
    const fields = parse(streamBodySchema, given, 'The request');
    const message = await streamBody(services, lifecycle, identity, request, fields, (id) => {
      about.stream_id = id;
      services.logger.debug({ request_id: response.locals['requestId'], stream_id: id }, 'a body is streamed');
    });
    services.metrics.answered(`http ${route.event}`, 'ok');
    response.json({ message });
    return;
  }
  // Not before it is known that somebody may send it.
  if (route.fields !== 'query') await readJson(request, response);
  // That may have taken its time.
  refuseRevoked(services.revocations, identity.actor.id);
  refuseWhileDraining(lifecycle, response);
  // Answered is what has left, or has nobody left to go to.
  finished(response, lifecycle.beginWork());
  const context = contextOf(services, { actor: identity.actor });
  const given = fieldsOf(request, route);
  noteMessageId(about, given);
  const arrivedAt = performance.now();
  const { data, isRepeat = false } = await actions[route.event](context, given);
  const [first, second = first] = route.statuses as readonly [number, number?];
  services.metrics.answered(`http ${route.event}`, 'ok');
  if (route.event === 'send_message') services.metrics.acknowledged(performance.now() - arrivedAt);
  response.status(isRepeat ? second : first).json(data);
}

/** What an error says about the request, as far as it is well-formed: known before it is known what is wrong with it. */
function aboutRequest({ params }: Request): RequestAbout {
  const threadId = idSchema.safeParse(params['thread_id']);
  return threadId.success ? { thread_id: threadId.data } : {};
}

function noteMessageId(about: RequestAbout, { message_id: given }: Record<string, unknown>): void {
  const messageId = messageIdSchema.safeParse(given);
  if (messageId.success) about.message_id = messageId.data;
}

function refuseWhileDraining(lifecycle: Lifecycle, response: Response): void {
  if (!lifecycle.isDraining) return;
  response.set('Connection', 'close');
  throw new RequestError('unavailable', 'The server is draining.', { retry_after_ms: 1000 });
}

async function authenticate({ authenticator }: Services, request: Request): Promise<Identity> {
  if (authenticator.anonymous) {
    const user = request.get('X-Threadwire-User');
    return authenticator.identify({
      user: user === undefined ? undefined : parse(idSchema, user, 'X-Threadwire-User'),
    });
  }
  const match = /^Bearer +(\S+)$/i.exec(request.get('Authorization') ?? '');
  return authenticator.identify({ token: match?.[1] });
}

/** The payload: the path's parameters and the query's or body's fields, none of which may be given twice. */
function fieldsOf(request: Request, route: Route): Record<string, unknown> {
  const query = queryFields(request.query);
  const body = bodyFields(request.body);
  const [stray] = Object.keys(query);
  if (route.fields === 'body' && stray !== undefined) {
    throw invalidPayload('The request is not valid.', { path: stray, message: 'belongs into the body, not the query' });
  }
  const given = { ...query, ...body };
  const sources = [request.params, query, body];
  const repeated = Object.keys(given).find((name) => sources.filter((each) => Object.hasOwn(each, name)).length > 1);
  if (repeated !== undefined) {
    throw invalidPayload('The request is not valid.', { path: repeated, message: 'is given twice' });
  }
  return { ...given, ...request.params };
}

const numbers = new Set(['after_seq', 'before_position', 'limit', 'if_seq']);

function queryFields(query: Request['query']): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => {
      const isNumber = numbers.has(name) && typeof value === 'string' && /^\d{1,16}$/.test(value);
      return [name, isNumber ? Number(value) : value];
    }),
  );
}

function bodyFields(body: unknown): Record<string, unknown> {
  if (body === undefined) return {};
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw invalidPayload('The body must be a JSON object.', { path: '', message: 'must be an object' });
}

const maxBodyMs = 60_000;
const parseJson = express.json({
  limit: limits.maxFrameBytes,
  type: 'application/json',
  strict: false,
  verify: (_request, _response, body, encoding) => {
    // What is no UTF-8 would be read as if it were, with other characters in its place.
    if (encoding !== 'utf-8' || isUtf8(body)) return;
    throw invalidPayload('The body is not UTF-8.', { path: '', message: 'must be UTF-8' });
  },
});

/** Reads a body of JSON, if there is one, into `request.body`. */
async function readJson(request: Request, response: Response): Promise<void> {
  // One that is not declared as JSON would not be read: say so, rather than complain of missing fields.
  const hasBody = request.get('Transfer-Encoding') !== undefined || Number(request.get('Content-Length') ?? 0) > 0;
  if (hasBody && !request.is('application/json')) {
    throw invalidPayload('The body must be sent as Content-Type: application/json.', {
      path: '',
      message: 'must be declared as application/json',
    });
  }
  // Bodies that are streamed may take any time, so the HTTP server does not limit it.
  const timer = setTimeout(() => request.destroy(), maxBodyMs);
  await promisify(parseJson)(request, response).finally(() => clearTimeout(timer));
}
