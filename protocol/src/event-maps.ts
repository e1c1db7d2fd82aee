import type { ClientData, ClientEvent, ClientPayload } from './client-events.ts';
import type { ErrorObject } from './errors.ts';
import type { ServerEvent, ServerPayload } from './server-events.ts';

/** What the ack of a client event is called with. `message_id` repeats the request's. */
export type Answer<E extends ClientEvent> =
  | { ok: true; data: ClientData<E>; message_id?: string | undefined }
  | { ok: false; error: ErrorObject; message_id?: string | undefined };

/** Socket.IO's event map for what clients send. */
export type ClientToServerEvents = {
  [E in ClientEvent]: (payload: ClientPayload<E>, ack?: (answer: Answer<E>) => void) => void;
};

/** Socket.IO's event map for what the server sends. */
export type ServerToClientEvents = {
  [E in ServerEvent]: (payload: ServerPayload<E>) => void;
};
