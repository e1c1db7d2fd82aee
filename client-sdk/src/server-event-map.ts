import type { ServerEvent, ServerPayload } from '@threadwire/protocol';

/** Every event of the server with its payload, as `on` gives it to handlers. */
export type ServerEventMap = { [E in ServerEvent]: ServerPayload<E> };
