export { clientEventNames, clientEvents } from './client-events.ts';
export type { ClientData, ClientEvent, ClientPayload } from './client-events.ts';
export { errorCodes, errorObjectSchema, errorTable } from './errors.ts';
export type { ErrorCode, ErrorObject, Issue, RetryClass } from './errors.ts';
export type { Answer, ClientToServerEvents, ServerToClientEvents } from './event-maps.ts';
export { withoutExcess } from './excess.ts';
export { httpRoutes } from './http-routes.ts';
export { limits } from './limits.ts';
export { metadataSchema } from './metadata.ts';
export type { JsonObject, JsonValue } from './metadata.ts';
export {
  connectAuthSchema,
  messageSchema,
  sessionSchema,
  threadHistorySchema,
  threadSchema,
  userSchema,
} from './objects.ts';
export type { ConnectAuth, Message, Session, Thread, ThreadHistory, User } from './objects.ts';
export {
  cleanText,
  idSchema,
  messageIdSchema,
  messageStatuses,
  reasonSchema,
  roles,
  tooLarge,
  utf8Bytes,
} from './scalars.ts';
export type { MessageStatus, Role } from './scalars.ts';
export { serverEventNames, serverEvents } from './server-events.ts';
export type { DurableEvent, ServerEvent, ServerPayload } from './server-events.ts';
export { asyncApiDocument } from './asyncapi.ts';
export { openApiDocument } from './openapi.ts';
