import type { ClientData, ClientEvent, ClientPayload } from '@threadwire/protocol';
import type { Connection } from '../connection/connection.ts';
import type { Services } from '../services.ts';
import type { Actor } from '../threads/access.ts';

/** A request, wherever it came from. */
export interface RequestContext extends Services {
  readonly actor: Actor;
}

/** A request that came over a connection. */
export interface ConnectionContext extends RequestContext {
  readonly connection: Connection;
  /**
   * Has this called in the same turn in which the request is answered, directly after the answer was written:
   * nothing can be sent in between. Called with `false` where the answer is an error.
   */
  readonly afterAnswer: (callback: (isOk: boolean) => void) => void;
}

/** The context of one request. The services are its prototype: copied into each, they would cost more than the rest of it. */
export function contextOf<C extends object>(services: Services, request: C): Services & C {
  return Object.assign(Object.create(services) as Services, request);
}

/** Carries out a request and returns the data of its answer, or throws a RequestError. */
export type Handler<E extends ClientEvent, C = ConnectionContext> = (
  context: C,
  payload: ClientPayload<E>,
) => ClientData<E> | Promise<ClientData<E>>;

/** A handler that HTTP can call as well. */
export type SharedHandler<E extends ClientEvent> = Handler<E, RequestContext>;
