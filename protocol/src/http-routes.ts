import type { ClientEvent } from './client-events.ts';

interface HttpRoute {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /** Express style: `/api/threads/:thread_id`. A parameter is the payload's field of the same name. */
  readonly path: string;
  /** The client event whose payload and answer this route shares. */
  readonly event: ClientEvent | 'get_thread' | 'stream_body';
  /** Statuses of an ok answer: the first, and for a repeat the second. */
  readonly statuses: readonly [number, ...number[]];
  /** Where the payload's other fields come from; `either` because some clients cannot send a body with DELETE. */
  readonly fields: 'query' | 'body' | 'either';
}

/** The HTTP API's routes: the one definition, from which the server mounts them and OpenAPI is made. */
export const httpRoutes = [
  { method: 'post', path: '/api/threads', event: 'create_thread', statuses: [201, 200], fields: 'body' },
  { method: 'get', path: '/api/threads', event: 'list_threads', statuses: [200], fields: 'query' },
  { method: 'get', path: '/api/threads/:thread_id', event: 'get_thread', statuses: [200], fields: 'query' },
  { method: 'patch', path: '/api/threads/:thread_id', event: 'update_thread', statuses: [200], fields: 'body' },
  {
    method: 'get',
    path: '/api/threads/:thread_id/messages',
    event: 'fetch_history',
    statuses: [200],
    fields: 'query',
  },
  {
    method: 'post',
    path: '/api/threads/:thread_id/messages',
    event: 'send_message',
    statuses: [201, 200],
    fields: 'body',
  },
  {
    method: 'patch',
    path: '/api/threads/:thread_id/messages/:id',
    event: 'edit_message',
    statuses: [200],
    fields: 'body',
  },
  {
    method: 'delete',
    path: '/api/threads/:thread_id/messages/:id',
    event: 'delete_message',
    statuses: [200],
    fields: 'either',
  },
  {
    method: 'post',
    path: '/api/threads/:thread_id/stream',
    event: 'stream_body',
    statuses: [200],
    fields: 'query',
  },
] as const satisfies readonly HttpRoute[];
